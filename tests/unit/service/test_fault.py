"""Whose fault an incident is: judged before the draw alike for every arm, the last word counting."""

from __future__ import annotations

import pytest

from apologylab.record.facts import Fault, Incident
from apologylab.record.later_facts import SameIncident
from apologylab.service.assign import assign

OURS = '[incident]\nfault = ["company", "unknown"]\n'


def begun(ledger, loop, incident=OURS):
    """Started, with words that admit no fault: whose it is may not be known."""
    declared = loop.Declared().change("[incident]\n", incident)
    for place, text in declared.messages.items():
        plain = text.replace("sorry again:", "once more:").replace("sorry:", "as you saw:")
        plain = plain.replace("vėl atsiprašome:", "dar kartą:").replace(
            "atsiprašome:", "kaip matėte:"
        )
        declared.messages[place] = plain.replace("vėlavome", "kelionė vėlavo")
    return loop.begin(ledger, declared)


def told(ledger, loop, *by):
    """Fault facts in commit order: (incident, whose)."""
    facts = [
        Fault(key=f"f{n}", occurred_at=loop.START, incident=incident, by=whose)
        for n, (incident, whose) in enumerate(by)
    ]
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append(facts)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ((), "RANDOMISED"),
        (("company",), "RANDOMISED"),
        (("unknown",), "RANDOMISED"),
        (("customer",), "INELIGIBLE"),
        (("third_party",), "INELIGIBLE"),
        (("customer", "company"), "RANDOMISED"),
        (("company", "customer"), "INELIGIBLE"),
    ],
)
def test_the_last_fault_known_at_the_draw_decides(ledger, loop, known, reason):
    running = begun(ledger, loop)
    told(ledger, loop, *(("i1", by) for by in known))
    (answer,) = loop.ask(ledger, running, loop.incident(1))
    assert answer.reason == reason
    if reason == "INELIGIBLE":
        assert answer.because == "incident.fault: it is not company or unknown"


def test_unknown_keeps_out_where_only_the_companys_is_admitted(ledger, loop):
    running = begun(ledger, loop, '[incident]\nfault = ["company"]\n')
    told(ledger, loop, ("i1", "company"))
    one, two = loop.ask(ledger, running, loop.incident(1), loop.incident(2))
    assert (one.reason, two.reason) == ("RANDOMISED", "INELIGIBLE")


def test_a_caller_may_say_it_and_a_fact_says_it_better(ledger, loop):
    running = begun(ledger, loop)
    told(ledger, loop, ("i2", "company"))
    given = loop.ask(
        ledger, running, loop.incident(1, fault="customer"), loop.incident(2, fault="customer"),
        loop.incident(3, fault="nobody's"),
    )  # fmt: skip
    assert [each.reason for each in given] == ["INELIGIBLE", "RANDOMISED", "INELIGIBLE"]
    assert {each.fields.get("fault") for each in ledger.read(Incident)} == {"customer", "nobody's"}


def test_a_fault_learned_after_the_draw_removes_nobody(ledger, loop):
    running = begun(ledger, loop)
    (before,) = assign(ledger, running, [loop.incident(1)], now=loop.START)
    told(ledger, loop, ("i1", "customer"))
    (after,) = assign(ledger, running, [loop.incident(1)], now=loop.START + loop.DAY)
    assert after == before
    assert after.assignment.reason == "RANDOMISED"


def test_every_arm_is_judged_alike(ledger, loop):
    """Of 200 customers half are at fault: none of them is drawn, whatever they would have got."""
    running = begun(ledger, loop)
    free = loop.begin(type(ledger)(ledger.identity))
    told(ledger, loop, *((f"i{n}", "customer") for n in range(0, 200, 2)))
    given = loop.ask(ledger, running, *(loop.incident(n) for n in range(200)))
    assert [each.reason for each in given] == ["INELIGIBLE", "RANDOMISED"] * 100
    context = {"kind": "late_ride", "minutes_late": 12}
    proposed = {free.assigner.propose(f"c{n}", context, 1).arm for n in range(0, 200, 2)}
    assert len(proposed) == 4


def test_a_fault_that_operations_tell_under_their_key_counts_for_the_opened_incident(ledger, loop):
    running = begun(ledger, loop)
    opened = Incident(
        key="complaint/k1", occurred_at=loop.START, customer="c1", kind="late_ride",
        fields={"minutes_late": 12},
    )  # fmt: skip
    same = SameIncident(
        key="ops-1", occurred_at=loop.START, customer="c1", incident=opened.key, kind="late_ride"
    )
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([opened, same])
    told(ledger, loop, ("ops-1", "third_party"))
    (answer,) = loop.ask(ledger, running, opened)
    assert answer.because == "incident.fault: it is not company or unknown"
