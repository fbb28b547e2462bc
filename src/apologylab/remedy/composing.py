"""Composing a letter of the parts that its fragments say (R6).

Parts stand in the order of their fragments, or in that which the language expects. One greeting
begins and one closing ends a letter, whichever fragments bring them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.remedy.letter import Letter, Spoken
from apologylab.remedy.tags import CLOSING, FRAME, GREETING, SUBJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from apologylab.remedy.parted import Parted

AS_WRITTEN: Final[tuple[str, ...]] = ()
"""The order of parts where the language asks for none."""


def compose(
    fragments: Iterable[Parted],
    values: Mapping[str, object],
    *,
    order: Sequence[str] = AS_WRITTEN,
    signature: str | None = None,
) -> Letter:
    """The letter of ``fragments``, filled with ``values``; parts that come out empty are left out.

    Raises:
        InputError: a value is missing or does not fit its use.
    """
    rendered = [
        Spoken(each.tag, each.fragment.render(values), each.joins)
        for fragment in fragments
        for each in fragment.sections
    ]
    said = _framed(_kept(rendered), rendered, signature)
    return Letter(_in_order(said, order), _subject(rendered))


def _subject(rendered: Iterable[Spoken]) -> str | None:
    """On one line, as a header must be."""
    return next((" ".join(each.text.split()) for each in _of(rendered, SUBJECT)), None) or None


def _of(rendered: Iterable[Spoken], tag: str) -> list[Spoken]:
    return [each for each in rendered if each.part == tag]


def _kept(rendered: Iterable[Spoken]) -> list[Spoken]:
    """The parts with words, and a greeting that opens them.

    A part whose paragraph was begun by one that is left out begins it itself.
    """
    kept: list[Spoken] = []
    joins = True
    for each in rendered:
        joins = joins and each.joins
        if each.text and (each.part not in FRAME or (each.part == GREETING and not kept)):
            kept.append(each._replace(joins=joins))
            joins = True
    return kept


def _framed(said: list[Spoken], rendered: Sequence[Spoken], signature: str | None) -> list[Spoken]:
    """One greeting, what is said, one closing, the signature of the brand."""
    opens = bool(said) and said[0].part == GREETING
    greeting = [] if opens else [each for each in _of(rendered, GREETING) if each.text][:1]
    closing = [each for each in _of(rendered, CLOSING) if each.text][:1]
    signed = [Spoken(CLOSING, signature)] if signature and (said or closing) else []
    return [*greeting, *said, *(each._replace(joins=False) for each in closing), *signed]


def _in_order(said: Sequence[Spoken], order: Sequence[str]) -> tuple[Spoken, ...]:
    """``said`` as ``order`` ranks it; the frame stays where it is, and so do the paragraphs."""
    last = len(order)
    rank = {part: place for place, part in enumerate(order)} | {GREETING: -1, CLOSING: last + 1}
    moved = sorted(said, key=lambda each: rank.get(each.part or "", last)) if order else said
    return tuple(
        each._replace(joins=place.joins and number > 0)
        for number, (each, place) in enumerate(zip(moved, said, strict=True))
    )
