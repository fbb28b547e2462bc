"""A ledger in memory that lets many write at once, as PostgreSQL does at READ COMMITTED.

Every statement sees what is committed when it runs, and its own transaction's changes. What a
database would lock is locked until the commit: names by ``lock``, a key by its insertion, a row by
its change. Whoever waits is parked; who waits in a circle is told that the ledger is busy.
``LACKING`` names what a mutant takes away.
"""

from __future__ import annotations

from contextlib import contextmanager
from operator import itemgetter

from apologylab.errors import LedgerBusyError
from apologylab.record.columns import kind_of
from apologylab.record.facts import KINDS, Delivery, Remedy
from apologylab.storage.memory import MemoryLedger, MemoryTransaction
from apologylab.storage.memory_queue import MemoryQueue
from apologylab.storage.rows import micros
from apologylab.storage.tables import FACTS

LACKING: set[str] = set()
"""Sorts of locks that are not taken: name, fact, text, queue, budget, counter, writer."""


class Locks:
    """Who holds what, and who waits for whom."""

    def __init__(self, schedule):
        self._schedule = schedule
        self._held = {}
        self._waiting = {}
        self.circles = 0

    def take(self, work, sort, name, *, shared=False):
        """Hold ``name`` until the commit, waiting for those who do."""
        if sort in LACKING:
            return
        holders = self._held.setdefault((sort, name), {})
        while self._in_the_way(holders, work, shared=shared):
            self._wait(holders, work, shared=shared)
        holders[work] = shared and holders.get(work, True)

    def is_taken(self, work, sort, name):
        """Whether another transaction holds ``name``."""
        holders = self._held.get((sort, name), {})
        return sort not in LACKING and bool(self._in_the_way(holders, work, shared=False))

    def release(self, work):
        """The transaction is over."""
        for holders in self._held.values():
            holders.pop(work, None)

    def _in_the_way(self, holders, work, *, shared):
        return [
            each for each, theirs in holders.items() if each is not work and not (shared and theirs)
        ]

    def _wait(self, holders, work, *, shared):
        self._waiting[work] = lambda: self._in_the_way(holders, work, shared=shared)
        try:
            if self._is_in_a_circle(work):
                self.circles += 1
                self._schedule.current.busy += 1
                raise LedgerBusyError("deadlock detected")
            self._schedule.wait(
                self._schedule.current, lambda: not self._in_the_way(holders, work, shared=shared)
            )
        finally:
            del self._waiting[work]

    def _is_in_a_circle(self, work):
        seen, look = set(), [work]
        while look:
            for each in self._waiting.get(look.pop(), list)():
                if each is work:
                    return True
                if each not in seen:
                    seen.add(each)
                    look.append(each)
        return False


class InterleavedQueue(MemoryQueue):
    """The queue beside others: what they have locked may be skipped."""

    def __init__(self, work, ledger):
        super().__init__(work, ledger.queue)
        self._work, self._locks = work, ledger.locks
        self._skips = False

    @contextmanager
    def skipping(self):
        self._skips = True
        yield
        self._skips = False

    def unsettled(self, experiment):
        found = super().unsettled(experiment)
        if not self._skips:
            return found
        return [each for each in found if not self._locks.is_taken(self._work, "queue", each.key)]


class InterleavedTransaction(MemoryTransaction):
    """A transaction beside others; what it changes is locked first."""

    def __init__(self, ledger, recorded_at):
        super().__init__(ledger, recorded_at)
        self.seq = 0
        self.queue = InterleavedQueue(self, ledger)

    def _take(self, sort, names):
        for name in names:
            self._ledger.locks.take(self, sort, name)

    def lock(self, names, *, shared=False):
        for name in sorted(set(names)):
            self._ledger.locks.take(self, "name", name, shared=shared)

    def append_encoded(self, kind, rows):
        self._ledger.locks.take(self, "writer", "", shared=True)
        self._take("fact", [(kind_of(kind), row[0]) for row in rows])
        if kind in (Remedy, Delivery):
            self._take("queue", [row[0] for row in rows])
        self.seq = self._ledger.given
        appended = super().append_encoded(kind, rows)
        self._ledger.given = self.seq
        return appended

    def claim(self, experiment, **asked):
        with self.queue.skipping():
            claimed = super().claim(experiment, **asked)
        self._take("queue", [each.remedy.key for each in claimed])
        return claimed

    def arrived(self, experiment, **asked):
        with self.queue.skipping():
            found = super().arrived(experiment, **asked)
        self._take("queue", [each.remedy.key for each in found])
        return found

    def bring_forward(self, due):
        self._take("queue", sorted(due))
        super().bring_forward(due)

    def put_off(self, until, *, holder):
        self._take("queue", self._mine(until, holder))
        super().put_off(until, holder=holder)

    def hand_over(self, keys, *, holder):
        self._take("queue", self._mine(keys, holder))
        return super().hand_over(keys, holder=holder)

    def postpone(self, waits, *, holder):
        self._take("queue", self._mine([each.key for each in waits], holder))
        return super().postpone(waits, holder=holder)

    def let_go(self, keys, *, holder):
        self._take("queue", self._mine(keys, holder))
        super().let_go(keys, holder=holder)

    def revive(self, keys):
        self._take("queue", sorted(key for key in keys if self.queue.waiting(key).dead))
        return super().revive(keys)

    def _mine(self, keys, holder):
        return sorted(key for key in keys if self.queue.waiting(key).holder == holder)

    def put_text(self, text_id, body):
        self._take("text", [text_id])
        super().put_text(text_id, body)

    def forget_texts(self, text_ids):
        self._take("text", sorted(self.texts(text_ids)))
        return super().forget_texts(text_ids)

    def standing(self, budgets, *, locked=False):
        if locked:
            self._take("budget", sorted(set(budgets)))
        return super().standing(budgets, locked=locked)

    def charge(self, charges):
        self._take("budget", sorted({each.budget for each in charges}))
        return super().charge(charges)

    def release(self, budget, amount, uses=0):
        self._take("budget", [budget])
        super().release(budget, amount, uses)

    def seal(self, budget, label):
        self._take("budget", [budget])
        super().seal(budget, label)

    def advance(self, steps):
        self._take("counter", sorted(steps))
        super().advance(steps)


class InterleavedLedger(MemoryLedger):
    """``given`` is the sequence: numbers are taken when facts are appended, not when committed."""

    def __init__(self, identity, schedule):
        super().__init__(identity)
        self._schedule = schedule
        self.locks = Locks(schedule)
        self.given = 0

    @contextmanager
    def transaction(self, *, recorded_at):
        work = InterleavedTransaction(self, micros(recorded_at))
        try:
            yield work
            self._commit(work, micros(recorded_at))
        finally:
            self.locks.release(work)

    def mark(self, as_of):
        """Wait until nobody is between taking a number and the commit."""
        self.locks.take(self, "writer", "")
        try:
            return super().mark(as_of)
        finally:
            self.locks.release(self)

    def _commit(self, work, at):
        known = len(self._commits)
        super()._commit(work, at)
        if work.seq and len(self._commits) == known:
            self._commits.append((work.seq, at))
        for kind in work.new.rows:
            self.stored.rows[kind].sort(key=itemgetter(0))


def places(ledger):
    """(kind, key) -> (seq, recorded_at), of a ledger in memory or in SQLite."""
    if isinstance(ledger, MemoryLedger):
        rows = {name: ledger.stored.rows[kind] for name, kind in KINDS.items()}
        return {(name, row[1]): (row[0], row[-1]) for name, found in rows.items() for row in found}
    found = {}
    with ledger.database.reading() as connection:
        for name, kind in KINDS.items():
            columns = FACTS[kind].c
            query = (
                FACTS[kind]
                .select()
                .with_only_columns(columns.key, columns.seq, columns.recorded_at)
            )
            found |= {(name, key): (seq, at) for key, seq, at in connection.execute(query)}
    return found
