"""Texts under each other in a typeface of one width, whatever their script.

Characters of East Asian scripts take two columns, and marks that combine with the one before take
none (Unicode Standard Annex 11).
"""

from __future__ import annotations

import unicodedata

_WIDE = ("W", "F")


def width(text: str) -> int:
    """The columns that a text takes.

    >>> width("silence"), width("お詫び+5€")
    (7, 9)
    """
    return sum(map(_columns, text))


def to_left(text: str, columns: int) -> str:
    """``text`` at the left of so many columns."""
    return text + " " * (columns - width(text))


def to_right(text: str, columns: int) -> str:
    """``text`` at the right of so many columns."""
    return " " * (columns - width(text)) + text


def cut(text: str, columns: int) -> str:
    """What fits into so many columns: the beginning and the end, for ends tell options apart.

    >>> cut("apology, winsorised(at=0.95)", 20)
    'apology, w…(at=0.95)'
    """
    if width(text) <= columns:
        return text
    end = _fitting(text[::-1], columns // 2 - 1)[::-1]
    return f"{_fitting(text, columns - 1 - width(end))}…{end}"


def _fitting(text: str, columns: int) -> str:
    """As much of the beginning as fits."""
    taken = 0
    for place, character in enumerate(text):
        taken += _columns(character)
        if taken > columns:
            return text[:place]
    return text


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
