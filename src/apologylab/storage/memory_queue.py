"""The dispatcher's queue of a ledger in memory, as :mod:`apologylab.storage.queue` keeps it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from apologylab.record.facts import Fact, Merged, Remedy, Resolution
from apologylab.record.later_facts import Visit
from apologylab.service.ports import Arrived, Claimed, DeadLetter
from apologylab.storage.rows import micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from apologylab.service.ports import Postponed

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What the queue knows of a remedy; times in microseconds, ``due_at`` None: the remedy's."""

    due_at: int | None = None
    again_at: int | None = None
    holder: str | None = None
    lease_until: int = 0
    handed: bool = False
    attempts: int = 0
    because: str = ""
    dead: bool = False

    def is_free(self, now: int, due_by: int) -> bool:
        """Whether anybody may claim it."""
        held = self.holder is not None and self.lease_until > now
        return not held and not self.dead and (self.again_at is None or self.again_at <= due_by)


FRESH: Final = Waiting()


class Facts(Protocol):
    """What the queue asks of its transaction, whose own facts count."""

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """Facts of ``kind``."""
        ...

    def settled(self) -> set[str]:
        """Keys of remedies that have a delivery."""
        ...


class MemoryQueue:
    """The queue as one transaction sees it: ``before`` it, and what it ``changed``."""

    def __init__(self, facts: Facts, before: Mapping[str, Waiting]) -> None:
        self._facts = facts
        self._before = before
        self.changed: dict[str, Waiting] = {}

    def claim(  # noqa: PLR0913 - as the port
        self,
        experiment: str,
        *,
        holder: str,
        now: int,
        until: int,
        limit: int,
        due_by: int,
        through: tuple[str, str | None] | None,
    ) -> list[Claimed]:
        """See :meth:`apologylab.service.ports.Transaction.claim`; times in microseconds.

        ``through`` is the channel wanted, and that of those which name none.
        """
        free = [
            each
            for each in self.unsettled(experiment)
            if self._due(each) <= due_by
            and self.waiting(each.key).is_free(now, due_by)
            and (through is None or (each.channel or through[1]) == through[0])
        ]
        for each in free[:limit]:
            self._wait(each.key, holder=holder, lease_until=until)
        return [self._claimed(each) for each in free[:limit]]

    def hand_over(self, keys: Sequence[str], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.hand_over`."""
        held = self._held(keys, holder)
        for key in held:
            self._wait(key, handed=True)
        return held

    def postpone(self, waits: Sequence[Postponed], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.postpone`."""
        held = self._held([each.key for each in waits], holder)
        for each in waits:
            if each.key in held:
                self._wait(
                    each.key,
                    again_at=None if each.again_at is None else micros(each.again_at),
                    holder=None,
                    handed=each.handed,
                    attempts=self.waiting(each.key).attempts + 1,
                    because=each.because,
                    dead=each.again_at is None,
                )
        return held

    def put_off(self, until: Mapping[str, datetime], *, holder: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_off`."""
        for key in self._held(list(until), holder):
            self._wait(key, again_at=micros(until[key]), holder=None)

    def let_go(self, keys: Sequence[str], *, holder: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.let_go`."""
        for key in self._held(keys, holder):
            self._wait(key, holder=None)

    def bring_forward(self, due: Mapping[str, datetime]) -> None:
        """See :meth:`apologylab.service.ports.Transaction.bring_forward`."""
        settled = self._facts.settled()
        for key, at in due.items():
            if key not in settled and not self.waiting(key).handed:
                self._wait(key, due_at=micros(at), again_at=None)

    def arrived(
        self, experiment: str, *, limit: int, among: Sequence[str] | None = None
    ) -> list[Arrived]:
        """See :meth:`apologylab.service.ports.Transaction.arrived`."""
        found = []
        for each in self.unsettled(experiment):
            wait = self.waiting(each.key)
            if among is not None and each.key not in among:
                continue
            if each.awaits is not None and wait.due_at is None and not wait.handed:
                times = [at for at in self._came(each) if at < each.due_at]
                found += [Arrived(remedy=each, came_at=min(times))] if times else []
        return found[:limit]

    def dead_letters(self, experiment: str) -> list[DeadLetter]:
        """See :meth:`apologylab.service.ports.Transaction.dead_letters`."""
        return [
            DeadLetter(remedy=each, attempts=of.attempts, because=of.because, handed=of.handed)
            for each in self.unsettled(experiment)
            if (of := self.waiting(each.key)).dead
        ]

    def revive(self, keys: Sequence[str]) -> int:
        """See :meth:`apologylab.service.ports.Transaction.revive`."""
        settled = self._facts.settled()
        dead = {key for key in keys if self.waiting(key).dead and key not in settled}
        for key in dead:
            self._wait(key, dead=False, attempts=0, again_at=None, because="")
        return len(dead)

    def unsettled(self, experiment: str) -> list[Remedy]:
        """Remedies without a delivery, longest due first."""
        settled = self._facts.settled()
        remedies = self._facts.find(Remedy, experiment=experiment)
        return sorted((each for each in remedies if each.key not in settled), key=self._due)

    def _came(self, remedy: Remedy) -> Iterator[datetime]:
        """When that came which ``remedy`` awaits, as often as it did."""
        if remedy.awaits == "resolution":
            incident = remedy.assignment[len(remedy.experiment) + 1 :]
            for found in self._facts.find(Resolution, incident=incident, resolved=True):
                if found.occurred_at >= remedy.occurred_at:
                    yield found.occurred_at
        if remedy.awaits == "next_visit":
            for visit in self._facts.find(Visit):
                after = visit.occurred_at > remedy.occurred_at
                if after and visit.customer in self._ids(remedy.customer):
                    yield visit.occurred_at

    def _ids(self, customer: str) -> set[str]:
        """The customer's own id and those merged with it."""
        into = {each.into for each in self._facts.find(Merged, customer=customer)}
        out_of = {each.customer for each in self._facts.find(Merged, into=customer)}
        return {customer, *into, *out_of}

    def _due(self, remedy: Remedy) -> int:
        moved = self.waiting(remedy.key).due_at
        return micros(remedy.due_at) if moved is None else moved

    def waiting(self, key: str) -> Waiting:
        """What the queue knows of a remedy."""
        return self.changed.get(key, self._before.get(key, FRESH))

    def _wait(self, key: str, **changed: Any) -> None:
        self.changed[key] = replace(self.waiting(key), **changed)

    def _held(self, keys: Sequence[str], holder: str) -> frozenset[str]:
        settled = self._facts.settled()
        held = (key for key in keys if self.waiting(key).holder == holder)
        return frozenset(key for key in held if key not in settled)

    def _claimed(self, remedy: Remedy) -> Claimed:
        wait = self.waiting(remedy.key)
        return Claimed(remedy=remedy, attempts=wait.attempts, handed=wait.handed)
