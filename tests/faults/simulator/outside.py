"""The world outside: clocks that disagree and jump, and a channel that keeps what it did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apologylab.service.channel import Sent

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
A_CALL = timedelta(milliseconds=2)


class Hands:
    """What time it is, and what each machine's clock says."""

    def __init__(self, schedule):
        self._schedule = schedule
        self._passed = timedelta()
        self._off = {}

    def now(self, name):
        return self.true() + self._off.get(name, timedelta())

    def true(self):
        return START + self._passed + self._schedule.steps * A_CALL

    def pass_by(self, span):
        """Time passes; it never goes back."""
        self._passed += span

    def set_off(self, name, span):
        """Somebody sets the clock of one machine."""
        self._off[name] = span

    def right(self):
        """All clocks are right again."""
        self._off.clear()


@dataclass(frozen=True)
class Effect:
    """A remedy reached its customer."""

    key: str
    step: int
    looked: int
    "When the transaction began that its worker had looked at it in."


class Outbox:
    """A channel that may refuse, forget, hang up, or take only a part; it keeps all that it did.

    ``takes``: how often it takes what it is given. ``once``: a key that it took is not taken again. ``remembers``: it can say what it took.
    """

    name = "file"

    def __init__(self, schedule, *, once, remembers, takes):
        self.once = once
        self._takes = takes
        self._remembers = remembers
        self._schedule = schedule
        self.effects = []
        self.words = Counter()
        self.empty = []
        "Keys that were handed over without a text."

    @property
    def times(self):
        """Key -> how often it took effect."""
        return Counter(each.key for each in self.effects)

    def accepted(self, keys):
        if not self._remembers:
            return frozenset()
        return frozenset(keys) & {each.key for each in self.effects}

    def send(self, batch, actor):
        return [self._one(each, actor) for each in batch]

    def _one(self, outgoing, actor):
        if outgoing.text is None:
            self.empty.append(outgoing.key)
        state, works = self._word()
        taken = self.once and any(each.key == outgoing.key for each in self.effects)
        if taken and state in {"failed", "later"}:
            state = "sent"
        if works and not taken:
            self.effects.append(Effect(outgoing.key, self._schedule.steps, actor.looked))
        self.words[state] += 1
        return Sent(key=outgoing.key, state=state, because="" if state == "sent" else "the channel")

    def _word(self):
        chance = self._schedule.chance
        if self._schedule.healed or chance.random() < self._takes:
            return "sent", True
        return chance.choice(
            [
                ("failed", False),
                ("later", False),
                ("later", False),
                ("unknown", False),
                ("unknown", True),
            ]
        )
