"""A ledger whose second phase has other weights, beside the same analysis by numpy and statsmodels.

The reference knows nothing of moments, panels or SQL: it walks the facts, one customer at a time,
and post-stratifies by phase (Miratrix, Sekhon and Yu 2013).
"""

from __future__ import annotations

import random

import numpy as np
import pytest
import statsmodels.api as sm

from apologylab.design.fingerprint import fingerprint
from apologylab.record.facts import Assignment, PhaseBegan, Started
from apologylab.service.analyse import analyse
from apologylab.service.decide import decide
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.wire.declaration import read

COVARIATE = "spend_28d:pre"
SECOND = '[[allocation.phases]]\nweights = { silence = 1, "*" = 3 }\n'
NOT_DRAWN = ("HOLDOUT", "OVERRIDE", "CLOSED", "POLICY", "FALLBACK", "INELIGIBLE")


@pytest.fixture(scope="module")
def lived(late, tmp_path_factory):
    """(rows of the oracle with their phase, analysis, verdict)."""
    text = late.text().replace("[plan]", SECOND + "[plan]")
    experiment = read(text, where="late")
    weights = (dict.fromkeys(late.ARMS, 1), dict.fromkeys(late.ARMS, 3) | {"silence": 1})
    chance = random.Random(20_260_802)
    found, phase = {}, {}
    for customer, (anchor, _) in late.units(2_000, days=28).items():
        phase[customer] = 1 if anchor < late.START + 14 * late.DAY else 2
        drawn = chance.choices(late.ARMS, list(weights[phase[customer] - 1].values()))[0]
        found[customer] = (anchor, drawn)
    named = {"experiment": "late", "version": 1}
    started = Started(
        key="late/1", occurred_at=late.START, fingerprint=fingerprint(experiment),
        declaration=text, **named,
    )  # fmt: skip
    begun = [
        PhaseBegan(
            key=f"late/1/{i}", occurred_at=late.START + 14 * (i - 1) * late.DAY, phase=i,
            entry=1.0, weights=dict(each), **named,
        )
        for i, each in enumerate(weights, start=1)
    ]  # fmt: skip
    enrolled = [
        late.randomised(each.customer, each.occurred_at, each.arm, phase=phase[each.customer])
        if isinstance(each, Assignment)
        else each
        for each in late.enrolment(found)
    ]
    happened = list(late.happenings(found))
    strangers = [
        late.randomised(f"x{reason}", late.START, "silence", reason=reason) for reason in NOT_DRAWN
    ]
    bought = [
        late.order(f"o{each.customer}", each.customer, late.START + late.DAY, 999_900)
        for each in strangers
    ]
    file = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    ledger = create(file, LedgerIdentity(id="t", environment="test", simulated=True))
    feeds = late.feeds(late.START + 90 * late.DAY)
    late.append(ledger, [started, *begun, *enrolled, *happened, *strangers, *bought, *feeds])
    as_of = late.START + 120 * late.DAY
    mark = ledger.mark(as_of)
    ledger.close()
    panel = panel_ledger(f"sqlite:///{file}", experiment, as_of=as_of, mark=mark)
    analysis = analyse(experiment, panel, ledger, as_of=as_of, now=as_of)
    verdict = decide(experiment, panel, ledger, as_of=as_of, now=as_of)
    ledger.close()
    rows = late.expected(found, happened)
    return [row | {"phase": phase[name]} for name, row in rows.items()], analysis, verdict


def post_stratified(rows, outcome, cells, *, adjusted):
    """(difference, standard error): within each phase by arm, weighted by the phase's units."""
    point = variance = 0.0
    for phase in (1, 2):
        block = [row for row in rows if row["phase"] == phase]
        share = len(block) / len(rows)
        centre = np.mean([row[COVARIATE] for row in block])
        for arm, weight in cells:
            mine = [row for row in block if row["arm"] == arm]
            x = np.array([row[COVARIATE] for row in mine]) - centre
            z = sm.add_constant(x) if adjusted else np.ones(len(mine))
            fitted = sm.OLS(np.array([row[outcome] for row in mine]), z).fit(cov_type="HC2")
            point += share * weight * fitted.params[0]
            variance += (share * weight) ** 2 * fitted.cov_params()[0, 0]
    return point, variance**0.5


def test_every_estimate_is_the_references(lived):
    rows, analysis, _ = lived
    assert not analysis.refusals
    assert len(analysis.estimates) == 3 * (3 + 2) * 2  # outcomes, arms and main effects, estimators
    for each in analysis.estimates:
        adjusted = each.estimator == "lin"
        theirs = post_stratified(rows, each.outcome, each.cells, adjusted=adjusted)
        assert (each.point, each.std_error) == pytest.approx(theirs, rel=1e-9, abs=1e-11)
        assert each.phase == "1+2"


def test_the_values_of_the_verdict_are_the_references(lived):
    rows, _, verdict = lived
    assert len(verdict.values) == 3
    for each in verdict.values:
        cells = ((each.arm, 1.0), ("silence", -1.0))
        theirs = post_stratified(rows, "value", cells, adjusted=True)
        assert (each.point, each.std_error) == pytest.approx(theirs, rel=1e-9, abs=1e-11)


def test_who_was_not_randomised_is_in_no_count(lived):
    rows, analysis, _ = lived
    assert sum(arm.assigned for arm in analysis.flow) == len(rows)
    assert all(check.passed is not False for check in analysis.checks)
