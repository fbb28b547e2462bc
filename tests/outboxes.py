"""Channels for tests: they count what took effect, and misbehave when told to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

from apologylab.service.channel import Sent


@dataclass
class Outbox:
    """A channel in memory. ``took`` counts effects by key, ``sent`` holds what was given last.

    ``mood`` says what a call of :meth:`send` does, one entry a call and then ``sent``: an answer
    for all ("sent", "failed", "later"), "hangs up" (takes all and says unknown), "loses" (takes
    nothing and says unknown), "breaks before" or "breaks after" taking (OSError), "says nothing"
    (takes all, answers nothing). ``fails`` are customers whom nothing reaches.
    """

    name: str = "file"
    once: bool = True
    harmless: bool = True
    remembers: bool = True
    mood: list = field(default_factory=list)
    fails: frozenset = frozenset()
    sent: dict = field(default_factory=dict)
    took: Counter = field(default_factory=Counter)
    calls: list = field(default_factory=list)
    during: object = None
    _turn: object = field(default_factory=Lock)

    def accepted(self, keys):
        return frozenset(self.took).intersection(keys) if self.remembers else frozenset()

    def lacks(self, needs):
        return ""

    def close(self):
        pass

    def reach(self):
        return "it is here"

    def send(self, batch):
        self.calls.append([each.key for each in batch])
        mood = self.mood.pop(0) if self.mood else "sent"
        if mood == "breaks before":
            raise ConnectionRefusedError(111, "Connection refused")
        if mood in ("sent", "hangs up", "breaks after", "says nothing"):
            self._take(batch)
        if self.during is not None:
            self.during()
        if mood == "breaks after":
            raise TimeoutError
        if mood == "says nothing":
            return []
        state = {"hangs up": "unknown", "loses": "unknown"}.get(mood, mood)
        return [self._answer(each, state, mood) for each in batch]

    def _take(self, batch):
        with self._turn:
            for each in batch:
                if each.customer not in self.fails:
                    self.sent[each.key] = each
                    self.took[each.key] = 1 if self.once else self.took[each.key] + 1

    def _answer(self, each, state, mood):
        if state == "sent" and each.customer in self.fails:
            return Sent(key=each.key, state="failed", because="bounced")
        return Sent(key=each.key, state=state, because="" if state == "sent" else f"it {mood}")
