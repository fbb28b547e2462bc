"""A complaint opened the incident, then operations tell of it: one answer, whichever door."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apologylab.record.columns import columns
from apologylab.record.facts import Assignment, Contact, Delivery, Goodwill, Incident, Remedy
from apologylab.record.integrity import Understood
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.record.taxonomy import Cause, Taxonomy
from apologylab.service.assign import assign
from apologylab.service.assign_recorded import assign_recorded, waiting
from apologylab.service.complaints import take_complaints
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.landing import Meant, land

COMPANY = Taxonomy(causes={"waiting": Cause(incidents=("late_ride", "late_meal"))})


def complain(ledger, loop, key="k1", **said):
    given = {"customer": "c1", "kind": "waiting", "order": "o1", "fields": {"minutes_late": 30}}
    told = Complaint(key=key, occurred_at=loop.START + loop.HOUR, **(given | said))
    with ledger.transaction(recorded_at=loop.START + loop.HOUR) as work:
        return take_complaints(work, ledger.identity, [told], taxonomy=COMPANY, said={})


def told_by_operations(loop, key="ops-1", order="o1", **fields):
    made = loop.incident(1, **fields)
    return Incident(
        key=key, occurred_at=made.occurred_at, customer="c1", kind="late_ride", order=order,
        fields=made.fields,
    )  # fmt: skip


def ask(ledger, running, incident, at):
    (answer,) = assign(ledger, running, [incident], now=at)
    return answer


@pytest.mark.parametrize("answered_before", [True, False])
def test_the_hook_gets_the_answer_that_stands(ledger, loop, answered_before):
    running = loop.begin(ledger)
    complain(ledger, loop, kind="billing")  # it opens an incident of kind billing
    later = loop.START + 2 * loop.HOUR
    first = None
    if answered_before:
        complain(ledger, loop, "k2", kind="waiting")
        first = ask(ledger, running, told_by_operations(loop), later)
    answer = ask(ledger, running, told_by_operations(loop), later + loop.HOUR)
    assert answer.assignment.incident == "complaint/k1"
    assert answer.assignment.reason == "RANDOMISED"
    assert first is None or answer == first
    assert ledger.count(Assignment) == ledger.count(Remedy) == ledger.count(Incident) == 1
    (same,) = ledger.read(SameIncident)
    assert (same.key, same.incident) == ("ops-1", "complaint/k1")


def test_another_order_of_the_customer_is_another_incident(ledger, loop):
    running = loop.begin(ledger)
    complain(ledger, loop)
    ask(ledger, running, told_by_operations(loop, order="o2"), loop.START + 2 * loop.HOUR)
    assert {each.key for each in ledger.read(Incident)} == {"complaint/k1", "ops-1"}
    assert ledger.count(SameIncident) == 0


def test_one_batch_may_hold_both(ledger, loop):
    running = loop.begin(ledger)
    complain(ledger, loop)
    opened = next(iter(ledger.read(Incident)))
    both = [told_by_operations(loop, minutes_late=44), opened, told_by_operations(loop)]
    answers = assign(ledger, running, both, now=loop.START + 2 * loop.HOUR)
    assert len({each.assignment for each in answers}) == 1
    assert ledger.count(Assignment) == 1
    again = assign(ledger, running, both[::-1], now=loop.START + loop.DAY)
    assert again[::-1] == answers


def test_recorded_incidents_are_answered_once_with_what_operations_know(ledger, loop):
    running = loop.begin(ledger)
    complain(ledger, loop, kind="access", fields={})
    row = told_by_operations(loop, minutes_late=12)
    rows = [tuple(getattr(row, column.name) for column in columns(Incident))]
    landed = land(
        ledger, Incident, Understood(rows=rows, places=[2]), Meant(taxonomy=COMPANY),
        loop.START + 2 * loop.HOUR,
    )  # fmt: skip
    assert landed.matched == 1
    found = waiting(ledger, running).incidents
    assert [(each.key, each.kind) for each in found] == [("complaint/k1", "late_ride")]
    answered = assign_recorded(ledger, running, found, now=loop.START + 3 * loop.HOUR)
    assert sum(answered.answers.values()) == 1
    assert {reason for reason, _ in answered.answers} == {"RANDOMISED"}
    assert waiting(ledger, running).incidents == []
    hook = ask(ledger, running, row, loop.START + timedelta(hours=4))
    assert hook.assignment.incident == "complaint/k1"
    assert ledger.count(Assignment) == 1


def test_a_complaint_about_what_the_hook_answered_opens_nothing(ledger, loop):
    running = loop.begin(ledger)
    ask(ledger, running, told_by_operations(loop), loop.START)
    taken = complain(ledger, loop)
    assert (taken.opened, taken.complaints[0].incident) == (0, "ops-1")
    assert waiting(ledger, running).incidents == []


def told_meanwhile(loop, what):
    """What the ledger is told between the draw and the due time."""
    about = {"occurred_at": loop.START + 3 * loop.HOUR, "customer": "c1"}
    return {
        "ours": Contact(key="x", kind="mail", by="company", incident="complaint/k1", **about),
        "theirs": Contact(key="x", kind="call", by="customer", incident="complaint/k1", **about),
        "another complaint": Complaint(key="x", kind="waiting", incident="complaint/k1", **about),
        "theirs, by operations' name": Contact(key="x", kind="call", incident="ops-1", **about),
        "goodwill, by operations' name": Goodwill(
            key="x", kind="credit", amount=5, currency="USD", incident="ops-1", **about
        ),
    }[what]


@pytest.mark.parametrize(
    ("what", "because"),
    [
        ("ours", None),
        ("theirs", "contacted"),
        ("another complaint", "contacted"),
        ("theirs, by operations' name", "contacted"),
        ("goodwill, by operations' name", "refunded"),
    ],
)
def test_what_happened_meanwhile_stops_it_under_any_name(ledger, loop, outboxes, what, because):
    running = loop.begin(ledger)
    complain(ledger, loop)
    answer = ask(ledger, running, told_by_operations(loop), loop.START + 2 * loop.HOUR)
    with ledger.transaction(recorded_at=loop.START + 3 * loop.HOUR) as work:
        work.append([told_meanwhile(loop, what)])
    now = loop.START + 9 * loop.HOUR
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5, batch=10)
    dispatch_once(ledger, outboxes.Outbox(), running, worker)
    (settled,) = ledger.read(Delivery)
    stopped = settled.state in ("suppressed", "would_suppress")
    assert (settled.key, stopped) == (answer.assignment.key, because is not None)
    assert settled.because == (because or "")
