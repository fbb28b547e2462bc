"""What every channel keeps to, as tests that pytest runs for yours, too.

In your own tests, beside a fixture ``place`` that says where your channel delivers::

    from apologylab.channels.contract import ChannelContract

    class TestMyChannel(ChannelContract):
        @pytest.fixture
        def place(self): ...

``place`` has ``open()``, which gives a new channel to the same place each time, as another process
would have it (your fixture closes them), and ``arrived(keys)``, which says how often each of
``keys`` took effect there, without those that did not. ``remembers`` is true where the channel can
say later what it took, and ``gone`` an address that nothing reaches, where there is one.
"""

from __future__ import annotations

import random
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from apologylab.service.channel import STATES, Needs, Outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.service.channel import Channel


class Place(Protocol):
    """Where a channel delivers."""

    remembers: bool
    gone: str | None

    def open(self) -> Channel:
        """A door to it."""
        ...

    def arrived(self, keys: Sequence[str]) -> Mapping[str, int]:
        """How often each of ``keys`` took effect; those that did not are left out."""
        ...


def outgoing(key: str, *, to: str = "jo@example.com", text: str = "Sorry.\n„ačiū“") -> Outgoing:
    """A remedy of this key that gives nothing."""
    return Outgoing(
        key=key,
        customer=f"c-{key}",
        experiment="e",
        arm="a",
        text=text,
        locale="lt",
        compensation=None,
        amount=0,
        currency=None,
        to=to,
    )


class ChannelContract:
    """Every test that a channel passes; ``place`` is a fixture of the class that inherits it."""

    def test_it_answers_for_each_remedy_in_order(self, place: Place) -> None:
        """As many answers as remedies, in known words, and what is called sent has arrived."""
        channel = place.open()
        batch = [outgoing(f"l/e/{n}") for n in (3, 1, 2)]
        answers = channel.send(batch)
        assert [each.key for each in answers] == [each.key for each in batch]
        assert {each.state for each in answers} <= set(STATES)
        sent = {each.key: 1 for each in answers if each.state == "sent"}
        assert sent
        assert place.arrived([each.key for each in batch]) == sent

    def test_an_empty_batch_does_nothing(self, place: Place) -> None:
        """No remedies, no answers."""
        assert list(place.open().send([])) == []

    def test_its_name_is_that_of_its_settings_and_it_says_what_it_is(self, place: Place) -> None:
        """What the dispatcher reads of it."""
        channel = place.open()
        assert isinstance(channel.name, str)
        assert channel.name
        assert {type(channel.once), type(channel.harmless)} == {bool}
        assert isinstance(channel.lacks(Needs("email", promotional=False)), str)

    def test_it_can_be_reached_and_nothing_is_sent_by_that(self, place: Place) -> None:
        """What ``apologylab doctor`` asks."""
        assert place.open().reach()
        assert place.arrived(["l/e/1"]) == {}

    def test_it_never_claims_what_it_did_not_take(self, place: Place) -> None:
        """After a crash it is asked; to say yes wrongly would lose a remedy."""
        channel = place.open()
        assert channel.accepted(["a", "b"]) == frozenset()
        channel.send([outgoing("a"), outgoing("b")])
        for door in (channel, place.open()):
            assert door.accepted(["b", "x", "a"]) == (
                {"a", "b"} if place.remembers else frozenset()
            )
            assert door.accepted([]) == frozenset()

    def test_what_nothing_reaches_is_told_as_failed_and_is_not_claimed(self, place: Place) -> None:
        """One that fails stops no other."""
        if place.gone is None:
            return
        channel = place.open()
        batch = [outgoing("a"), outgoing("g", to=place.gone), outgoing("b")]
        answers = channel.send(batch)
        assert [each.state for each in answers] == ["sent", "failed", "sent"]
        assert answers[1].because
        assert place.gone not in answers[1].because
        assert "g" not in channel.accepted(["a", "g"])
        assert place.arrived(["a", "g", "b"]) == {"a": 1, "b": 1}

    def test_a_key_that_is_sent_again_arrives_once_if_it_says_so(self, place: Place) -> None:
        """``once`` is what allows the dispatcher to send again what is in doubt."""
        batch = [outgoing("a"), outgoing("b")]
        for _ in range(3):
            channel = place.open()
            assert [each.state for each in channel.send(batch)] == ["sent", "sent"]
            if channel.once:
                assert place.arrived(["a", "b"]) == {"a": 1, "b": 1}

    def test_a_key_twice_in_a_batch_is_answered_twice(self, place: Place) -> None:
        """And takes effect once where that is promised."""
        channel = place.open()
        answers = channel.send([outgoing("a"), outgoing("a")])
        assert [each.key for each in answers] == ["a", "a"]
        if channel.once:
            assert place.arrived(["a"]) == {"a": 1}

    def test_what_differs_is_told_apart(self, place: Place) -> None:
        """Keys are any text that an incident's key may be."""
        keys = [
            "l/e/i1",
            "l/e/i11",
            "l/e/i1 ",
            "l/E/i1",
            'l/e/"i1"',
            "l/e/ą",
            "l/e/a\u0328",
            "%0d%0aX",
        ]
        place.open().send([outgoing(key) for key in keys])
        assert place.arrived(keys) == dict.fromkeys(keys, 1)
        if place.remembers:
            assert place.open().accepted(keys) == set(keys)

    def test_it_opens_again_after_it_was_closed(self, place: Place) -> None:
        """Closing twice does no harm."""
        channel = place.open()
        for key in ("a", "b"):
            assert [each.state for each in channel.send([outgoing(key)])] == ["sent"]
            channel.close()
            channel.close()
        assert place.arrived(["a", "b"]) == {"a": 1, "b": 1}

    def test_texts_of_every_script_pass(self, place: Place) -> None:
        """Emoji, right to left, a dot on a line of its own, long lines."""
        texts = [
            "Sorry 🙏",
            "عذرًا",
            "죄송합니다",
            "申し訳ございません",
            ".\n..\nФу\n.",
            "w" * 2_000,
        ]
        batch = [outgoing(f"l/e/t{n}", text=text) for n, text in enumerate(texts)]
        assert {each.state for each in place.open().send(batch)} == {"sent"}
        assert len(place.arrived([each.key for each in batch])) == len(texts)

    def test_many_at_once_deliver_each_key(self, place: Place) -> None:
        """Four senders, each with every key in an order of its own."""
        keys = [f"k{n}" for n in range(40)]
        doors = [place.open() for _ in range(4)]

        def send(number: int) -> None:
            mine = random.Random(number).sample(keys, len(keys))  # noqa: S311 - an order
            for first in range(0, len(mine), 7):
                doors[number].send([outgoing(key) for key in mine[first : first + 7]])

        threads = [Thread(target=send, args=[number]) for number in range(len(doors))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = place.arrived(keys)
        assert found.keys() == set(keys)
        if doors[0].once:
            assert set(found.values()) == {1}
