from datetime import timedelta

import pytest

from apologylab.errors import NotFoundError
from apologylab.record.facts import Attempt, Change, Delivery, Liability
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.letters import dead_letters, give_up, replay


@pytest.fixture
def dead(ledger, loop, outboxes):
    """Two dead letters, one with a coupon; the second the channel may have taken all the same."""
    declared = loop.Declared().change("hold_seconds = 60", "attempts = 1")
    running = loop.begin(ledger, declared)
    customers = [loop.customer_in(running, arm) for arm in ("none+usd5@1h", "sorry+none@1h")]
    first, second = loop.ask(
        ledger, running, *(loop.incident(i, customer) for i, customer in enumerate(customers))
    )
    outbox = outboxes.Outbox(mood=["later", "hangs up"])
    _dispatch(ledger, outbox, running, loop.START + loop.HOUR, batch=1)
    return running, outbox, first, second


def _dispatch(ledger, outbox, running, now, batch=100):
    worker = Worker(holder=f"at {now}", clock=lambda: now, chance=lambda: 0.5, batch=batch)
    return dispatch_once(ledger, outbox, running, worker)


def _keys(ledger, loop):
    found = dead_letters(ledger, loop.NAME, now=loop.START + loop.DAY).letters
    return {each.remedy.key: each.handed for each in found}


def test_a_replayed_letter_leaves_with_all_its_attempts_before_it(ledger, loop, dead):
    running, outbox, first, second = dead
    assert _keys(ledger, loop) == {first.key: False, second.key: True}
    now = loop.START + 2 * loop.HOUR
    done = replay(ledger, loop.NAME, [first.key, first.key], now=now, by="ana")
    assert (done.did, [each.remedy.key for each in done.letters]) == ("replayed", [first.key])
    assert _keys(ledger, loop).keys() == {second.key}
    outbox.mood = ["later"]
    _dispatch(ledger, outbox, running, now)
    assert _keys(ledger, loop).keys() == {first.key, second.key}
    numbers = [each.number for each in ledger.read(Attempt) if each.assignment == first.key]
    assert numbers == [1, 2]
    replay(ledger, loop.NAME, [], now=now, by="ana")
    _dispatch(ledger, outbox, running, now + timedelta(minutes=1))
    assert {each.state for each in ledger.read(Delivery)} == {"sent"}
    assert outbox.took == {f"ledger-1/{key}": 1 for key in (first.key, second.key)}


def test_what_is_given_up_failed_and_gives_its_money_back(ledger, loop, dead):
    running, outbox, first, second = dead
    assert ledger.reserved(loop.NAME) == 500
    now = loop.START + 2 * loop.HOUR
    assert len(give_up(ledger, loop.NAME, [], now=now, by="ana").letters) == 2
    ends = {each.key: (each.state, each.because, each.channel) for each in ledger.read(Delivery)}
    because = "given up: it "
    assert ends == {
        first.key: ("failed", f"{because}later", "by hand"),
        second.key: ("in_doubt", f"{because}hangs up", "by hand"),
    }
    assert [each.state for each in ledger.read(Liability)] == ["reserved", "released"]
    assert ledger.reserved(loop.NAME) == 0
    assert _keys(ledger, loop) == {}
    _dispatch(ledger, outbox, running, now + loop.DAY)
    assert len(outbox.calls) == 2


def test_what_a_person_does_is_noted_and_what_does_nothing_is_not(ledger, loop, dead):
    _, _, first, second = dead
    before = ledger.count(Change)
    now = loop.START + 2 * loop.HOUR
    replay(ledger, loop.NAME, [first.key], now=now, by="ana")
    give_up(ledger, loop.NAME, [], now=now, by="ben")
    give_up(ledger, loop.NAME, [], now=now, by="ben")
    replay(ledger, loop.NAME, [], now=now, by="ben")
    noted = [(each.what, each.by, dict(each.detail)) for each in ledger.read(Change)][before:]
    assert noted == [
        ("replay", "ana", {"remedies": 1, "keys": first.key}),
        ("give up", "ben", {"remedies": 1, "keys": second.key}),
    ]


@pytest.mark.parametrize("act", [replay, give_up])
def test_a_key_that_is_no_dead_letter_is_refused_with_all(ledger, loop, dead, act):
    _, _, first, _ = dead
    before = ledger.content_hash(), _keys(ledger, loop)
    with pytest.raises(NotFoundError, match="late_ride/i9: no such dead letter"):
        act(ledger, loop.NAME, [first.key, "late_ride/i9"], now=loop.START, by="ana")
    assert (ledger.content_hash(), _keys(ledger, loop)) == before
