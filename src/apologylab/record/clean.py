"""Whole columns that are plainly in order, read at once; anything odd is left to the rules.

Ids and times are different in every row, so remembering values does not help there. Each function
gives exactly what the rules of :mod:`apologylab.record.values` give, or None.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from apologylab.assignment.units import LONGEST
from apologylab.record.values import IDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.record.columns import Column
    from apologylab.record.values import Reading

_DATE: Final = len("2026-05-01")


def read_clean(column: Column, raw: Sequence[Any], reading: Reading) -> Sequence[Any] | None:
    """The column's values, if it is one of ids or of times with offsets and all are in order."""
    if set(map(type, raw)) != {str}:
        return None
    if column.name in IDS:
        return raw if reading.unit_id != "nfc_ascii_lower" and _are_plain_ids(raw) else None
    return _times(raw) if column.type == "time" else None


def _are_plain_ids(raw: Sequence[str]) -> bool:
    """Whether all are printable ASCII of an id's length: then no rule changes or refuses them."""
    joined = "".join(raw)
    if not (joined.isascii() and joined.isprintable()):
        return False
    lengths = set(map(len, raw))
    return min(lengths) > 0 and max(lengths) <= LONGEST


def _times(raw: Sequence[str]) -> list[datetime] | None:
    if min(map(len, raw)) <= _DATE:
        return None
    try:
        moments = list(map(datetime.fromisoformat, raw))
        if any(moment.tzinfo is None for moment in moments):
            return None
        return [moment.astimezone(UTC) for moment in moments]
    except (ValueError, OverflowError):
        return None
