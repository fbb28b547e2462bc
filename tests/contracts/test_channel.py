"""What every channel keeps to, each run through the same tests."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from threading import Thread

import pytest

from apologylab.channels.file import FILE, FileChannel
from apologylab.service.bouncing import Bouncing
from apologylab.service.channel import Outgoing

STATES = {"sent", "failed", "later", "unknown"}


@dataclass
class Place:
    """Where a channel delivers: opens doors to it, and counts what arrived by key."""

    open: object
    arrived: object


@pytest.fixture(params=["file", "bouncing", "memory", "memory, not once"])
def place(request, tmp_path, outboxes):
    if request.param.startswith("memory"):
        outbox = outboxes.Outbox(once=request.param == "memory")
        return Place(open=lambda: outbox, arrived=lambda: outbox.took)

    def arrived():
        lines = (tmp_path / "out" / FILE).read_bytes().splitlines()
        return Counter(json.loads(line)["key"] for line in lines)

    def opened():
        inner = FileChannel(tmp_path / "out")
        return inner if request.param == "file" else Bouncing(inner, frozenset({"gone"}))

    return Place(open=opened, arrived=arrived)


def outgoing(key, customer="c", text="Sorry.\n„ačiū“"):
    return Outgoing(key=key, customer=customer, experiment="e", arm="a", text=text, locale="lt",
                    compensation=None, amount=0, currency=None)  # fmt: skip


def test_it_answers_for_each_remedy_in_order(place):
    channel = place.open()
    batch = [outgoing(f"l/e/{n}") for n in (3, 1, 2)]
    answers = channel.send(batch)
    assert [each.key for each in answers] == [each.key for each in batch]
    assert {each.state for each in answers} <= STATES
    assert place.arrived() == {each.key: 1 for each in answers if each.state == "sent"}


def test_an_empty_batch_does_nothing(place):
    assert list(place.open().send([])) == []


def test_it_knows_what_it_took_and_nothing_else(place):
    channel = place.open()
    assert channel.accepted(["a", "b"]) == frozenset()
    channel.send([outgoing("a"), outgoing("b"), outgoing("g", customer="gone")])
    assert channel.accepted(["a", "x"]) == {"a"}
    assert place.open().accepted(["b", "a", "x"]) == {"a", "b"}
    assert channel.accepted([]) == frozenset()


def test_a_key_that_is_sent_again_arrives_once_if_it_says_so(place):
    batch = [outgoing("a"), outgoing("b")]
    for _ in range(3):
        channel = place.open()
        assert [each.state for each in channel.send(batch)] == ["sent", "sent"]
    assert set(place.arrived().values()) == ({1} if channel.once else {3})


def test_a_key_twice_in_a_batch_is_answered_twice(place):
    channel = place.open()
    assert [each.key for each in channel.send([outgoing("a"), outgoing("a")])] == ["a", "a"]
    if channel.once:
        assert place.arrived() == {"a": 1}


def test_what_differs_is_told_apart(place):
    keys = ["l/e/i1", "l/e/i11", "l/e/i1 ", "l/E/i1", 'l/e/"i1"', "l/e/ą", "l/e/a\u0328"]
    channel = place.open()
    channel.send([outgoing(key) for key in keys])
    assert set(place.arrived()) == set(keys)
    assert place.open().accepted(keys) == set(keys)


@pytest.mark.parametrize("place", ["file", "bouncing"], indirect=True)
def test_many_at_once_deliver_each_key(place):
    """Four senders, each with every key in an order of its own."""
    keys = [f"k{n}" for n in range(60)]
    doors = [place.open() for _ in range(4)]

    def send(number):
        mine = random.Random(number).sample(keys, len(keys))
        for first in range(0, len(mine), 7):
            doors[number].send([outgoing(key) for key in mine[first : first + 7]])

    threads = [Thread(target=send, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.arrived() == dict.fromkeys(keys, 1)
