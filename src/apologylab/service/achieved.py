"""When remedies left, as it is told: by level of timing, silence beside the arms that send."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.experiment import SILENCE

if TYPE_CHECKING:
    from collections.abc import Iterable


class Achieved(NamedTuple):
    """One level of timing in one arm; times in minutes after the incident, None where none left.

    ``left`` counts what was sent, in silence what would have been. ``meant`` is the median delay of
    the design, None where it depends on what comes. ``shifted`` due times were moved out of quiet
    hours, by ``shift`` in the median; ``too_late`` and ``never_came`` are those that were dropped,
    and those whose fact did not come.
    """

    level: str | None
    arm: str
    left: int
    median: float | None
    late: float | None
    meant: float | None
    shifted: int
    shift: float | None
    too_late: int
    never_came: int


def rows(found: Iterable[Achieved]) -> list[tuple[str, str]]:
    """A line for each level and arm that has anything to tell."""
    return [
        (f"{row.level or 'at once'}, {row.arm}", "; ".join(told))
        for row in found
        if (told := _told(row))
    ]


def _told(row: Achieved) -> list[str]:
    verb = "would have left" if row.arm == SILENCE else "left"
    told = []
    if row.median is not None and row.late is not None:
        meant = f", meant {span(row.meant)}" if row.meant is not None else ""
        told.append(
            f"{row.left:,} {verb} after {span(row.median)} (median; 90th percentile "
            f"{span(row.late)}{meant})"
        )
    if row.shifted and row.shift is not None:
        told.append(f"{row.shifted:,} moved by quiet hours, {span(row.shift)} in the median")
    told += [f"{row.too_late:,} too late"] if row.too_late else []
    told += [f"of {row.never_came:,} it never came"] if row.never_came else []
    return told


def span(minutes: float) -> str:
    """A time span as people say it.

    >>> span(0.5), span(90), span(660), span(4000)
    ('0.5 min', '1.5 h', '11 h', '2.8 d')
    """
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes >= (2 * size if unit == "d" else size):
            return f"{minutes / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{minutes:.1f}".removesuffix(".0") + " min"
