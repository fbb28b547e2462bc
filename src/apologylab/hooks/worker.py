"""One thread that takes whatever waits and hands it over in batches: group commit.

While a batch is being committed, the next one gathers by itself, so nobody waits for company. A
forked child gets a thread of its own: what its parent was about to do stays with the parent.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
MOST = 64
"""Items in one batch."""
WAITING = 10_000
"""Items that wait at most; nobody would wait so long."""
IDLE_S = 1.0


class Full(Exception):  # noqa: N818 - said to callers as a reason, as queue.Full is
    """Too many calls wait, or the client was closed."""


class Worker(Generic[T]):
    """Hands batches of at most ``most`` to ``serve``; calls ``rest`` after each, or each second.

    Both run in one thread; ``turn`` is held while they do. Neither may raise.
    """

    def __init__(
        self, serve: Callable[[list[T]], None], rest: Callable[[], None], *, most: int = MOST
    ) -> None:
        self._serve, self._rest, self._most = serve, rest, most
        self._closed = ""
        self.renew()

    def renew(self) -> None:
        """Forget what waits and begin anew; the thread is started by the next :meth:`put`."""
        self.turn = Lock()
        self._queue: SimpleQueue[T | None] = SimpleQueue()
        self._starting = Lock()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread if it does not run."""
        with self._starting:
            if self._thread is None and not self._closed:
                # A daemon: a process that ends without `close` must not hang on it.
                self._thread = Thread(target=self._run, name="apologylab", daemon=True)
                self._thread.start()

    def put(self, item: T) -> None:
        """Let ``item`` wait for its batch.

        Raises:
            Full: too many wait already, or it was stopped.
        """
        if self._closed:
            raise Full(self._closed)
        if self._queue.qsize() >= WAITING:
            raise Full(f"{WAITING} calls wait already")
        self._queue.put(item)
        if self._thread is None:
            self.start()

    def stop(self) -> None:
        """Serve what waits, then end the thread."""
        self.refuse("the client is closed")
        thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def refuse(self, because: str) -> None:
        """Take nothing more."""
        self._closed = because

    def _run(self) -> None:
        queue, turn = self._queue, self.turn
        goes_on = True
        while goes_on:
            batch, goes_on = self._gather(queue)
            with turn:
                if batch:
                    self._serve(batch)
                self._rest()

    def _gather(self, queue: SimpleQueue[T | None]) -> tuple[list[T], bool]:
        """What waits, after a second even if that is nothing; False behind the last."""
        batch: list[T] = []
        try:
            item = queue.get(timeout=IDLE_S)
            while item is not None:
                batch.append(item)
                if len(batch) == self._most:
                    return batch, True
                item = queue.get_nowait()
        except Empty:
            return batch, True
        return batch, False
