"""When a remedy is due (R12, R15): intended from the design on, moved only where it must be.

Quiet hours are those that the customer's clock shows: where it is put forward over the end of
quiet hours, they end at that moment; where it is put back into them, they begin again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.design.hours import next_open

if TYPE_CHECKING:
    from datetime import tzinfo

    from apologylab.design.hours import Hours

LEAD: Final = timedelta(minutes=1)
"""So long a call of a channel may take: nothing is begun in the last minute before quiet hours."""
LATE: Final = "late"
QUIET: Final = "quiet_hours"
_STEP: Final = 3 * 3_600
"""Seconds: no zone changes its offset and back in less."""


class Quiet(NamedTuple):
    """The hours of one customer."""

    hours: Hours
    zone: tzinfo


class Due(NamedTuple):
    """A due time, and by how many seconds and by what it is later than the design intended.

    ``planned`` is when it was due had it been known in time.
    """

    at: datetime
    shift_s: int
    shifted_by: str | None
    planned: datetime


def due(
    anchor: datetime,
    delay_s: int,
    *,
    hold_seconds: int,
    now: datetime,
    quiet: Quiet | None = None,
) -> Due:
    """When a remedy is due that is intended ``delay_s`` after ``anchor``.

    A delay shorter than ``hold_seconds`` waits so long; the wait is part of the delay, no shift. A
    due time that has passed, because the anchor was heard of late, is now; one in quiet hours is
    when they end.

    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> due(noon, 3600, hold_seconds=60, now=noon).at.isoformat()
    '2026-01-01T13:00:00+00:00'
    >>> late = due(noon, 0, hold_seconds=60, now=noon + timedelta(minutes=3))
    >>> late.at.isoformat(), late.shift_s, late.shifted_by
    ('2026-01-01T12:03:00+00:00', 120, 'late')
    """
    intended = anchor.astimezone(UTC) + timedelta(seconds=max(delay_s, hold_seconds))
    return moved(intended, now=now, quiet=quiet)


def moved(intended: datetime, *, now: datetime, quiet: Quiet | None) -> Due:
    """``intended``, moved to now if it has passed, and out of quiet hours."""
    heard = max(intended, now)
    at = first_allowed(heard, quiet)
    why = [LATE] if heard > intended else []
    why += [QUIET] if at > heard else []
    return Due(
        at=at,
        shift_s=int((at - intended).total_seconds()),
        shifted_by=" ".join(why) or None,
        planned=first_allowed(intended, quiet) if heard > intended else at,
    )


def first_allowed(moment: datetime, quiet: Quiet | None) -> datetime:
    """The first moment from ``moment`` on at which a send may begin, in UTC.

    >>> from apologylab.design.hours import hours
    >>> from apologylab.design.sending import QuietHours
    >>> from apologylab.remedy.zones import zone
    >>> night = Quiet(hours(QuietHours(begin="21:00", end="08:00")), zone("Europe/Vilnius"))
    >>> first_allowed(datetime(2026, 5, 1, 19, tzinfo=UTC), night).isoformat()
    '2026-05-02T05:00:00+00:00'
    """
    if quiet is None:
        return moment
    at = _first_open(moment.astimezone(UTC), quiet)
    while (later := _first_open(at + LEAD, quiet)) > at + LEAD:
        at = later
    return at


def _first_open(moment: datetime, quiet: Quiet) -> datetime:
    """The first moment from ``moment`` on whose wall clock is open."""
    while True:
        wall = moment.astimezone(quiet.zone).replace(tzinfo=None)
        ahead = next_open(quiet.hours, wall) - wall
        if not ahead:
            return moment
        change = _change(moment, moment + ahead, quiet.zone)
        if change is None:
            return moment + ahead
        moment = change


def _change(begin: datetime, end: datetime, zone: tzinfo) -> datetime | None:
    """When in (begin, end] clocks are first put forward or back, or None."""
    offset = _offset(int(begin.timestamp()), zone)
    low, last = int(begin.timestamp()), int(end.timestamp())
    while low < last:
        high = min(low + _STEP, last)
        if _offset(high, zone) != offset:
            return datetime.fromtimestamp(_bisected(low, high, zone), UTC)
        low = high
    return None


def _bisected(low: int, high: int, zone: tzinfo) -> int:
    """The first second after ``low`` with the offset that ``high`` has."""
    offset = _offset(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
    return high


def _offset(second: int, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
