"""R27 through a ledger: where causes are known every analysis shows the interval between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from apologylab.inference.estimators.cluster_robust import cluster_robust
from apologylab.record.facts import Incident
from apologylab.service.analyse import about
from apologylab.service.conclude import conclude
from apologylab.service.ports import LedgerIdentity
from apologylab.service.question import question
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger

LATER = datetime(2026, 7, 20, tzinfo=UTC)


@pytest.fixture
def analysed(late, tmp_path):
    """A function of the causes (of incident -> text or None): the analysis, and its panel."""
    ledger = create(
        tmp_path / "l.sqlite", LedgerIdentity(id="t", environment="test", simulated=True)
    )

    def analyse(cause):
        found = late.units(120)
        enrolled = [
            replace(fact, cause=cause(n)) if isinstance(fact, Incident) else fact
            for n, fact in enumerate(late.enrolment(found))
        ]
        late.append(ledger, [*enrolled, *late.happenings(found)])
        late.append(ledger, late.feeds(late.START + 90 * late.DAY))
        mark = ledger.mark(LATER)
        ledger.close()
        url = f"sqlite:///{ledger.database.path}"
        declared = late.declaration()
        panel = panel_ledger(url, declared, as_of=LATER, mark=mark)
        asked = question(declared, covariates=panel.covariates)
        return conclude(panel, asked, about(declared, as_of=LATER)), panel

    return analyse


def test_the_interval_between_causes_is_the_regressions_cr2(analysed):
    found, panel = analysed(lambda n: f"outage-{n % 7}")
    mine = [each for each in found.estimates if each.estimator == "by_cause"]
    first = mine[0]
    rows = panel.source.collect([first.outcome, "cause"])
    arm = np.array([cell.arm for cell in rows.cells])[rows.code]
    names = sorted(set(arm))
    x = (arm[:, None] == np.array(names)).astype(float)
    fit = cluster_robust(rows.columns[first.outcome], x, rows.columns["cause"])
    c = np.array([dict(first.cells).get(name, 0.0) for name in names])
    assert first.point == pytest.approx(c @ fit.beta, rel=1e-9)
    assert first.std_error == pytest.approx(fit.std_error(c), rel=1e-9)
    assert first.df == pytest.approx(fit.df(c), rel=1e-9)
    assert dict(first.details)["values of cause"] == 7
    assert "further causes" in first.estimand
    assert found.estimates[0].estimator != "by_cause"


def test_one_cause_is_a_refusal_that_says_so(analysed):
    found, _ = analysed(lambda _: "the outage")
    assert not [each for each in found.estimates if each.estimator == "by_cause"]
    why = {each.because for each in found.refusals if each.estimator == "by_cause"}
    assert why == {"the units have 1 known values of cause: two are needed"}


def test_without_causes_nothing_is_said_of_them(analysed):
    found, panel = analysed(lambda _: None)
    assert "cause" not in panel.columns
    assert "by_cause" not in {each.estimator for each in (*found.estimates, *found.refusals)}
