"""Hours of the wall clock in which something may be sent; zones are the schedule's (R12)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from apologylab.design.sending import Weekday

if TYPE_CHECKING:
    from apologylab.design.sending import QuietHours

DAY: Final = timedelta(days=1)
_WEEKDAYS: Final[tuple[str, ...]] = get_args(Weekday)
_MONDAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock has no zone


class Hours(NamedTuple):
    """Quiet from ``begin`` until ``end``, around midnight if that is earlier; only on ``days``.

    ``days`` are numbers from Monday, 0. Where begin and end are the same, no hour is quiet.
    """

    begin: time
    end: time
    days: frozenset[int]


@lru_cache(maxsize=64)
def hours(quiet: QuietHours) -> Hours:
    """Compile a declaration.

    >>> from apologylab.design.sending import QuietHours
    >>> hours(QuietHours(begin="21:00", end="08:00", working_days=("mon", "sun"))).days
    frozenset({0, 6})
    """
    days = frozenset(_WEEKDAYS.index(day) for day in quiet.working_days)
    read = time.fromisoformat
    return Hours(read(quiet.begin or "00:00"), read(quiet.end or "00:00"), days)


def is_open(within: Hours, wall: datetime) -> bool:
    """Whether something may be sent when the clock on the wall shows ``wall``."""
    return wall.weekday() in within.days and not _is_quiet(within, wall.time())


def next_open(within: Hours, wall: datetime) -> datetime:
    """The first moment from ``wall`` on that is open, of a clock that is never put forward or back.

    >>> night = Hours(time(21), time(8), frozenset(range(5)))
    >>> next_open(night, datetime(2026, 5, 1, 22))
    datetime.datetime(2026, 5, 4, 8, 0)
    """
    while not is_open(within, wall):
        is_working = wall.weekday() in within.days
        if is_working and wall.time() < within.end:
            wall = datetime.combine(wall.date(), within.end)
        else:
            wall = datetime.combine(wall.date() + DAY, time())
    return wall


def _is_quiet(within: Hours, at: time) -> bool:
    begin, end = within.begin, within.end
    if begin <= end:
        return begin <= at < end
    return at >= begin or at < end


def longest_closed(within: Hours) -> timedelta:
    """The longest wait in a week."""
    return max(ends - begins for begins, ends in _closed(within)) if _closed(within) else DAY * 0


def shortest_open(within: Hours) -> timedelta:
    """The shortest stretch between two waits; a week where there is none."""
    found = _closed(within)
    gaps = (after[0] - before[1] for before, after in pairwise(found))
    return min(gaps, default=7 * DAY)


def _closed(within: Hours) -> list[tuple[datetime, datetime]]:
    """The closed stretches of two weeks that begin in them, in order."""
    found: list[tuple[datetime, datetime]] = []
    for day in range(14):
        for at in (time(), within.begin):
            wall = datetime.combine(_MONDAY + day * DAY, at)
            covered = bool(found) and wall < found[-1][1]
            if not covered and not is_open(within, wall):
                found.append((wall, next_open(within, wall)))
    return found
