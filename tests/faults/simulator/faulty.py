"""The ports as an actor meets them: every call may break, and others may run before it."""

from __future__ import annotations

import sys
from contextlib import suppress

from apologylab.service.ports import Transaction
from simulator.schedule import Died

LATE: set[tuple[str, int]] = set()
"""Transactions, by file and line, whose commit a mutant puts behind the next port call."""
_OF_A_TRANSACTION = [name for name in vars(Transaction) if not name.startswith("_")]


class FaultyTransaction:
    """A transaction whose every call goes through the schedule."""

    def __init__(self, schedule, actor, work):
        self._schedule, self._actor, self._work = schedule, actor, work


def _port_call(name):
    def call(self, *args, **named):
        effect = getattr(self._work, name)
        return self._schedule.call(
            self._actor, f"Transaction.{name}", lambda: effect(*args, **named)
        )

    return call


for _name in _OF_A_TRANSACTION:
    setattr(FaultyTransaction, _name, _port_call(_name))


class FaultyLedger:
    """A ledger as one actor meets it; ``turns`` says who may have a transaction open."""

    def __init__(self, schedule, actor, ledger, turns):
        self._schedule, self._actor, self._ledger, self._turns = schedule, actor, ledger, turns

    @property
    def identity(self):
        return self._ledger.identity

    def transaction(self, *, recorded_at):
        opened = _Opened(self, recorded_at)
        if LATE:
            caller = sys._getframe(1)
            opened.is_late = (caller.f_code.co_filename, caller.f_lineno) in LATE
        return opened

    def append_rows(self, kind, rows, *, recorded_at):
        return self._alone(
            "append_rows", lambda: self._ledger.append_rows(kind, rows, recorded_at=recorded_at)
        )

    def mark(self, as_of):
        return self._alone("mark", lambda: self._ledger.mark(as_of))

    def read(self, kind, *, mark=None, **equal):
        found = self._call("read", lambda: list(self._ledger.read(kind, mark=mark, **equal)))
        return iter(found)

    def count(self, kind, *, mark=None, **equal):
        return self._call("count", lambda: self._ledger.count(kind, mark=mark, **equal))

    def text(self, text_id):
        return self._call("text", lambda: self._ledger.text(text_id))

    def reserved(self, budget):
        return self._call("reserved", lambda: self._ledger.reserved(budget))

    def budgets(self, prefix):
        return self._call("budgets", lambda: self._ledger.budgets(prefix))

    def content_hash(self):
        return self._call("content_hash", self._ledger.content_hash)

    def close(self):
        """The ledger outlives its actors."""

    def _call(self, name, effect):
        return self._schedule.call(self._actor, f"Ledger.{name}", effect)

    def _alone(self, name, effect):
        """A call that writes by itself; it waits its turn like a transaction."""

        def do():
            with self._turns.turn(self._actor):
                return effect()

        return self._call(name, do)


class _Opened:
    """The transaction as a context: it begins, and it commits or rolls back."""

    is_late = False

    def __init__(self, ledger, recorded_at):
        self._ledger, self._at = ledger, recorded_at
        self._schedule, self._actor = ledger._schedule, ledger._actor

    def __enter__(self):
        self._schedule.call(self._actor, "Ledger.transaction", self._nothing_yet)
        self._turn = self._ledger._turns.turn(self._actor)
        self._turn.__enter__()
        self._inner = self._ledger._ledger.transaction(recorded_at=self._at)
        return FaultyTransaction(self._schedule, self._actor, self._inner.__enter__())

    def _nothing_yet(self):
        """A begin that breaks has done nothing, before its effect or after."""

    def __exit__(self, kind, error, trace):
        if error is not None:
            self._roll_back(error)
        elif self.is_late:
            self._actor.late = self
        else:
            self._end()

    def _end(self):
        self._open = True
        try:
            self._schedule.call(self._actor, "Ledger.commit", self.commit)
        except BaseException as broken:
            if self._open:
                self._roll_back(broken)
            raise

    def commit(self):
        """All of it is stored, or the error says why not."""
        self._open = False
        try:
            self._inner.__exit__(None, None, None)
        finally:
            self._turn.__exit__(None, None, None)
        self._actor.looked = self._schedule.steps

    def _roll_back(self, error):
        try:
            self._inner.__exit__(type(error), error, error.__traceback__)
        finally:
            self._turn.__exit__(None, None, None)

    def lose(self):
        """The process died before its late commit."""
        with suppress(Died):
            self._roll_back(Died())


class OneAtATime:
    """Turns of a ledger with one writer: the others are parked."""

    def __init__(self, schedule):
        self._schedule = schedule
        self._holder = None

    def turn(self, actor):
        return _Turn(self, actor)


class _Turn:
    def __init__(self, turns, actor):
        self._turns, self._actor = turns, actor

    def __enter__(self):
        turns = self._turns
        turns._schedule.wait(self._actor, lambda: turns._holder is None)
        turns._holder = self._actor

    def __exit__(self, kind, error, trace):
        self._turns._holder = None


class AllAtOnce:
    """Turns of a ledger that sees to its writers itself."""

    def __init__(self, schedule):
        self.schedule = schedule

    def turn(self, actor):
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return None


def faulty_clock(schedule, actor, hands):
    """The clock as ``actor`` reads it."""
    return lambda: schedule.call(actor, "Clock.now", lambda: hands.now(actor.name))


class FaultyChannel:
    """The channel as one worker meets it."""

    harmless = True

    def __init__(self, schedule, actor, channel):
        self._schedule, self._actor, self._channel = schedule, actor, channel

    @property
    def name(self):
        return self._channel.name

    @property
    def once(self):
        return self._channel.once

    def accepted(self, keys):
        return self._schedule.call(
            self._actor, "Channel.accepted", lambda: self._channel.accepted(keys)
        )

    def send(self, batch):
        return self._schedule.call(
            self._actor, "Channel.send", lambda: self._channel.send(batch, self._actor)
        )
