"""``LedgerClient``: one call an incident, answered from the ledger, never failing its caller (R11).

One thread owns the ledger and answers whoever waits in one transaction (group commit). A call waits
for it at most ``timeout_s``; then, or when anything fails, the answer is the fallback that the
declaration names, and a report of it waits in a bounded spool until the ledger is reached again. A
process that ends before that takes its reports with it: such fallbacks cannot be counted by anyone.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Self

from apologylab.assignment.answers import not_drawn
from apologylab.errors import LedgerError, LedgerOtherError, OutdatedError
from apologylab.hooks import forking
from apologylab.hooks.call import AsyncCall, Call, CallerGone, refuse_late
from apologylab.hooks.client import UNREAD
from apologylab.hooks.given import Given
from apologylab.hooks.started import StartedExperiments, rehearse
from apologylab.hooks.worker import IDLE_S, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType

    from apologylab.record.facts import Incident
    from apologylab.service.ports import Clock, Ledger
    from apologylab.service.running import Running
    from apologylab.service.withholding import OnlySaid

TIMEOUT_S = 0.25
SPOOL = 10_000
"""Reports that wait at most; after that the oldest is lost, and counted."""
SPOOL_S = 0.05
"""How long reports are stored before a batch is answered, so that a long spool delays nobody."""
REST_S = 5.0
"""How long a fork waits for the batch that is being committed."""
UNKNOWN = "no running experiment is about this kind of incident"


class LedgerClient:
    """Answers incidents of the running experiments of one ledger, from any thread or event loop.

    Use it as a context manager, or call :meth:`close`. A process that is forked from this one may
    go on using it, too. ``lost`` counts reports that the spool had no room for or the ledger
    refused. ``renewed``, asked at most once a second, gives the running experiments if they are
    others than when it was last asked.
    """

    def __init__(
        self,
        ledger: Ledger,
        running: Iterable[Running],
        *,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
        spool: int = SPOOL,
        renewed: Callable[[], Sequence[Running] | None] = lambda: None,
    ) -> None:
        # Here, so that neither importing the hooks nor the first answer pays for them.
        from apologylab.service.assign import assign
        from apologylab.service.reporting import report_delivery, report_fallback
        from apologylab.service.withholding import only_said, told_to

        self._ledger, self._clock, self._timeout_s = ledger, clock, timeout_s
        self._assign, self._told_to, self._withheld = assign, told_to, only_said
        self._report_fallback, self._report_delivery = report_fallback, report_delivery
        self._renewed, self._renew_at = renewed, monotonic() + IDLE_S
        self._running: tuple[Running, ...] = tuple(running)
        self._said: tuple[object, OnlySaid] = (None, {})
        self._spool: deque[Callable[[], None]] = deque(maxlen=spool)
        self._counting = Lock()
        self._is_split = self._closed = False
        self.lost = 0
        self._worker = Worker(self._serve, self._rest)
        self._worker.start()
        forking.register(self)

    @property
    def waiting(self) -> int:
        """Reports in the spool."""
        return len(self._spool)

    def assign(self, incident: Incident, *, experiment: str | None = None) -> Given:
        """Answer ``incident``; a retry gets the same answer. Nothing is raised.

        Only ``experiment`` is asked if it is given, otherwise those about this kind of incident.
        Reason FALLBACK means *not known yet*: give what ``arm`` names; it is reported by itself.
        """
        try:
            if not self._asked(incident, experiment):
                return self._unasked(experiment)
            call = Call(incident, self._timeout_s, experiment)
            self._worker.put(call)
            call.wait(self._timeout_s)
            return self._told(call)
        except Exception as error:  # noqa: BLE001 - an order system must never fail because of us
            return self._fallback(incident, _said(error), experiment)

    async def assign_async(self, incident: Incident, *, experiment: str | None = None) -> Given:
        """As :meth:`assign`, without blocking the event loop; only its cancellation is raised."""
        try:
            if not self._asked(incident, experiment):
                return self._unasked(experiment)
            from asyncio import get_running_loop

            call = AsyncCall(incident, self._timeout_s, experiment, loop=get_running_loop())
            self._worker.put(call)
            await call.arrive(self._timeout_s)
            return self._told(call)
        except Exception as error:  # noqa: BLE001 - an order system must never fail because of us
            return self._fallback(incident, _said(error), experiment)

    def report_delivery(
        self, experiment: str, incident: str, *, state: str, because: str = ""
    ) -> None:
        """Say what became of a remedy that the caller delivers itself (R15). Nothing is raised.

        It is stored with the next contact, or by :meth:`flush`.
        """
        for running in self._running:
            if running.name == experiment:
                self._keep(partial(self._store_delivery, running, incident, state, because))

    def flush(self) -> None:
        """Store what waits in the spool, as far as the ledger takes it."""
        with self._worker.turn:
            self._empty_spool()

    def close(self) -> None:
        """Answer who waits, flush, and let go of the ledger. Later calls get the fallback."""
        if not self._closed:
            self._closed = True
            self._worker.stop()
            self.flush()
            self._ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def before_fork(self) -> None:
        """Let the batch under way end; no connection may live on both sides of a fork."""
        self._is_split = not self._worker.turn.acquire(timeout=REST_S)
        if not self._is_split:
            self._ledger.close()

    def after_in_parent(self) -> None:
        """Go on."""
        if not self._is_split:
            self._worker.turn.release()

    def after_in_child(self) -> None:
        """Begin anew: calls and reports that waited are the parent's."""
        self._counting = Lock()
        self._spool.clear()
        self._worker.renew()
        if self._is_split:
            self._worker.refuse("the process was forked while the ledger did not answer")

    def _asked(self, incident: Incident, only: str | None) -> list[Running]:
        return [
            each
            for each in self._running
            if incident.kind in each.kinds and only in (None, each.name)
        ]

    def _unasked(self, only: str | None) -> Given:
        """The answer where no experiment is asked."""
        for each in self._running:
            if each.name == only:
                refused = not_drawn(each.experiment, "INELIGIBLE", UNKNOWN)
                return Given(refused.arm, "INELIGIBLE", UNKNOWN, each.name)
        if only is not None:
            return Given(UNREAD, "FALLBACK", f"NotFoundError: {only} is not started in this ledger")
        return Given(UNREAD, "INELIGIBLE", UNKNOWN)

    def _told(self, call: Call) -> Given:
        """What ``call`` brought.

        Raises:
            TimeoutError: nothing, in time.
            Exception: what went wrong.
        """
        if call.answer is not None:
            return call.answer
        call.gone = True
        raise call.error or TimeoutError(f"no answer within {self._timeout_s:g} s")

    def _serve(self, calls: list[Call]) -> None:
        """In the worker: answer all ``calls``, a transaction for each experiment asked."""
        try:
            self._empty_spool(SPOOL_S)
            self._serve_by_turns(calls)
        except Exception as error:  # noqa: BLE001 - the thread must live
            for call in calls:
                if not call.is_told:
                    call.tell(None, error)

    def _serve_by_turns(self, calls: Sequence[Call]) -> None:
        """Ask each call's experiments one after the other, all calls together."""
        left = list(calls)
        while left:
            groups: dict[str, tuple[Running, list[Call]]] = {}
            for call in left:
                asked = self._asked(call.incident, call.only)
                if call.turn < len(asked):
                    running = asked[call.turn]
                    groups.setdefault(running.name, (running, []))[1].append(call)
                else:
                    call.end(UNKNOWN)
            for running, group in groups.values():
                self._ask(running, group)
            left = [call for call in left if not call.is_told and not call.is_late()]

    def _ask(self, running: Running, calls: Sequence[Call]) -> None:
        """One transaction for all; one by one if one of them, or a later version, is in the way."""
        left = [call for call in calls if not call.is_late()]
        try:
            if left:
                self._commit(running, left)
        except CallerGone:
            self._ask(running, left)
        except Exception as error:  # noqa: BLE001 - one broken call fails no other
            later = self._later(running) if isinstance(error, OutdatedError) else None
            if later is not None:
                self._ask(later, left)
            elif len(left) == 1:
                left[0].tell(None, error)
            else:
                self._one_by_one(running, left)

    def _commit(self, running: Running, calls: Sequence[Call]) -> None:
        answers = self._assign(
            self._ledger,
            running,
            [self._told_to(running, call.incident, self._only_said()) for call in calls],
            now=self._clock(),
            in_time=partial(refuse_late, calls),
        )
        for call, answer in zip(calls, answers, strict=True):
            call.take(running, answer, len(self._asked(call.incident, call.only)))

    def _only_said(self) -> OnlySaid:
        """What only texts of the running experiments need; known until they are others."""
        if self._said[0] is not self._running:
            self._said = (self._running, self._withheld(self._running))
        return self._said[1]

    def _one_by_one(self, running: Running, calls: Sequence[Call]) -> None:
        """Each in a transaction of its own, until one finds that the ledger itself fails."""
        for number, call in enumerate(calls):
            self._ask(running, [call])
            if isinstance(call.error, LedgerError | OSError):
                for other in calls[number + 1 :]:
                    other.tell(None, call.error)
                return

    def _later(self, running: Running) -> Running | None:
        """The version that was started after ``running``, if it can be read."""
        self._renew()
        version = running.experiment.version
        found = [each for each in self._running if each.name == running.name]
        return next((each for each in found if each.experiment.version > version), None)

    def _rest(self) -> None:
        """In the worker, between two batches or each second without one."""
        if monotonic() >= self._renew_at:
            self._renew_at = monotonic() + IDLE_S
            self._renew()
            self._empty_spool(SPOOL_S)

    def _renew(self) -> None:
        try:
            self._running = tuple(self._renewed() or self._running)
        except Exception:  # noqa: BLE001 - the ledger is away; the next second will tell
            return

    def _fallback(self, incident: Incident, because: str, only: str | None = None) -> Given:
        named = (each for each in self._running if only in (None, each.name))
        asked = [each for each in named if _kind(incident) in each.kinds]
        if not asked:
            return Given(UNREAD, "FALLBACK", because)
        experiment = asked[0].experiment
        self._keep(partial(self._store_fallback, asked[0], incident, because, self._clock()))
        answer = not_drawn(experiment, "FALLBACK", because)
        return Given(answer.arm, "FALLBACK", because, experiment.name, experiment.version)

    def _keep(self, report: Callable[[], None]) -> None:
        with self._counting:
            self.lost += len(self._spool) == self._spool.maxlen
            self._spool.append(report)

    def _empty_spool(self, seconds: float = float("inf")) -> None:
        """Store reports, oldest first, until the time is over or the ledger is unreachable."""
        end = monotonic() + seconds
        while self._spool and monotonic() < end:
            report = self._spool.popleft()
            try:
                report()
            except (LedgerError, OSError):
                self._spool.appendleft(report)
                return
            except Exception:  # noqa: BLE001 - this report can never be stored; the others can
                self.lost += 1

    def _store_fallback(
        self, running: Running, incident: Incident, because: str, at: datetime
    ) -> None:
        self._report_fallback(
            self._ledger, running, incident, because=because, at=at, now=self._clock()
        )

    def _store_delivery(self, running: Running, incident: str, state: str, because: str) -> None:
        self._report_delivery(
            self._ledger, running, incident, state=state, because=because, now=self._clock()
        )


def connect(
    url: str,
    *,
    experiments: Iterable[str] | None = None,
    timeout_s: float = TIMEOUT_S,
    spool: int = SPOOL,
    simulated: bool = False,
) -> LedgerClient:
    """A client of the ledger at ``url`` for its started ``experiments``, all of them by default.

    The declarations are those that ``start`` pinned; what is started later is noticed within about
    a second. All that is heavy is done here: imports, reading, and one answer that is not stored.
    With ``APOLOGYLAB_PSEUDONYM_KEY`` in the environment, customers' ids are hashed before anything
    is done with them (R8).

    Raises:
        LedgerOtherError: the ledger is simulated and ``simulated`` is not given, or the reverse.
        ConfigError, NotFoundError, LedgerError: the ledger cannot be opened; call it at start-up.
        NotFoundError: one of ``experiments`` is not started.
    """
    from apologylab import wiring

    ledger = wiring.ledger_at(url)
    if ledger.identity.simulated != simulated:
        ledger.close()
        raise LedgerOtherError(
            f"simulated is {simulated}, but the ledger says {ledger.identity.simulated}",
            do="give the URL of the other ledger; simulated=True is for a ledger of a world",
        )
    clock = wiring.clock()
    known_as = wiring.known_as(ledger, now=clock())
    started = StartedExperiments(ledger, wiring.declaration_reader(), experiments, known_as)
    running = started.all()
    rehearse(ledger, running, now=clock())
    return LedgerClient(
        ledger, running, clock=clock, timeout_s=timeout_s, spool=spool, renewed=started.renewed
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _kind(incident: object) -> str:
    return str(getattr(incident, "kind", ""))
