"""One caller's question on its way to the ledger and back."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from apologylab.errors import NotFoundError
from apologylab.hooks.given import Given, given

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Iterable

    from apologylab.record.facts import Incident
    from apologylab.service.assign import Answer
    from apologylab.service.running import Running

PASSED_ON = "INELIGIBLE"
"""Another experiment on the same kind of incident may answer what this one turns away."""


class CallerGone(Exception):  # noqa: N818 - it undoes a transaction and is nobody's error
    """Somebody in the batch has given the fallback already, so nothing may be stored for them."""


class Call:
    """An incident and whoever waits for its answer, until a moment on the monotonic clock.

    ``answer`` or ``error`` is there once it is told. Several experiments are asked in turn, and the
    first that does not turn the incident away answers; if all do, the first one's word stands.
    ``only`` names the one that is asked, if the caller wants no other.
    """

    __slots__ = (
        "_done", "_first", "answer", "deadline", "error", "gone", "incident", "only", "turn",
    )  # fmt: skip

    def __init__(self, incident: Incident, timeout_s: float, only: str | None = None) -> None:
        self.incident = incident
        self.only = only
        self.deadline = monotonic() + timeout_s
        self.turn = 0
        self.gone = False
        self.answer: Given | None = None
        self.error: Exception | None = None
        self._first: Given | None = None
        self._done = Lock()
        self._done.acquire()

    def is_late(self) -> bool:
        """Whether its caller has gone, or must have."""
        return self.gone or monotonic() >= self.deadline

    def wait(self, timeout_s: float) -> None:
        """Until it is told, or the time is over."""
        self._done.acquire(timeout=timeout_s)

    def take(self, running: Running, answer: Answer, asked: int) -> None:
        """The word of ``running``, one of ``asked`` experiments."""
        said = given(running, answer)
        self._first = self._first or said
        self.turn += 1
        if said.reason != PASSED_ON:
            self.tell(said)
        elif self.turn >= asked:
            self.tell(self._first)

    def tell(self, answer: Given | None, error: Exception | None = None) -> None:
        """Let the caller go on."""
        self.answer, self.error = answer, error
        self._done.release()

    def end(self, because: str) -> None:
        """No experiment is left to ask."""
        if self._first is None:
            self.tell(None, NotFoundError(because))
        else:
            self.tell(self._first)

    @property
    def is_told(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.answer is not None or self.error is not None


class AsyncCall(Call):
    """A call whose caller waits in an event loop."""

    __slots__ = ("_future", "_loop")

    def __init__(
        self,
        incident: Incident,
        timeout_s: float,
        only: str | None = None,
        *,
        loop: AbstractEventLoop,
    ) -> None:
        super().__init__(incident, timeout_s, only)
        self._loop = loop
        self._future: Future[None] = loop.create_future()

    async def arrive(self, timeout_s: float) -> None:
        """Until it is told, or the time is over."""
        timer = self._loop.call_later(timeout_s, self._resolve)
        try:
            await self._future
        finally:
            self.gone = not self.is_told
            timer.cancel()

    def tell(self, answer: Given | None, error: Exception | None = None) -> None:
        """Let the caller go on, if its loop still runs."""
        self.answer, self.error = answer, error
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


def refuse_late(calls: Iterable[Call]) -> None:
    """Raise if one of ``calls`` is late: the last look before a commit (R11)."""
    if any(call.is_late() for call in calls):
        raise CallerGone
