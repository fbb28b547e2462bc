"""Outcomes that are lost: they could have been measured by now, and are missing (R21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.inference.moments import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.inference.source import Source

LOST = ":lost"
"""Added to an outcome's name: the column that is 1 where the outcome is lost, 0 where it is known
and missing where it cannot be known yet."""


def lost(outcome: str) -> str:
    """The column that says of which units ``outcome`` is lost.

    >>> lost("spend")
    'spend:lost'
    """
    return f"{outcome}{LOST}"


def lacking(source: Source, outcomes: Sequence[str]) -> Mapping[str, str]:
    """Outcomes that some units lack: how many, of how many that could be measured.

    Raises:
        InputError: the panel does not say which outcomes are lost.
    """
    found = {}
    for name, each in zip(
        outcomes, source.moments([Request(lost(name)) for name in outcomes]), strict=True
    ):
        gone = round(float(each.sums.sum() + each.shift[0] * each.n.sum()))
        if gone:
            of = f"{gone:,} of {int(each.n.sum()):,} units lack {name}"
            found[name] = f'{of}, and the plan says missing = "refuse"'
    return found
