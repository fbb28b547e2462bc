"""A ledger in memory: the same semantics as the database, for tests, previews and worlds."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from apologylab.errors import LedgerError
from apologylab.record.facts import KINDS, Delivery, Fact
from apologylab.service.ports import Appended, LedgerIdentity, Standing
from apologylab.storage.charges import combined, may, refuse_release
from apologylab.storage.memory_queue import MemoryQueue, Waiting
from apologylab.storage.rows import (
    Row,
    decode,
    encode,
    encode_groups,
    encode_value,
    encode_values,
    line,
    micros,
    refuse_bent_text,
    text_taken,
    together,
)
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from apologylab.service.asked import Asked
    from apologylab.service.ports import Arrived, Charge, Claimed, DeadLetter, Postponed

F = TypeVar("F", bound=Fact)
_LOCK_SECONDS = 30


@dataclass
class _Stored:
    """What is committed: per kind the rows as (seq, fields..., recorded_at), and the keys."""

    rows: dict[type[Fact], list[Row]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[type[Fact], dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))


_NO_BUDGET = Standing()


class MemoryTransaction:
    """Changes that wait beside the committed rows until the transaction ends."""

    def __init__(self, ledger: MemoryLedger, recorded_at: int) -> None:
        self._ledger = ledger
        self._recorded_at = recorded_at
        self.seq = ledger.seq
        self.new = _Stored()
        self.bodies: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.budgets: dict[str, Standing] = {}
        self.counts: dict[str, int] = {}
        self.queue = MemoryQueue(self, ledger.queue)

    def lock(self, names: Sequence[str], *, shared: bool = False) -> None:
        """See :meth:`apologylab.service.ports.Transaction.lock`: the whole ledger is locked."""

    def append(self, facts: Sequence[Fact]) -> Appended:
        """See :meth:`apologylab.service.ports.Transaction.append`."""
        groups = encode_groups(facts)
        return together([self.append_encoded(kind, rows) for kind, rows in groups.items()])

    def append_encoded(self, kind: type[Fact], rows: Sequence[Row]) -> Appended:
        """Append rows that are encoded already."""
        same, contradicting = 0, []
        first = self.seq
        for row in rows:
            stands = self._ledger.stored.keys[kind].get(row[0]) or self.new.keys[kind].get(row[0])
            if stands is None:
                self.seq += 1
                self.new.keys[kind][row[0]] = row
                self.new.rows[kind].append((self.seq, *row, self._recorded_at))
            elif stands == row:
                same += 1
            else:
                contradicting.append(row[0])
        return Appended(new=self.seq - first, same=same, contradicting=tuple(contradicting))

    def find(self, kind: type[F], **equal: object) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find`."""
        return decode(kind, [row[1:-1] for row in self._matching(kind, equal)])

    def find_among(self, kind: type[F], column: str, values: Sequence[str]) -> list[F]:
        """See :meth:`apologylab.service.ports.Transaction.find_among`."""
        place = _place(kind, column)
        wanted = set(encode_values(kind, column, values))
        rows = (row for row in self._matching(kind, {}) if row[place] in wanted)
        return decode(kind, [row[1:-1] for row in rows])

    def expect(self, asked: Sequence[Asked], budgets: Sequence[str] = ()) -> None:
        """See :meth:`apologylab.service.ports.Transaction.expect`: nothing is far away."""

    def claim(  # noqa: PLR0913 - as the port
        self,
        experiment: str,
        *,
        holder: str,
        now: datetime,
        until: datetime,
        limit: int,
        due_by: datetime | None = None,
        channel: str | None = None,
        unnamed: str | None = None,
    ) -> list[Claimed]:
        """See :meth:`apologylab.service.ports.Transaction.claim`."""
        return self.queue.claim(
            experiment,
            holder=holder,
            now=micros(now),
            until=micros(until),
            limit=limit,
            due_by=micros(due_by or now),
            through=None if channel is None else (channel, unnamed),
        )

    def hand_over(self, keys: Sequence[str], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.hand_over`."""
        return self.queue.hand_over(keys, holder=holder)

    def postpone(self, waits: Sequence[Postponed], *, holder: str) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Transaction.postpone`."""
        return self.queue.postpone(waits, holder=holder)

    def put_off(self, until: Mapping[str, datetime], *, holder: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_off`."""
        self.queue.put_off(until, holder=holder)

    def arrived(
        self, experiment: str, *, limit: int, among: Sequence[str] | None = None
    ) -> list[Arrived]:
        """See :meth:`apologylab.service.ports.Transaction.arrived`."""
        return self.queue.arrived(experiment, limit=limit, among=among)

    def bring_forward(self, due: Mapping[str, datetime]) -> None:
        """See :meth:`apologylab.service.ports.Transaction.bring_forward`."""
        self.queue.bring_forward(due)

    def let_go(self, keys: Sequence[str], *, holder: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.let_go`."""
        self.queue.let_go(keys, holder=holder)

    def dead_letters(self, experiment: str) -> list[DeadLetter]:
        """See :meth:`apologylab.service.ports.Transaction.dead_letters`."""
        return self.queue.dead_letters(experiment)

    def revive(self, keys: Sequence[str]) -> int:
        """See :meth:`apologylab.service.ports.Transaction.revive`."""
        return self.queue.revive(keys)

    def undelivered(self, experiment: str) -> int:
        """See :meth:`apologylab.service.ports.Transaction.undelivered`."""
        return len(self.queue.unsettled(experiment))

    def put_text(self, text_id: str, body: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_text`."""
        refuse_bent_text("a text", body)
        stands = self._ledger.texts.get(text_id, body)
        if stands != body or self.bodies.setdefault(text_id, body) != body:
            raise text_taken(text_id)

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`apologylab.service.ports.Transaction.texts`."""
        stored = self._ledger.texts
        known = (each for each in text_ids if each in stored and each not in self.forgotten)
        return {text_id: stored[text_id] for text_id in known}

    def forget_texts(self, text_ids: Sequence[str]) -> int:
        """See :meth:`apologylab.service.ports.Transaction.forget_texts`."""
        gone = self.texts(text_ids).keys()
        self.forgotten |= gone
        return len(gone)

    def standing(self, budgets: Sequence[str], *, locked: bool = False) -> Mapping[str, Standing]:
        """See :meth:`apologylab.service.ports.Transaction.standing`."""
        del locked
        return {budget: self._standing(budget) for budget in budgets}

    def charge(self, charges: Sequence[Charge]) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.charge`."""
        asked = combined(charges)
        if not all(may(each, self._standing(each.budget)) for each in asked):
            return False
        for each in asked:
            self._add(each.budget, each.amount, each.uses)
        return True

    def release(self, budget: str, amount: int, uses: int = 0) -> None:
        """See :meth:`apologylab.service.ports.Transaction.release`."""
        refuse_release(budget, amount, uses, self._standing(budget))
        self._add(budget, -amount, -uses)

    def seal(self, budget: str, label: str | None) -> None:
        """See :meth:`apologylab.service.ports.Transaction.seal`."""
        self.budgets[budget] = replace(self._standing(budget), sealed=label)

    def counters(self, names: Sequence[str]) -> Mapping[str, int]:
        """See :meth:`apologylab.service.ports.Transaction.counters`."""
        return {name: self.counts.get(name, self._ledger.counts.get(name, 0)) for name in names}

    def advance(self, steps: Mapping[str, int]) -> None:
        """See :meth:`apologylab.service.ports.Transaction.advance`."""
        before = self.counters(list(steps))
        self.counts.update({name: before[name] + step for name, step in steps.items()})

    def _standing(self, budget: str) -> Standing:
        return self.budgets.get(budget, self._ledger.standings.get(budget, _NO_BUDGET))

    def _add(self, budget: str, amount: int, uses: int) -> None:
        stands = self._standing(budget)
        self.budgets[budget] = replace(
            stands, reserved=stands.reserved + amount, uses=stands.uses + uses
        )

    def settled(self) -> set[str]:
        """Keys of remedies that have a delivery."""
        return self._ledger.stored.keys[Delivery].keys() | self.new.keys[Delivery].keys()

    def _matching(self, kind: type[Fact], equal: dict[str, object]) -> Iterator[Row]:
        rows = chain(self._ledger.stored.rows[kind], self.new.rows[kind])
        return _matching(kind, rows, equal)


class MemoryLedger:
    """Facts in lists; gone when the process ends."""

    def __init__(self, identity: LedgerIdentity) -> None:
        self._identity = identity
        self._lock = Lock()
        self._commits: list[tuple[int, int]] = []
        self._marks: dict[int, int] = {}
        self.standings: dict[str, Standing] = {}
        self.counts: dict[str, int] = {}
        self.queue: dict[str, Waiting] = {}
        self.texts: dict[str, str] = {}
        self.stored = _Stored()
        self.seq = 0

    @property
    def identity(self) -> LedgerIdentity:
        """See :attr:`apologylab.service.ports.Ledger.identity`."""
        return self._identity

    @contextmanager
    def transaction(self, *, recorded_at: datetime) -> Iterator[MemoryTransaction]:
        """See :meth:`apologylab.service.ports.Ledger.transaction`."""
        at = micros(recorded_at)
        if not self._lock.acquire(timeout=_LOCK_SECONDS):
            raise LedgerError("the ledger is being written to", do="end the other transaction")
        try:
            work = MemoryTransaction(self, at)
            yield work
            self._commit(work, at)
        finally:
            self._lock.release()

    def append_rows(
        self, kind: type[Fact], rows: Sequence[tuple[object, ...]], *, recorded_at: datetime
    ) -> Appended:
        """See :meth:`apologylab.service.ports.Ledger.append_rows`."""
        encoded = encode(kind, rows)
        with self.transaction(recorded_at=recorded_at) as work:
            return work.append_encoded(kind, encoded)

    def mark(self, as_of: datetime) -> int:
        """See :meth:`apologylab.service.ports.Ledger.mark`."""
        at = micros(as_of)
        with self._lock:
            if at not in self._marks:
                seq = max((last for last, time in self._commits if time <= at), default=0)
                floor = max((m for t, m in self._marks.items() if t < at), default=0)
                ceiling = min((m for t, m in self._marks.items() if t > at), default=self.seq)
                self._marks[at] = min(max(seq, floor), ceiling)
            return self._marks[at]

    def read(self, kind: type[F], *, mark: int | None = None, **equal: object) -> Iterator[F]:
        """See :meth:`apologylab.service.ports.Ledger.read`."""
        rows = _matching(kind, self._until(kind, mark), equal)
        return iter(decode(kind, [row[1:-1] for row in rows]))

    def count(self, kind: type[Fact], *, mark: int | None = None, **equal: object) -> int:
        """See :meth:`apologylab.service.ports.Ledger.count`."""
        return sum(1 for _ in _matching(kind, self._until(kind, mark), equal))

    def text(self, text_id: str) -> str | None:
        """See :meth:`apologylab.service.ports.Ledger.text`."""
        return self.texts.get(text_id)

    def reserved(self, budget: str) -> int:
        """See :meth:`apologylab.service.ports.Ledger.reserved`."""
        return self.standings.get(budget, _NO_BUDGET).reserved

    def budgets(self, prefix: str) -> Mapping[str, Standing]:
        """See :meth:`apologylab.service.ports.Ledger.budgets`."""
        return {
            name: stands
            for name, stands in sorted(self.standings.items())
            if name.startswith(prefix) and stands != _NO_BUDGET
        }

    def content_hash(self) -> str:
        """See :meth:`apologylab.service.ports.Ledger.content_hash`."""
        digest = hashlib.sha256()
        for name in sorted(KINDS):
            digest.update(line([name]))
            rows = self.stored.rows[KINDS[name]]
            for row in sorted(rows, key=itemgetter(1)):
                digest.update(line(row[1:-1]))
        return digest.hexdigest()

    def close(self) -> None:
        """There is nothing to let go of."""

    def _commit(self, work: MemoryTransaction, at: int) -> None:
        for kind, rows in work.new.rows.items():
            self.stored.rows[kind].extend(rows)
            self.stored.keys[kind].update(work.new.keys[kind])
        self.texts.update(work.bodies)
        for text_id in work.forgotten:
            del self.texts[text_id]
        self.standings.update(work.budgets)
        self.counts.update(work.counts)
        self.queue.update(work.queue.changed)
        if work.seq > self.seq:
            self._commits.append((work.seq, at))
            self.seq = work.seq

    def _until(self, kind: type[Fact], mark: int | None) -> list[Row]:
        rows = self.stored.rows[kind]
        return [row for row in rows if mark is None or row[0] <= mark]


def _place(kind: type[Fact], name: str) -> int:
    encode_values(kind, name, [])
    return [column.name for column in table(kind).columns].index(name)


def _matching(kind: type[Fact], rows: Iterable[Row], equal: dict[str, object]) -> Iterator[Row]:
    """Rows whose columns equal those given, None meaning empty."""
    wanted = {_place(kind, name): encode_value(kind, name, v) for name, v in equal.items()}
    return (row for row in rows if all(row[place] == v for place, v in wanted.items()))
