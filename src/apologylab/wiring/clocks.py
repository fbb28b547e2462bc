"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.service.ports import Clock


def clock() -> Clock:
    """The machine's clock, in UTC (R38)."""
    return lambda: datetime.now(UTC)
