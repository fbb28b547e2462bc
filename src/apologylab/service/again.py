"""Do a transaction again that others were in the way of (R38: the caller says how to wait)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from apologylab.errors import LedgerBusyError

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")
TRIES = 5


def again(
    attempt: Callable[[], R], *, tries: int = TRIES, wait: Callable[[int], None] | None = None
) -> R:
    """What ``attempt`` returns, called at most ``tries`` times while the ledger is busy.

    ``attempt`` must hold its whole transaction, so that nothing of a failed one is kept.
    ``wait(number)`` is called after failure ``number``, from 1, where another try follows.

    Raises:
        LedgerBusyError: the last try found it busy, too.

    >>> answers = iter([LedgerBusyError("deadlock"), "done"])
    >>> def attempt():
    ...     answer = next(answers)
    ...     if isinstance(answer, LedgerBusyError):
    ...         raise answer
    ...     return answer
    >>> again(attempt)
    'done'
    """
    for number in range(1, tries):
        try:
            return attempt()
        except LedgerBusyError:
            if wait is not None:
                wait(number)
    return attempt()
