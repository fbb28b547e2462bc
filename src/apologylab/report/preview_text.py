"""A preview for the terminal: as many cards side by side as it is wide, part by part.

A part that some arms do not have begins with ``+``, words that most arms do not say in that place
stand between ``«`` and ``»``.
"""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from apologylab.inference.width import to_left
from apologylab.inference.width import width as columns_of
from apologylab.report.cards import cards, cards_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.report.cards import BesideCard, Card, Leaving
    from apologylab.report.differences import MarkedPart
    from apologylab.service.linted import Judge
    from apologylab.service.preview import Preview

NARROWEST: Final = 36
BETWEEN: Final = "   "


def preview_text(preview: Preview, judge: Judge, *, width: int = 100) -> str:
    """All cards of all locales in ``width`` columns."""
    blocks = [
        block
        for locale in preview.experiment.messages.locales
        for block in (
            f"== {locale} ==",
            *_side_by_side(cards(preview, locale, judge), width),
            *(_beside(each, width) for each in cards_beside(preview, locale, judge)),
        )
    ]
    return "\n\n".join(blocks)


def _side_by_side(found: Sequence[Card], width: int) -> Iterator[str]:
    columns = max(1, (width + len(BETWEEN)) // (NARROWEST + len(BETWEEN)))
    each = (width + len(BETWEEN)) // columns - len(BETWEEN)
    for start in range(0, len(found), columns):
        texts = [list(_lines(card, each)) for card in found[start : start + columns]]
        rows = zip_longest(*texts, fillvalue="")
        yield "\n".join(BETWEEN.join(to_left(line, each) for line in row).rstrip() for row in rows)


def _beside(card: BesideCard, width: int) -> str:
    each = card.said
    head = [*_wrapped(f"{each.title}; {each.when}", width), "-" * min(width, 48)]
    if each.letter is None:
        return "\n".join([*head, *_wrapped(f"error: {each.because}", width)])
    subject = [f"Subject: {each.letter.subject}"] if each.letter.subject else []
    said = [*subject, *each.letter.text.split("\n\n")]
    lines = (line for text in said for line in _wrapped(text, width))
    return "\n".join([*head, *lines, *_flaws(card.flaws, width)])


def _lines(card: Card, width: int) -> Iterator[str]:
    for leaving in card.leaving:
        yield from _wrapped(f"{leaving.arm}{f' ({leaving.called})' * bool(leaving.called)}", width)
        yield from _wrapped(f"{_when(leaving, said=card.letter is not None)}", width, "  ")
    yield "-" * width
    if card.letter is None:
        nothing = "Nothing is said." if card.gives else "Nothing is said or given."
        yield from _wrapped(card.why_not or nothing, width)
    else:
        yield from _letter(card, width)
    for each in card.promises:
        told = f"promise: {each.what}; kept by {each.keeper} within {each.within}"
        yield from _wrapped(told, width)
    if card.gives:
        yield from _wrapped(f"gives {card.gives}", width)
    yield from _flaws(card.flaws, width)


def _flaws(found: Sequence[Flaw], width: int) -> Iterator[str]:
    for flaw in found:
        yield from _wrapped(f"{flaw.severity}: {flaw.rule}: {flaw.words!r}", width, "  ")


def _letter(card: Card, width: int) -> Iterator[str]:
    assert card.letter is not None
    if card.sender:
        yield from _wrapped(f"From: {card.sender}", width)
    if card.letter.subject:
        yield from _wrapped(f"Subject: {card.letter.subject}", width)
    for part in card.parts or ():
        cost = card.costs.get(part.part or "")
        if part.part:
            yield f"[{part.part}{f': {cost}' * bool(cost)}]"
        yield from _wrapped(_marked(part), width)
    if card.why_not:
        yield from _wrapped(f"error: {card.why_not}", width)


def _marked(part: MarkedPart) -> str:
    words = "".join(f"«{run.text}»" if run.differs else run.text for run in part.runs)
    return words if part.everywhere else f"+ {words}"


def _when(leaving: Leaving, *, said: bool) -> str:
    through = f" through {leaving.channel}" if said else ""
    if leaving.awaits:
        return f"at {leaving.awaits}, given up after {leaving.wait}{through}"
    after = leaving.wait if leaving.wait in ("", "at once") else f"after {leaving.wait}"
    return f"{after}{through}, {100 * leaving.probability:.3g}%".lstrip(", ")


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most ``width`` columns; scripts without spaces are cut at their characters."""
    lines = []
    for paragraph in text.split("\n"):
        narrow = (
            width if paragraph.isascii() or columns_of(paragraph) <= len(paragraph) else width // 2
        )
        lines += textwrap.wrap(paragraph, narrow, subsequent_indent=indent) or [""]
    return lines
