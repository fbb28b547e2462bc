"""When a remedy is due (R12, R15): intended from the incident on, moved only where it must be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple


class Due(NamedTuple):
    """A due time, and by how many seconds it is later than the design intended."""

    at: datetime
    shift_s: int


def due(occurred_at: datetime, delay_s: int, *, hold_seconds: int, now: datetime) -> Due:
    """When a remedy with the intended delay ``delay_s`` is due.

    A delay shorter than ``hold_seconds`` waits so long; the wait is part of the delay, no shift. A
    due time that has passed, because the incident was heard of late, is now.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> due(noon, 3600, hold_seconds=60, now=noon).at.isoformat()
    '2026-01-01T13:00:00+00:00'
    >>> due(noon, 0, hold_seconds=60, now=noon + timedelta(minutes=3))
    Due(at=datetime.datetime(2026, 1, 1, 12, 3, tzinfo=datetime.timezone.utc), shift_s=120)
    """
    intended = occurred_at + timedelta(seconds=max(delay_s, hold_seconds))
    if intended >= now:
        return Due(intended, 0)
    return Due(now, int((now - intended).total_seconds()))
