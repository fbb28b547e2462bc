"""``LedgerClient``: one call an incident, answered from the ledger, never failing its caller (R11).

One thread owns the ledger. A call waits for it at most ``timeout_s``; then, or when anything fails,
the answer is the fallback that the declaration names, and a report of it waits in a bounded spool
until the ledger is reached again. A process that ends before that takes its reports with it: such
fallbacks cannot be counted by anyone.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, NamedTuple, Self

from apologylab.assignment.answers import not_drawn
from apologylab.errors import LedgerError, LedgerOtherError
from apologylab.hooks.client import UNREAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType

    from apologylab.record.facts import Incident
    from apologylab.service.assign import Answer
    from apologylab.service.ports import Clock, Ledger
    from apologylab.service.running import Running

TIMEOUT_S = 0.25
SPOOL = 10_000
"""Reports that wait at most; after that the oldest is lost, and counted."""
AT_A_CONTACT = 100
"""Reports sent before one answer, so that a long spool delays nobody for long."""
UNKNOWN = "no running experiment is about this kind of incident"


class Given(NamedTuple):
    """What to do for one incident.

    ``arm`` is an arm of the experiment, or what ``[otherwise]`` names, where ``reason`` is neither
    RANDOMISED nor OVERRIDE. ``due_at``, ``text``, ``compensation`` and ``amount`` (minor units)
    are None where nothing is due, said or given.
    """

    arm: str
    reason: str
    because: str
    experiment: str | None = None
    version: int | None = None
    phase: int | None = None
    propensity: float | None = None
    delay_s: int | None = None
    due_at: datetime | None = None
    locale: str | None = None
    text: str | None = None
    compensation: str | None = None
    amount: int | None = None
    currency: str | None = None


class _CallerGone(Exception):  # noqa: N818 - it undoes a transaction and is nobody's error
    """The caller has its fallback already, so nothing may be stored."""


class LedgerClient:
    """Answers incidents of the running experiments of one ledger.

    Use it as a context manager, or call :meth:`close`. ``lost`` counts reports that the spool had
    no room for or the ledger refused.
    """

    def __init__(
        self,
        ledger: Ledger,
        running: Iterable[Running],
        *,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
        spool: int = SPOOL,
    ) -> None:
        # Here, so that neither importing the hooks nor the first answer pays for them.
        from apologylab.service.assign import assign
        from apologylab.service.reporting import report_delivery, report_fallback

        self._ledger, self._clock, self._timeout_s = ledger, clock, timeout_s
        self._running = tuple(running)
        self._spool: deque[Callable[[], None]] = deque(maxlen=spool)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="apologylab")
        self._assign = assign
        self._report_fallback, self._report_delivery = report_fallback, report_delivery
        self._closed = False
        self.lost = 0

    @property
    def waiting(self) -> int:
        """Reports in the spool."""
        return len(self._spool)

    def assign(self, incident: Incident) -> Given:
        """Answer ``incident``; a retry gets the same answer. Nothing is raised.

        Reason FALLBACK means *not known yet*: give what ``arm`` names; it is reported by itself.
        """
        gone = Event()
        try:
            asked = [each for each in self._running if incident.kind in each.kinds]
            if not asked:
                return Given(UNREAD, "INELIGIBLE", UNKNOWN)
            answer = self._worker.submit(self._answer, asked, incident, gone)
            return answer.result(self._timeout_s)
        except Exception as error:  # noqa: BLE001 - an order system must never fail because of us
            gone.set()
            return self._fallback(incident, f"{type(error).__name__}: {error}".rstrip(": "))

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
        self._worker.submit(self._empty_spool, len(self._spool)).result()

    def close(self) -> None:
        """Flush, and let go of the ledger. A closed client answers with the fallback."""
        if not self._closed:
            self._closed = True
            self.flush()
            self._worker.shutdown(wait=True)
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

    def _answer(self, asked: Sequence[Running], incident: Incident, gone: Event) -> Given:
        """In the worker: the first experiment that does not turn the incident away answers."""
        in_time = partial(_refuse_gone, gone)
        in_time()
        self._empty_spool(AT_A_CONTACT)
        answers = []
        for running in asked:
            (answer,) = self._assign(
                self._ledger, running, [incident], now=self._clock(), in_time=in_time
            )
            answers.append(_given(running, answer))
            if answers[-1].reason != "INELIGIBLE":
                return answers[-1]
        return answers[0]

    def _fallback(self, incident: Incident, because: str) -> Given:
        asked = [each for each in self._running if _kind(incident) in each.kinds]
        if not asked:
            return Given(UNREAD, "FALLBACK", because)
        experiment = asked[0].experiment
        self._keep(partial(self._store_fallback, asked[0], incident, because, self._clock()))
        answer = not_drawn(experiment, "FALLBACK", because)
        return Given(answer.arm, "FALLBACK", because, experiment.name, experiment.version)

    def _keep(self, report: Callable[[], None]) -> None:
        self.lost += len(self._spool) == self._spool.maxlen
        self._spool.append(report)

    def _empty_spool(self, most: int) -> None:
        """In the worker: store reports, oldest first, until one finds the ledger unreachable."""
        for _ in range(min(most, len(self._spool))):
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

    The declarations are those that ``start`` pinned. All that is heavy is imported here. An
    experiment that is started later needs a new client; so does a process that was forked.

    Raises:
        LedgerOtherError: the ledger is simulated and ``simulated`` is not given, or the reverse.
        ConfigError, NotFoundError, LedgerError: the ledger cannot be opened; call it at start-up.
        NotFoundError: one of ``experiments`` is not started.
    """
    from apologylab import wiring
    from apologylab.service.running import pinned

    ledger = wiring.ledger_at(url)
    if ledger.identity.simulated != simulated:
        ledger.close()
        raise LedgerOtherError(
            f"simulated is {simulated}, but the ledger says {ledger.identity.simulated}",
            do="give the URL of the other ledger; simulated=True is for a ledger of a world",
        )
    running = pinned(ledger, wiring.declaration_reader(), experiments)
    return LedgerClient(ledger, running, clock=wiring.clock(), timeout_s=timeout_s, spool=spool)


def _kind(incident: object) -> str:
    return str(getattr(incident, "kind", ""))


def _refuse_gone(gone: Event) -> None:
    if gone.is_set():
        raise _CallerGone


def _given(running: Running, answer: Answer) -> Given:
    stored, remedy = answer.assignment, answer.remedy
    if stored is None:
        refused = not_drawn(running.experiment, "INELIGIBLE", answer.because)
        return Given(refused.arm, "INELIGIBLE", answer.because, running.name)
    return Given(
        arm=stored.arm,
        reason=stored.reason,
        because=answer.because or stored.because,
        experiment=stored.experiment,
        version=stored.version,
        phase=stored.phase,
        propensity=stored.propensity,
        delay_s=stored.delay_s,
        due_at=stored.due_at,
        locale=remedy.locale if remedy else None,
        text=answer.text,
        compensation=remedy.compensation if remedy else None,
        amount=remedy.amount if remedy and remedy.compensation else None,
        currency=remedy.currency if remedy else None,
    )
