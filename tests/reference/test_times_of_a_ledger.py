"""Times to an event of a ledger, beside an oracle that walks the facts one customer at a time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest

from apologylab.design.fingerprint import fingerprint
from apologylab.record.facts import Contact, Order, Started
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
estimators = ["difference_in_means", "cox", "aalen_johansen(at=14)", "kaplan_meier(at=14, others=censored)"]
"""
WINDOW, REACH = 28, 40
"""Days: the feeds are complete so far after the start that the last units are followed for ten."""


@pytest.fixture(scope="module")
def lived(late, tmp_path_factory):
    """(units, facts, panel, analysis) of 400 customers enrolled over 30 days."""
    text = late.text().replace("[plan]", TIMES)
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
    late.append(ledger, [started, begun, *late.enrolment(found), *facts, *feeds])
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


def test_a_unit_of_a_feed_that_was_never_complete_is_not_followed(late, tmp_path):
    experiment = read(late.text().replace("[plan]", TIMES), where="late")
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
