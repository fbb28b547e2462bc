"""Slices of a ledger's units: days, stages of delivery, fallbacks by proposed arm."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from apologylab.record.facts import Delivery, FallbackReport
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger

LATER = datetime(2026, 7, 20, tzinfo=UTC)


@pytest.fixture
def flow(late, tmp_path):
    """The flow of a ledger that holds these facts beside the enrolment."""
    identity = LedgerIdentity(id="t", environment="test", simulated=True)
    opened = create(tmp_path / "ledger.sqlite", identity)

    def counted(facts):
        late.append(opened, [*late.enrolment(late.units()), *facts])
        mark = opened.mark(LATER)
        opened.close()
        url = f"sqlite:///{opened.database.path}"
        return panel_ledger(url, late.declaration(), as_of=LATER, mark=mark).flow()

    yield counted
    opened.close()


def delivery(late, customer, anchor, arm, state, key=""):
    return Delivery(
        key=f"late/{customer}{key}",
        occurred_at=anchor + late.DAY,
        assignment=f"late/{customer}",
        experiment="late",
        customer=customer,
        arm=arm,
        channel="file",
        state=state,
    )


def fallback(customer, anchor, proposed, incident):
    return FallbackReport(
        key=f"f-{incident}",
        occurred_at=anchor,
        experiment="late",
        unit=customer,
        customer=customer,
        incident=incident,
        proposed=proposed,
        given="sorry+none",
    )


def test_days_are_those_of_the_incidents(late, flow):
    found = flow([]).sliced.slices["day"]
    expected = Counter((f"{anchor:%F}", arm) for anchor, arm in late.units().values())
    assert list(found) == sorted(found)
    assert {(day, arm): n for day, of in found.items() for arm, n in of[1].items()} == expected


def test_stages_count_who_came_and_who_passed(late, flow):
    states = {"silence": ("would_send", "would_suppress"), "sorry+none": ("sent", "suppressed")}
    facts, came, passed = [], Counter(), Counter()
    for i, (customer, (anchor, arm)) in enumerate(late.units().items()):
        if arm not in states:
            continue
        state = states[arm][i % 5 == 0]
        facts.append(delivery(late, customer, anchor, arm, state))
        came[arm] += 1
        passed[arm] += i % 5 != 0
    (stage, sending) = flow(facts).sliced.stages
    assert stage.name == "delivery, re-check"
    assert stage.groups == {"phase 1, None s": {a: (came[a], passed[a]) for a in sorted(came)}}
    assert sending.groups["phase 1, None s"]["sorry+none"] == (passed["sorry+none"],) * 2
    assert "silence" not in sending.groups["phase 1, None s"]


def test_a_remedy_in_doubt_that_was_sent_after_all_is_sent(late, flow):
    customer, (anchor, arm) = next(x for x in late.units().items() if x[1][1] == "sorry+none")
    facts = [
        delivery(late, customer, anchor, arm, "in_doubt"),
        delivery(late, customer, anchor, arm, "sent", key="/2"),
    ]
    (_, sending) = flow(facts).sliced.stages
    assert sending.groups == {"phase 1, None s": {"sorry+none": (1, 1)}}


def test_fallbacks_stand_under_the_arm_that_was_proposed(late, flow):
    """One for a customer who was drawn all the same, one twice, one without a proposal."""
    units = late.units()
    customer, (anchor, arm) = next(x for x in units.items() if x[1][1] == "none+usd5")
    reports = [
        fallback(customer, anchor, arm, f"i-{customer}"),
        fallback("stranger", anchor, "silence", "i-a"),
        fallback("stranger", anchor + late.DAY, "silence", "i-b"),
        fallback("unasked", anchor, "", "i-c"),
    ]
    (phase,) = flow(reports).sliced.fallbacks.values()
    drawn = Counter(arm for _, arm in units.values())
    assert phase["none+usd5"] == (drawn["none+usd5"], 1)
    assert phase["silence"] == (drawn["silence"] + 1, 1)
    assert phase["sorry+none"] == (drawn["sorry+none"], 0)
