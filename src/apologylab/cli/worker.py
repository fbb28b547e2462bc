"""A command that works until it is told to end: signals, pauses, and a ledger that is away."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

POLL_SECONDS: Final = 1.0
"""How long to rest when nothing is due."""
LONGEST_PAUSE: Final = 30.0
"""Seconds between tries while the ledger is away."""


@contextmanager
def until_told(told: Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT set ``told``; a second one ends the process as it would have."""
    former = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}

    def tell(number: int, frame: object) -> None:
        del frame
        told.set()
        signal.signal(number, former[signal.Signals(number)])

    for each in former:
        signal.signal(each, tell)
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def keep_at(
    turn: Callable[[], int],
    told: Event,
    *,
    chance: Callable[[], float],
    say: Callable[[str], None],
) -> None:
    """Take turns until ``told``, resting after one that did nothing.

    A turn gives how much it did. Where the ledger is busy or away, the next one waits longer each
    time, up to half a minute, and says why.
    """
    from apologylab.errors import LedgerBusyError, LedgerGoneError

    failures = 0
    while not told.is_set():
        try:
            done = turn()
        except (LedgerBusyError, LedgerGoneError) as error:
            failures += 1
            pause = min(2.0**failures, LONGEST_PAUSE) * (0.5 + chance() / 2)
            say(f"{error}; trying again in {pause:.0f} s")
            told.wait(pause)
            continue
        if failures:
            say("the ledger answers again")
        failures = 0
        if not done:
            told.wait(POLL_SECONDS)
