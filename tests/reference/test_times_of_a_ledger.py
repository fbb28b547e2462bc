"""Times to an event of a ledger, beside an oracle that walks the facts one customer at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from apologylab.design.fingerprint import fingerprint
from apologylab.record.facts import Contact, Incident, Order, Started
from apologylab.service.analyse import analyse
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.wire.declaration import read

TIMES = """
[[times]]
name = "return"
role = "secondary"
fact = "order"
where = { our_coupon = false }
window_days = 28
[times.ends.complained]
fact = "contact"
where = { kind = "complaint" }

[plan]
estimators = [
    "difference_in_means", "cox", "aalen_johansen(at=14)", "kaplan_meier(at=14, others=censored)",
    "by_week(weeks=cumulative)", "subgroups",
]
subgroups.region = ["north", "south"]
"""
WINDOW, REACH = 28, 40
"""Days: the feeds are complete so far after the start that the last units are followed for ten."""


def region_of(customer):
    """Some have a region that no subgroup names, and some none that can be told from it."""
    return ("north", "south", "north", "elsewhere")[len(customer) % 2 + 2 * customer.endswith("3")]


def declared(late):
    """The declaration with a time, weeks and subgroups."""
    text = late.text().replace("[plan]", TIMES)
    return text.replace("pre_days = 28", "pre_days = 28\nweekly = true")


@pytest.fixture(scope="module")
def lived(late, tmp_path_factory):
    """(units, facts, panel, analysis) of 400 customers enrolled over 30 days."""
    text = declared(late)
    experiment = read(text, where="late")
    found = late.units()
    facts = list(late.happenings(found))
    started, begun = late.started()
    started = Started(
        key=started.key, occurred_at=late.START, fingerprint=fingerprint(experiment),
        declaration=text, experiment="late", version=1,
    )  # fmt: skip
    file = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    ledger = create(file, LedgerIdentity(id="t", environment="test", simulated=True))
    feeds = late.feeds(late.START + REACH * late.DAY)
    enrolled = [
        replace(each, fields={"region": region_of(each.customer), "late_s": 900})
        if isinstance(each, Incident)
        else each
        for each in late.enrolment(found)
    ]
    late.append(ledger, [started, begun, *enrolled, *facts, *feeds])
    as_of = late.START + 120 * late.DAY
    mark = ledger.mark(as_of)
    ledger.close()
    panel = panel_ledger(f"sqlite:///{file}", experiment, as_of=as_of, mark=mark)
    analysis = analyse(experiment, panel, ledger, as_of=as_of, now=as_of, see_early=True)
    ledger.close()
    return SimpleNamespace(units=found, facts=facts, panel=panel, analysis=analysis, late=late)


def walked(lived):
    """customer -> (arm, days, end)."""
    late, day = lived.late, timedelta(days=1)
    for customer, (anchor, arm) in lived.units.items():
        followed = min(WINDOW * day, late.START + REACH * day - anchor)
        mine = [fact for fact in lived.facts if fact.customer == customer]
        bought = [
            fact.occurred_at - anchor
            for fact in mine
            if isinstance(fact, Order) and fact.key != f"failed-{customer}" and not fact.our_coupon
        ]
        moaned = [fact.occurred_at - anchor for fact in mine if isinstance(fact, Contact)]
        firsts = [
            min((t for t in times if timedelta(0) <= t < WINDOW * day), default=None)
            for times in (bought, moaned)
        ]
        last = min(t for t in (*firsts, followed) if t is not None)
        end = next((k for k, t in enumerate(firsts, 1) if t is not None and t <= last), 0)
        yield arm, last / day, end


def test_every_unit_is_followed_as_far_as_is_known(lived):
    (counts,) = lived.panel.source.events([("return", "return:end")])
    mine = Counter(
        (counts.cells[c].arm, round(t, 9), k)
        for c, t, k, n in zip(counts.cell, counts.time, counts.kind.tolist(), counts.n, strict=True)
        for _ in range(n)
    )
    theirs = Counter((arm, round(days, 9), end) for arm, days, end in walked(lived))
    assert mine == theirs
    assert {end for _, _, end in theirs} == {0, 1, 2}
    censored_early = sum(days < WINDOW and end == 0 for _, days, end in walked(lived))
    assert censored_early > 50  # units whose window the feeds do not reach to the end of


def test_the_analysis_of_a_ledger_has_curves_and_hazards(lived):
    of_time = [each for each in lived.analysis.estimates if each.outcome == "return"]
    names = {each.estimator for each in of_time}
    assert names == {"cox", "aalen_johansen(at=14)", "kaplan_meier(at=14, others=censored)"}
    assert sum(each.n_assigned for each in of_time if each.kind == "arm") == 3 * 3 * 200
    (note,) = [note for note in lived.analysis.notes if note.startswith("return:")]
    assert "ended otherwise and count as censored" in note
    shares = [each for each in of_time if each.estimator.startswith("aalen")]
    assert {each.unit for each in shares} == {"share of units with the event"}


def test_weeks_add_up_to_the_outcome_and_are_the_facts_of_their_days(lived):
    late = lived.late
    names = ["spend_28d", *(f"spend_28d:week{i}" for i in range(1, 5))]
    held = lived.panel.source.collect(names).columns
    spend, *weeks = (held[name] for name in names)
    mature = ~np.isnan(spend)
    assert 100 < mature.sum() < 400
    assert sum(weeks)[mature] == pytest.approx(spend[mature], abs=1e-9)
    second = sum(
        (fact.list_amount - fact.returned_amount) / 100
        for fact in lived.facts
        if isinstance(fact, Order)
        and not fact.key.startswith("failed-")
        and (anchor := lived.units[fact.customer][0]) <= late.START + (REACH - 30) * late.DAY
        and 7 * late.DAY <= fact.occurred_at - anchor < 14 * late.DAY
    )
    assert weeks[1][mature].sum() == pytest.approx(second, abs=1e-6)
    last = [each for each in lived.analysis.estimates if each.outcome == "spend_28d, weeks 1 to 4"]
    plain = [
        each
        for each in lived.analysis.estimates
        if each.outcome == "spend_28d" and each.estimator == "difference_in_means"
    ]
    assert [each.point for each in last] == pytest.approx([each.point for each in plain])


def test_subgroups_are_the_incidents_own_fields(lived):
    late = lived.late
    rows = late.expected(lived.units, lived.facts)
    for level in ("north", "south"):
        mine = [
            (row["arm"], row["spend_28d"])
            for customer, row in rows.items()
            if region_of(customer) == level
            and lived.units[customer][0] <= late.START + (REACH - 30) * late.DAY
        ]
        found = next(
            each
            for each in lived.analysis.estimates
            if each.outcome == f"spend_28d, region={level}" and each.treatment == "sorry+usd5"
        )
        means = [np.mean([y for arm, y in mine if arm == a]) for a in ("sorry+usd5", "silence")]
        assert found.point == pytest.approx(means[0] - means[1], rel=1e-9)


def test_a_unit_of_a_feed_that_was_never_complete_is_not_followed(late, tmp_path):
    experiment = read(declared(late), where="late")
    file = tmp_path / "ledger.sqlite"
    ledger = create(file, LedgerIdentity(id="t", environment="test", simulated=True))
    late.append(ledger, [*late.started(), *late.enrolment(late.units(40))])
    as_of = late.START + 120 * late.DAY
    mark = ledger.mark(as_of)
    ledger.close()
    panel = panel_ledger(f"sqlite:///{file}", experiment, as_of=as_of, mark=mark)
    (counts,) = panel.source.events([("return", "return:end")])
    assert counts.cells == ()
    assert any("no unit is mature for" in note and "return" in note for note in panel.flow().notes)
