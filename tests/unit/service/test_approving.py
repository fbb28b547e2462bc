"""What gives more than the limit waits for a person: released, refused, or dropped."""

import pytest

from apologylab.errors import InputError, NotFoundError, StateError
from apologylab.record.facts import Change, Delivery, Liability
from apologylab.service.approving import (
    LOOK_AGAIN,
    NOT_APPROVED,
    UNAPPROVED,
    Decided,
    awaiting_approval,
    decide_on,
)
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ending import end
from apologylab.service.held import held

SMALL, DEAR = "none+usd5@1h", "none+usd9@1h"


@pytest.fixture
def declared(loop):
    found = loop.Declared().change('["none", "usd5"]', '["none", "usd5", "usd9"]')
    found.change("[budget]", '[compensation.usd9]\nkind = "refund"\nvalue = "9.00 USD"\n\n[budget]')
    found.change('total = "5000.00 USD"', 'total = "5000.00 USD"\napprove_above = "5.00 USD"')
    for (factor, level, locale), text in list(found.messages.items()):
        if factor == "coupon":
            found.messages[factor, level.replace("usd5", "usd9"), locale] = text.replace("5", "9")
    return found


@pytest.fixture
def running(ledger, loop, declared):
    return loop.begin(ledger, declared)


@pytest.fixture
def drawn(ledger, loop, running):
    """Arm -> the assignment of a customer in it."""
    found = {}
    for arm in ("silence", SMALL, DEAR, "sorry+usd9@1h"):
        customer = loop.customer_in(running, arm)
        (answer,) = loop.ask(ledger, running, loop.incident(customer=customer, key=customer))
        assert answer.arm == arm
        found[arm] = answer
    return found


def dispatch(ledger, running, outboxes, now):
    outbox = outboxes.Outbox()
    worker = Worker(holder=f"w{now}", clock=lambda: now, chance=lambda: 0.5)
    return dispatch_once(ledger, outbox, running, worker), outbox


def states(ledger):
    return {each.key: (each.state, each.because) for each in ledger.read(Delivery)}


def test_the_dear_wait_and_the_others_leave(ledger, loop, running, drawn, outboxes):
    later = loop.START + 2 * loop.HOUR
    done, outbox = dispatch(ledger, running, outboxes, later)
    assert states(ledger) == {
        drawn["silence"].key: ("would_send", ""), drawn[SMALL].key: ("sent", ""),
    }  # fmt: skip
    assert done.postponed == {UNAPPROVED: 2}
    assert len(outbox.sent) == 1
    waits = awaiting_approval(ledger, running).remedies
    assert {each.key for each in waits} == {drawn[DEAR].key, drawn["sorry+usd9@1h"].key}
    again, _ = dispatch(ledger, running, outboxes, later + LOOK_AGAIN / 2)
    assert again.postponed == {}, "it is left alone for a while"
    again, _ = dispatch(ledger, running, outboxes, later + LOOK_AGAIN)
    assert again.postponed == {UNAPPROVED: 2}


def test_released_it_leaves_at_once_and_the_wait_is_in_its_delay(
    ledger, loop, running, drawn, outboxes
):
    later = loop.START + 2 * loop.HOUR
    dispatch(ledger, running, outboxes, later)
    decided = Decided(released=True, keys=(drawn[DEAR].key,), by="ana")
    found = decide_on(ledger, running, decided, now=later)
    assert (found.did, [each.key for each in found.remedies]) == ("released", [drawn[DEAR].key])
    dispatch(ledger, running, outboxes, later)
    (sent,) = ledger.read(Delivery, key=drawn[DEAR].key)
    assert (sent.state, sent.occurred_at) == ("sent", later)
    (change,) = ledger.read(Change, what="release")
    assert (change.by, change.detail["reason"]) == ("ana", "agreed")
    assert decide_on(ledger, running, decided, now=later).remedies == []
    assert ledger.count(Change, what="release") == 1


def test_refused_it_is_suppressed_and_its_money_is_free(ledger, loop, running, drawn, outboxes):
    later = loop.START + 2 * loop.HOUR
    key = drawn[DEAR].key
    before = ledger.reserved(loop.NAME)
    refused = Decided(released=False, keys=(key,), reason="too_much", by="ana")
    decide_on(ledger, running, refused, now=loop.START)  # before it is due
    dispatch(ledger, running, outboxes, later)
    assert states(ledger)[key] == ("suppressed", NOT_APPROVED)
    assert [each.state for each in ledger.read(Liability, assignment=key)] == [
        "reserved", "released",
    ]  # fmt: skip
    assert ledger.reserved(loop.NAME) == before - 900
    assert held(ledger.read(Liability))[loop.NAME].reserved == before - 900
    with pytest.raises(StateError, match="was refused by ana"):
        decide_on(ledger, running, Decided(released=True, keys=(key,)), now=later)


def test_what_is_decided_must_wait_and_have_a_reason(ledger, loop, running, drawn, outboxes):
    now = loop.START
    with pytest.raises(NotFoundError, match=r"above budget\.approve_above"):
        decide_on(ledger, running, Decided(released=True, keys=(drawn[SMALL].key,)), now=now)
    for reason in ("agreed", "because"):
        refused = Decided(released=False, keys=(drawn[DEAR].key,), reason=reason)
        with pytest.raises(InputError, match="is no reason"):
            decide_on(ledger, running, refused, now=now)
    end(ledger, loop.NAME, because="test", now=now, how="kill", by="ana")
    dispatch(ledger, running, outboxes, now)
    assert states(ledger)[drawn[DEAR].key][0] == "suppressed"
    with pytest.raises(StateError, match="does not wait any more"):
        decide_on(ledger, running, Decided(released=True, keys=(drawn[DEAR].key,)), now=now)


def test_past_drop_after_it_is_dropped(ledger, loop, declared, outboxes):
    declared.change("hold_seconds = 60", 'hold_seconds = 60\ndrop_after = "5h"')
    running = loop.begin(ledger, declared)
    customer = loop.customer_in(running, DEAR)
    (answer,) = loop.ask(ledger, running, loop.incident(customer=customer))
    dispatch(ledger, running, outboxes, loop.START + 2 * loop.HOUR)
    assert states(ledger) == {}
    dispatch(ledger, running, outboxes, loop.START + 7 * loop.HOUR)
    assert states(ledger)[answer.key] == ("suppressed", "too_late")
    assert ledger.reserved(loop.NAME) == 0
    assert awaiting_approval(ledger, running).remedies == []


def test_all_of_them_at_once(ledger, loop, running, drawn, outboxes):
    del drawn
    found = decide_on(ledger, running, Decided(released=True), now=loop.START)
    assert len(found.remedies) == 2
    dispatch(ledger, running, outboxes, loop.START + 2 * loop.HOUR)
    assert sorted(state for state, _ in states(ledger).values()) == [
        "sent", "sent", "sent", "would_send",
    ]  # fmt: skip
