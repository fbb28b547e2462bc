"""Outcomes that are lost: they could have been measured by now, and are missing (R21)."""

from __future__ import annotations

LOST = ":lost"
"""Added to an outcome's name: the column that is 1 where the outcome is lost, 0 where it is known
and missing where it cannot be known yet."""


def lost(outcome: str) -> str:
    """The column that says of which units ``outcome`` is lost.

    >>> lost("spend")
    'spend:lost'
    """
    return f"{outcome}{LOST}"
