"""Hand remedies that are due to their channel, each at most once whatever crashes (R13, R15).

A worker claims a few, looks at them once more and notes those that leave as handed over, all in one
transaction; gives them to the channel; and settles what it still holds in a second one. A crash in
between leaves remedies that are handed over and not settled: whoever claims them next asks the
channel, and sends the same key again only where that has no second effect (ADR 0018).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from apologylab.errors import LedgerGoneError, LedgerOtherError, StateError
from apologylab.remedy.schedule import QUIET
from apologylab.service.again import again
from apologylab.service.approving import UNAPPROVED
from apologylab.service.claiming import claim
from apologylab.service.handing import hand
from apologylab.service.may_leave import bring_forward
from apologylab.service.retrying import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from apologylab.service.channel import Channel
    from apologylab.service.claiming import Taken
    from apologylab.service.ports import Clock, Ledger, Progress
    from apologylab.service.retrying import Stored
    from apologylab.service.running import Running

BATCH: Final = 2_000
"""Remedies that one claim takes at most: they hold up others who write to the ledger."""
IN_DOUBT: Final = 50
"""The same for a channel that must not be given a key twice: so many a crash puts in doubt."""
FIRST: Final = 50
LEASE: Final = timedelta(minutes=2)
CALL_SECONDS: Final = 0.3
"""What a call to the channel should take, so that a kill is heeded within a second."""
LOOK_SHARE: Final = 19
"""So many times as long as a look took, there is none: it takes a twentieth of the time."""
PATIENCE: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds to wait for a ledger that is away before what a batch came to is given up."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One of those who dispatch at the same time, and what it has of the world (R38).

    No two workers share a ``holder``, not even one after another. ``chance`` gives numbers in
    [0, 1), which spread retries; ``seconds`` never goes back, and None keeps ``batch`` as it is;
    ``rest`` waits so many seconds for a ledger that is away, and None does not wait for it.
    ``looks`` are the moments, by ``seconds``, from which an experiment is asked again whether what
    its remedies await has come.
    """

    holder: str
    clock: Clock
    chance: Callable[[], float]
    seconds: Callable[[], float] | None = None
    rest: Callable[[float], object] | None = None
    lease: timedelta = LEASE
    batch: int = BATCH
    looks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Dispatched:
    """How many remedies ended in each state of a delivery, and for which reasons.

    ``postponed`` and ``dead`` count those that the channel could not take, by reason: it is tried
    again, or as often as declared and then set aside. What may not leave in quiet hours is put off.
    """

    experiment: str
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    postponed: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)

    @property
    def settled(self) -> int:
        """Remedies that this run settled."""
        return self.states.total()

    def add(self, other: Dispatched) -> None:
        """Count what another run did, too."""
        for name in ("states", "reasons", "postponed", "dead"):
            getattr(self, name).update(getattr(other, name))


def dispatch_once(  # noqa: PLR0913 - what, through what, by whom, and who watches
    ledger: Ledger,
    channel: Channel,
    running: Running,
    worker: Worker,
    *,
    only: str | None = None,
    progress: Progress = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Dispatched:
    """Settle everything of ``running`` that is due, or all that waits if it was killed.

    With ``only``, what leaves through the channel that the declaration calls so. Any number of
    workers may do so at once. ``stop`` is asked before each batch; what was claimed by then is
    settled.

    Raises:
        StateError: the caller delivers this experiment (``[delivery] by = "caller"``).
        LedgerOtherError: the ledger is simulated and the channel would reach real customers.
    """
    _refuse(ledger, channel, running)
    _look_for_what_came(ledger, running, worker)
    done = Dispatched(experiment=running.name)
    size = _first(channel, worker)
    left = True
    while left and not stop():
        asked = partial(claim, ledger, running, worker, channel=channel.name, only=only)
        taken = again(partial(asked, limit=size))
        began = worker.seconds() if worker.seconds else 0.0
        fates = hand(channel, ledger.identity, taken, running.experiment)
        left = taken.claimed == size
        size = worker.batch if taken.killed else _next(channel, worker, size, len(fates), began)
        stored = _surely(
            worker, partial(store, ledger, running, worker, fates, channel=channel.name)
        )
        _count(done, taken, stored)
        progress(taken.claimed)
    return done


def _look_for_what_came(ledger: Ledger, running: Running, worker: Worker) -> None:
    """Bring forward what awaits something, but spend little time on those for whom nothing came."""
    seconds = worker.seconds or (lambda: 0.0)
    began = seconds()
    if began < worker.looks.get(running.name, began):
        return
    bring_forward(ledger, running, worker.clock())
    ended = seconds()
    worker.looks[running.name] = ended + LOOK_SHARE * (ended - began)


def _refuse(ledger: Ledger, channel: Channel, running: Running) -> None:
    if running.experiment.delivery.by == "caller":
        raise StateError(
            f"{running.name} is delivered by its caller",
            do="report what was delivered with report_delivery",
        )
    if ledger.identity.simulated and not channel.harmless:
        raise LedgerOtherError(
            f"the ledger is simulated and channel {channel.name} reaches real customers",
            do="use the file channel",
        )


def _most(channel: Channel, worker: Worker) -> int:
    return worker.batch if channel.once else min(worker.batch, IN_DOUBT)


def _first(channel: Channel, worker: Worker) -> int:
    """The size of the first batch: small until the channel has shown how quick it is."""
    most = _most(channel, worker)
    return min(FIRST, most) if worker.seconds else most


def _next(channel: Channel, worker: Worker, size: int, sent: int, began: float) -> int:
    """The size of the next batch: as many as take ``CALL_SECONDS``, at most twice as many."""
    if worker.seconds is None or not sent:
        return size
    took = worker.seconds() - began
    fits = int(sent * CALL_SECONDS / took) if took > 0 else 2 * size
    return max(1, min(fits, 2 * size, _most(channel, worker)))


def _surely(worker: Worker, attempt: Callable[[], Stored]) -> Stored:
    """Store what became of a batch, also if the ledger is away for a moment.

    Only this worker knows it. To store it again, if it was stored already, does nothing.
    """
    if worker.rest is None:
        return again(attempt)
    for seconds in PATIENCE:
        try:
            return again(attempt)
        except LedgerGoneError:
            worker.rest(seconds)
    return again(attempt)


def _count(done: Dispatched, taken: Taken, stored: Stored) -> None:
    for each in (*taken.settled, *stored.ended):
        done.states[each.state] += 1
        if each.because:
            done.reasons[each.because] += 1
    for why, n in ((QUIET, taken.put_off - taken.unapproved), (UNAPPROVED, taken.unapproved)):
        if n:
            done.postponed[why] += n
    for wait in stored.waiting:
        counted = done.dead if wait.again_at is None else done.postponed
        counted[wait.because] += 1
