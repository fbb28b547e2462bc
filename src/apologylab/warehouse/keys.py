"""What a panel's rows are keyed by, in SQL; a panel of a single phase need not carry the rest."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

STRATUM = "stratum"
KEYS = {"version": "1", "phase": "1", "arm": "''", STRATUM: "''"}
"""Key -> the constant that stands for it where a panel does not have it."""


def keys_of(columns: AbstractSet[str]) -> tuple[str, ...]:
    """The keys that a panel with ``columns`` has.

    >>> keys_of({"arm", "spend"})
    ('arm',)
    """
    return tuple(key for key in KEYS if key in columns)


def selected(columns: AbstractSet[str]) -> str:
    """All keys in order, as SELECT lists them.

    >>> selected({"arm", "spend"})
    "1 AS version, 1 AS phase, arm, '' AS stratum"
    """
    return ", ".join(key if key in columns else f"{KEYS[key]} AS {key}" for key in KEYS)


def grouping(columns: AbstractSet[str]) -> str:
    """The GROUP BY over the keys there are; without any, no row for an empty panel.

    >>> grouping({"arm", "spend"})
    'GROUP BY arm'
    """
    present = keys_of(columns)
    return f"GROUP BY {', '.join(present)}" if present else "HAVING count(*) > 0"
