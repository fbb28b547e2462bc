"""Tags: the lines of a fragment, such as ``[regret]``, that say what the text below them does.

A fragment without such a line is one part without a tag. In one that has tags every line belongs
to a tag. A blank line before a tag begins a paragraph; without it the part goes on where the one
before it ended.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final, NamedTuple, get_args

from apologylab.design.remedies import Part
from apologylab.errors import InputError

SUBJECT: Final = "subject"
GREETING: Final = "greeting"
CLOSING: Final = "closing"
FRAME: Final = (SUBJECT, GREETING, CLOSING)
"""Tags of what stands around the parts; a letter has at most one of each."""
PARTS: Final[tuple[str, ...]] = get_args(Part)
TAGS: Final = (*PARTS, *FRAME)
_LINE = re.compile(r"[ \t]*\[([A-Za-z_]+)\][ \t]*")


class Piece(NamedTuple):
    """The text below one tag, behind as many empty lines as there are before it in its file.

    ``tag`` is None in a fragment without tags; ``line`` is the tag's own, from 1.
    """

    tag: str | None
    line: int
    text: str
    joins: bool = False


def pieces(source: str, *, where: str) -> tuple[Piece, ...]:
    r"""``source`` at its tags; ``where`` names its file.

    >>> [(each.tag, each.text.strip()) for each in pieces("[regret]\nSorry.\n", where="a.txt")]
    [('regret', 'Sorry.')]

    Raises:
        InputError: a tag is unknown or has no text, or text stands above the first.
    """
    lines = source.split("\n")
    starts = [number for number, line in enumerate(lines) if _LINE.fullmatch(line)]
    if not starts:
        return (Piece(None, 1, source),)
    _refuse_above("\n".join(lines[: starts[0]]), where)
    ends = [*starts[1:], len(lines)]
    return tuple(_piece(lines, start, end, where) for start, end in zip(starts, ends, strict=True))


def _piece(lines: list[str], start: int, end: int, where: str) -> Piece:
    tag = lines[start].strip().strip("[]")
    if tag not in TAGS:
        near = get_close_matches(tag.lower(), TAGS, n=1)
        raise InputError(
            f"{where}, line {start + 1}: [{tag}] is not a tag",
            do=f"did you mean [{near[0]}]?" if near else f"the tags are {', '.join(TAGS)}",
        )
    text = "\n".join(lines[start + 1 : end])
    if not text.strip():
        raise InputError(
            f"{where}, line {start + 1}: [{tag}] has no text", do="write it, or delete the tag"
        )
    joins = start > 0 and bool(lines[start - 1].strip())
    return Piece(tag, start + 1, "\n" * (start + 1) + text, joins)


def _refuse_above(text: str, where: str) -> None:
    if text.strip():
        raise InputError(
            f"{where}, line 1: text stands above the first tag",
            do="write a tag above it; an `if` stands inside a part",
        )
