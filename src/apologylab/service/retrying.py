"""Store what a channel said of a batch: what ended, and what is tried again later (R15)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.record.facts import Attempt
from apologylab.service.ports import Postponed
from apologylab.service.promising import commit
from apologylab.service.settling import Outcome, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from apologylab.record.facts import Remedy
    from apologylab.service.dispatch import Worker
    from apologylab.service.ports import Ledger, Transaction
    from apologylab.service.running import Running

LONGEST_WAIT: Final = 86_400
"""Seconds: after however many failures, it is tried once a day."""


class Retry(NamedTuple):
    """The channel could not take a remedy; ``attempts`` failed before.

    ``handed``: it may have taken it all the same, so that it cannot become suppressed. ``wait_s``:
    so long it asked us to wait.
    """

    remedy: Remedy
    attempts: int
    because: str
    handed: bool
    wait_s: float | None = None


Fate = Outcome | Retry
"""What becomes of a remedy that was given to the channel."""


class Stored(NamedTuple):
    """What a batch came to: remedies that ended, and those that wait or are dead letters now."""

    ended: Sequence[Outcome] = ()
    waiting: Sequence[Postponed] = ()


def wait_seconds(attempts: int, base_seconds: float, chance: Callable[[], float]) -> float:
    """How long to wait after ``attempts`` failures: anything up to twice as long as before.

    Exponential backoff with full jitter, so that what failed together is not tried together
    (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    >>> [wait_seconds(attempts, 30, lambda: 0.5) for attempts in (1, 2, 3, 20)]
    [15.0, 30.0, 60.0, 43200.0]
    """
    longest = min(base_seconds * 2.0 ** min(attempts - 1, 32), LONGEST_WAIT)
    return chance() * longest


def store(
    ledger: Ledger, running: Running, worker: Worker, fates: Sequence[Fate], *, channel: str
) -> Stored:
    """Store those ``fates`` whose remedies ``worker`` still holds.

    The others' lease ended and somebody else has them: what that worker stores, stands.
    """
    if not fates:
        return Stored()
    now = worker.clock()
    with ledger.transaction(recorded_at=now) as work:
        held = work.hand_over([each.remedy.key for each in fates], holder=worker.holder)
        ours = [each for each in fates if each.remedy.key in held]
        retries = [each for each in ours if isinstance(each, Retry)]
        waiting = [_postponed(running, worker, each, now) for each in retries]
        _note_attempts(work, retries, waiting, channel, now)
        work.postpone(waiting, holder=worker.holder)
        ended = [each for each in ours if isinstance(each, Outcome)]
        settled = settle(work, ended, channel=channel, now=now)
        commit(work, running, settled, now=now)
    return Stored(settled, waiting)


def _postponed(running: Running, worker: Worker, retry: Retry, now: datetime) -> Postponed:
    """When it is tried again; never, if this was the last of the declared attempts."""
    declared = running.experiment.delivery
    failed = retry.attempts + 1
    again_at = None
    if failed < declared.attempts:
        seconds = wait_seconds(failed, declared.backoff_seconds, worker.chance)
        if retry.wait_s is not None:
            seconds += min(retry.wait_s, LONGEST_WAIT)
        again_at = now + timedelta(seconds=seconds)
    return Postponed(
        key=retry.remedy.key, again_at=again_at, because=retry.because, handed=retry.handed
    )


def _note_attempts(
    work: Transaction,
    retries: Sequence[Retry],
    waiting: Sequence[Postponed],
    channel: str,
    now: datetime,
) -> None:
    """One fact a failure, numbered through all rounds: a dead letter may be put back."""
    if not retries:
        return
    keys = [each.remedy.key for each in retries]
    before = Counter(each.assignment for each in work.find_among(Attempt, "assignment", keys))
    work.append(
        [
            _attempt(each.remedy, before[each.remedy.assignment] + 1, wait, channel, now)
            for each, wait in zip(retries, waiting, strict=True)
        ]
    )


def _attempt(remedy: Remedy, number: int, wait: Postponed, channel: str, now: datetime) -> Attempt:
    return Attempt(
        key=f"{remedy.key}/{number}",
        occurred_at=now,
        assignment=remedy.assignment,
        experiment=remedy.experiment,
        customer=remedy.customer,
        channel=channel,
        number=number,
        because=wait.because,
        again_at=wait.again_at,
    )
