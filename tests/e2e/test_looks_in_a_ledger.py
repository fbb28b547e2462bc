"""A plan of looks on a running experiment: read from the ledger, corrected, decided (R30, R31)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apologylab.inference.sequential.boundaries import crossing
from apologylab.record.facts import Look
from apologylab.service.analyse import analyse
from apologylab.service.decide import decide
from apologylab.service.status import status
from apologylab.storage.sqlite import create
from apologylab.warehouse.census import census
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.wire.declaration import read
from apologylab.wire.results import status_document

LOOKS = ("2026-02-10", "2026-02-20")
END = "2026-04-01"


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def started(late, tmp_path):
    """Declared with looks; 800 units, all facts as they would have been recorded day by day."""

    def begin(plan, **spent):
        declared = late.text().replace("enrol_days = 30\n", f"enrol_days = 30\n{plan}\n")
        experiment = read(declared, where="late")
        path = tmp_path / "late.sqlite"
        ledger = create(path, late_identity())
        found = late.units(400, days=30)
        pins = [replace(each, **_pinned(each, experiment, declared)) for each in late.started()]
        facts = [*pins, *late.enrolment(found), *late.happenings(found)]
        facts += list(spent.get("more", lambda _: ())(found))
        for text in (*LOOKS, END):
            at = day(text)
            now = [each for each in facts if each.occurred_at < at]
            facts = [each for each in facts if each.occurred_at >= at]
            late.append(ledger, [*now, *late.feeds(at)], at=at)
        return experiment, ledger, f"sqlite:///{path}"

    return begin


def late_identity():
    from apologylab.service.ports import LedgerIdentity

    return LedgerIdentity(id="l1", environment="test", simulated=True, secret="s")


def _pinned(each, experiment, declared):
    from apologylab.design.fingerprint import fingerprint
    from apologylab.record.facts import Started

    if not isinstance(each, Started):
        return {}
    return {"fingerprint": fingerprint(experiment), "declaration": declared}


GROUP = 'sequential = "group_sequential"\nlooks = 3\nfirst_look = 20\nexpected_customers = 400'
ANY = 'sequential = "confidence_sequence"\nfirst_look = 20\nexpected_customers = 400'


def look(case, text, what=analyse):
    experiment, ledger, url = case
    at = day(text) + timedelta(hours=1)
    panel = panel_ledger(url, experiment, as_of=at, mark=ledger.mark(at))
    return what(experiment, panel, ledger, as_of=at, now=at)


def arms(found, outcome="spend_28d", estimator="lin"):
    return {
        each.treatment: each
        for each in found.estimates
        if (each.outcome, each.estimator, each.kind) == (outcome, estimator, "arm")
    }


def half(each):
    return (each.ci_high - each.ci_low) / 2 / each.std_error


def test_looks_are_read_from_the_ledger_and_paid_for(started):
    case = started(GROUP)
    first, second, last = (look(case, text) for text in (*LOOKS, END))
    facts = list(case[1].read(Look, mark=None))
    assert [each.planned for each in facts] == [True, True]
    assert [each.look for each in (first.estimates[0], second.estimates[0])] == [1, 2]
    for arm, row in arms(last).items():
        seen = [each.readings[f"spend_28d | lin | {row.name}"] for each in facts]
        shares = [share for _, share in seen]
        assert 0 < shares[0] < shares[1] < 1
        information = [*(at for at, _ in seen), 1 / row.std_error**2]
        bounds = [half(arms(found)[arm]) for found in (first, second, last)]
        # What the three looks together let through, of three arms, is a third of alpha.
        told = crossing(np.maximum.accumulate(information), np.array(bounds)).sum()
        assert told == pytest.approx(0.05 / 3, rel=0.25)  # Student's t of few degrees is wider
        assert told < 0.05 / 3
    assert first.deviations_from_plan == ()
    assert last.deviations_from_plan == ()
    assert "early signal, not the decision: look 1" in first.looking[0]
    assert "the last look, 2 looks before it" in last.looking[0]
    assert any("units read so far" in note for note in first.looking)


def test_looking_again_at_the_same_facts_is_the_same_look(started):
    case = started(GROUP)
    once, again = look(case, LOOKS[0]), look(case, LOOKS[0])
    assert [(e.ci_low, e.p_value) for e in once.estimates] == [
        (e.ci_low, e.p_value) for e in again.estimates
    ]


def test_a_look_that_was_not_taken_is_not_paid_for(started):
    case = started(GROUP)
    alone = look(case, END)
    assert not list(case[1].read(Look, mark=None))
    for row in arms(alone).values():
        assert row.p_adjusted >= row.p_value
        assert half(row) == pytest.approx(2.394, rel=0.03)  # z of 1 - 0.05 / 6


def test_a_confidence_sequence_is_wider_and_needs_no_number_of_looks(started):
    case = started(ANY)
    widths = [half(row) for text in (*LOOKS, END) for row in arms(look(case, text)).values()]
    assert min(widths) > 3
    assert "confidence sequence" in arms(look(case, END))["sorry+none"].interval_kind


def test_too_few_units_are_not_shown_nor_their_means(started):
    case = started(GROUP.replace("first_look = 20", "first_look = 99"))
    early = look(case, LOOKS[0])
    assert early.estimates == ()
    assert early.means == ()
    assert not list(case[1].read(Look, mark=None))
    assert "no contrast has enough units" in early.looking[0]


def test_decide_may_ship_at_a_look_and_says_so(started, late):
    def windfall(found):
        for customer, (anchor, arm) in found.items():
            if arm == "sorry+none":
                yield late.order(f"w-{customer}", customer, anchor + 2 * late.DAY, 90_000)

    case = started(GROUP, more=windfall)
    verdict = look(case, LOOKS[0], decide)
    assert (verdict.verdict, verdict.recommended_arm) in {
        ("ship", "sorry+none"),
        ("keep running", None),
    }
    assert all("all looks" in each.interval_kind for each in verdict.values)
    (fact,) = case[1].read(Look, mark=None)
    assert any(name.startswith("value | ") for name in fact.readings)
    assert any(name.startswith("contacts_14d | ") for name in fact.readings)


def test_decide_keeps_running_where_nothing_is_clear(started):
    case = started(GROUP)
    verdict = look(case, LOOKS[0], decide)
    assert verdict.verdict == "keep running"
    assert "We cannot tell yet" in verdict.sentence
    assert verdict.values
    assert look(case, END, decide).verdict != "keep running"


def test_status_counts_looks_and_has_a_check_for_any_time(started):
    case = started(GROUP)
    look(case, LOOKS[0])
    experiment, ledger, url = case
    at = day(LOOKS[1])
    mark = ledger.mark(at)
    panel = panel_ledger(url, experiment, as_of=at, mark=mark)
    counted = census(url, experiment, mark=mark)
    found = status(experiment, panel, counted, ledger, as_of=at)
    assert (found.looks_taken, found.looks_meant) == (1, 3)
    assert found.check_at_any_time.passed
    assert json.loads(json.dumps(status_document(found)))["check_at_any_time"]["passed"]
