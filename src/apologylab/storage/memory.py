"""A ledger in memory: the same semantics as the database, for tests, previews and worlds."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter, itemgetter
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from apologylab.errors import InputError, LedgerError
from apologylab.record.facts import KINDS, Delivery, Fact, Remedy
from apologylab.service.ports import Appended, LedgerIdentity
from apologylab.storage.rows import (
    Row,
    append_groups,
    decode,
    encode,
    encode_value,
    encode_values,
    line,
    micros,
)
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

F = TypeVar("F", bound=Fact)
_LOCK_SECONDS = 30


@dataclass
class _Stored:
    """What is committed: per kind the rows as (seq, fields..., recorded_at), and the keys."""

    rows: dict[type[Fact], list[Row]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[type[Fact], dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))


class MemoryTransaction:
    """Changes that wait beside the committed rows until the transaction ends."""

    def __init__(self, ledger: MemoryLedger, recorded_at: int) -> None:
        self._ledger = ledger
        self._recorded_at = recorded_at
        self.seq = ledger.seq
        self.new = _Stored()
        self.bodies: dict[str, str] = {}
        self.budgets: dict[str, int] = {}

    def append(self, facts: Sequence[Fact]) -> Appended:
        """See :meth:`apologylab.service.ports.Transaction.append`."""
        return append_groups(facts, self.append_encoded)

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

    def due(self, experiment: str, *, now: datetime, limit: int) -> list[Remedy]:
        """See :meth:`apologylab.service.ports.Transaction.due`."""
        settled = self._ledger.stored.keys[Delivery].keys() | self.new.keys[Delivery].keys()
        waiting = [
            remedy
            for remedy in self.find(Remedy, experiment=experiment)
            if remedy.due_at <= now and remedy.key not in settled
        ]
        return sorted(waiting, key=attrgetter("due_at"))[:limit]

    def put_text(self, text_id: str, body: str) -> None:
        """See :meth:`apologylab.service.ports.Transaction.put_text`."""
        stands = self._ledger.texts.get(text_id, body)
        if stands != body or self.bodies.setdefault(text_id, body) != body:
            raise LedgerError(
                f"text {text_id!r} is stored with another body", do="draw a new random id"
            )

    def texts(self, text_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`apologylab.service.ports.Transaction.texts`."""
        stored = self._ledger.texts
        return {text_id: stored[text_id] for text_id in text_ids if text_id in stored}

    def reserve(self, budget: str, amount: int, cap: int) -> bool:
        """See :meth:`apologylab.service.ports.Transaction.reserve`."""
        if amount < 0:
            raise InputError(f"cannot reserve {amount}", do="give an amount of 0 or more")
        total = self._reserved(budget) + amount
        if total > cap:
            return False
        self.budgets[budget] = total
        return True

    def release(self, budget: str, amount: int) -> None:
        """See :meth:`apologylab.service.ports.Transaction.release`."""
        if amount < 0:
            raise InputError(f"cannot release {amount}", do="give an amount of 0 or more")
        if amount > self._reserved(budget):
            raise LedgerError(
                f"cannot release {amount} of budget {budget!r}, which holds less",
                do="release what was reserved, once",
            )
        self.budgets[budget] = self._reserved(budget) - amount

    def _reserved(self, budget: str) -> int:
        return self.budgets.get(budget, self._ledger.reserved(budget))

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
        self._budgets: dict[str, int] = {}
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
        return self._budgets.get(budget, 0)

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
        self._budgets.update(work.budgets)
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
