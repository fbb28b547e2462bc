"""Levels of subgroups that no row of a table has: mostly slips of the pen."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apologylab.service.table import Wanted

_COMPARED = 1000
"""Values among which a near one is looked for."""


def level_columns(wanted: Wanted) -> tuple[str, ...]:
    """The columns whose levels are subgroups."""
    return tuple(dict.fromkeys(column for column, _ in wanted.levels.values()))


def absent_levels(wanted: Wanted, values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """What is said of each level that is not among its column's ``values``."""
    held = {column: sorted(each) for column, each in values.items()}
    return tuple(
        f"no row has {level!r} in column {column!r}{_near(level, held[column])}"
        for column, level in wanted.levels.values()
        if level not in held[column]
    )


def _near(level: str, held: list[str]) -> str:
    close = get_close_matches(level, held[:_COMPARED], n=1, cutoff=0.6)
    return f"; near {close[0]!r}" if close else ""
