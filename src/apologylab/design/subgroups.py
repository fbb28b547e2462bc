"""Declared subgroups: levels of what is known of a unit before the draw, and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def subgroup_columns(declared: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
    """The panel's columns of 1 for units of a level and 0 for others -> field and level.

    >>> subgroup_columns({"region": ["north", "south"]})
    {'region=north': ('region', 'north'), 'region=south': ('region', 'south')}
    """
    return {
        f"{field}={level}": (field, level) for field, levels in declared.items() for level in levels
    }
