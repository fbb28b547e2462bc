"""Numbers that ``new`` had to assume, as long as nobody has confirmed them."""

from __future__ import annotations

import re
from typing import Final

from apologylab.design.findings import Finding, at

NOTE: Final = "assumed by `new`, not confirmed: write yours, then delete this note"
"""Stands behind a number in a new declaration; while it does, the number is no fact."""
_NOTED: Final = re.compile(
    rf"^(?P<key>\w+) = (?P<value>.+?)  # {re.escape(NOTE)}\s*$", re.MULTILINE
)


def assumed(text: str) -> tuple[Finding, ...]:
    """A warning a number of ``[decision]`` that still has the note; lines are the reader's to add.

    >>> assumed(f"[decision]\\nmargin = 0.25  # {NOTE}")[0].path
    'decision.margin'
    """
    return tuple(
        Finding(
            path=at("decision", found["key"]),
            value=found["value"],
            what="is what `new` assumed, and nobody has confirmed it: the verdict rests on it",
            do="write your own number, then delete the note behind it",
            severity="warning",
        )
        for found in _NOTED.finditer(text)
    )


def sentences(text: str) -> tuple[str, ...]:
    """The same for those who read a result.

    >>> sentences(f"[decision]\\nmargin = 0.25  # {NOTE}")[0][:46]
    'decision.margin = 0.25 is what `new` assumed, '
    """
    return tuple(f"{each.path} = {each.value} {each.what}." for each in assumed(text))
