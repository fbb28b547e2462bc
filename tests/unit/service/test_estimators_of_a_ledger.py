"""Estimators that need more of a ledger than outcomes: who was reached, and what is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apologylab.inference.lost import lost
from apologylab.inference.sets import DRAWN_AT
from apologylab.record.facts import Delivery, Forgotten
from apologylab.service.analyse import about
from apologylab.service.conclude import conclude
from apologylab.service.ports import LedgerIdentity
from apologylab.service.question import question
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger

LATER = datetime(2026, 7, 20, tzinfo=UTC)


@pytest.fixture
def analysed(late, tmp_path):
    """A function of estimators: 240 units, each seventh remedy failed, one customer forgotten."""
    ledger = create(
        tmp_path / "l.sqlite", LedgerIdentity(id="t", environment="test", simulated=True)
    )

    def analyse(*estimators):
        found = late.units(240)
        told = [
            fact
            for n, fact in enumerate(late.happenings(found))
            if not (isinstance(fact, Delivery) and n % 7 == 0)
        ]
        gone = Forgotten(key="f", occurred_at=LATER, customer=next(iter(found)), because="asked")
        late.append(ledger, [*late.enrolment(found), *told, gone])
        late.append(ledger, late.feeds(late.START + 90 * late.DAY))
        mark = ledger.mark(LATER + timedelta(days=1))
        ledger.close()
        declared = late.declaration()
        url = f"sqlite:///{ledger.database.path}"
        panel = panel_ledger(url, declared, as_of=LATER, mark=mark)
        asked = question(declared, covariates=panel.covariates, instead=estimators)
        return conclude(panel, asked, about(declared, as_of=LATER)), panel

    return analyse


def test_the_complier_effect_divides_by_the_share_that_was_reached(analysed):
    found, panel = analysed("complier", "difference_in_means")
    plain = {
        (each.outcome, each.name): each.point
        for each in found.estimates
        if each.estimator == "difference_in_means"
    }
    mine = [
        each
        for each in found.estimates
        if each.estimator == "complier" and each.reference == "silence"
    ]
    rows = panel.source.collect([mine[0].outcome, "delivered"])
    arm = np.array([cell.arm for cell in rows.cells])[rows.code]
    known = ~np.isnan(rows.columns[mine[0].outcome])
    reached = {a: rows.columns["delivered"][known & (arm == a)].mean() for a in set(arm)}
    assert reached["silence"] == 0
    assert 0.7 < reached[mine[0].treatment] < 1
    for one in mine[:1]:
        effect = plain[one.outcome, one.name]
        assert one.point == pytest.approx(effect / reached[one.treatment], rel=1e-9)
        assert "whom assignment made delivered" in one.estimand


def test_arms_that_reach_alike_have_no_complier_effect(analysed):
    """Between two remedies assignment moves no delivery."""
    found, _ = analysed("complier")
    factors = [each for each in found.refusals if each.reference != "silence"]
    assert factors
    assert all("every effect" in each.because for each in factors)


def test_the_forgotten_are_bounded(analysed):
    found, panel = analysed("missing_bounds(high=10000)")
    outcome = found.estimates[0].outcome
    (gone,) = panel.source.value_counts([lost(outcome)])
    assert int(gone.n[gone.value == 1].sum()) == 1
    low, high = found.estimates[:2]
    assert high.point > low.point or dict(low.details)["lost"] == pytest.approx(1 / 240)
    assert any("missing_bounds says" in note for note in found.notes)
    assert DRAWN_AT not in panel.columns
