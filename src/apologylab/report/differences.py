"""What differs between the letters of arms: whole parts that some lack, and words within a part.

Parts are compared by their tag, paragraphs without a tag by their likeness. What most arms say in
a place is common there. What an arm says otherwise is marked word by word, in scripts without
spaces character by character; words that have little in common are another part.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.remedy.letter import PARAGRAPH, Spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.remedy.letter import Letter

_WORDS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+\s*|\s+")
"""A word with the space after it, or one character of a script that writes no spaces."""
ALIKE: Final = 0.5
"""Share of words in common from which two texts are the same part in other words."""


class Run(NamedTuple):
    """Some words that stand together; ``differs``: most other arms do not say them."""

    text: str
    differs: bool


class MarkedPart(NamedTuple):
    """A part of a letter: its tag, its words, and whether every arm that speaks has such a part."""

    part: str | None
    runs: tuple[Run, ...]
    everywhere: bool
    joins: bool


@dataclass
class _Place:
    """Texts that stand for one another in different letters."""

    tag: str
    texts: Counter[str] = field(default_factory=Counter)

    @property
    def common(self) -> str:
        return self.texts.most_common(1)[0][0]

    def admits(self, spoken: Spoken) -> bool:
        return self.tag == (spoken.part or "") and any(
            likeness(text, spoken.text) >= ALIKE for text in self.texts
        )


def marked(letters: Sequence[Letter]) -> tuple[tuple[MarkedPart, ...], ...]:
    """Each letter's parts with what differs from the others.

    >>> from apologylab.remedy.letter import Letter
    >>> short = Letter((Spoken("regret", "We are sorry."),))
    >>> other = Letter((Spoken("regret", "We are very sorry."),))
    >>> [run for run in marked([short, short, other])[2][0].runs if run.differs]
    [Run(text='very ', differs=True)]
    """
    places: list[_Place] = []
    placed = [
        [(spoken, _place(places, spoken)) for spoken in _paragraphs(letter.parts)]
        for letter in letters
    ]
    return tuple(
        tuple(
            MarkedPart(
                part=spoken.part,
                runs=runs(place.common, spoken.text),
                everywhere=place.texts.total() >= len(letters),
                joins=spoken.joins,
            )
            for spoken, place in parts
        )
        for parts in placed
    )


def _paragraphs(parts: Iterable[Spoken]) -> list[Spoken]:
    """Parts, those without a tag at their paragraphs."""
    return [
        spoken._replace(text=text)
        for spoken in parts
        for text in (spoken.text.split(PARAGRAPH) if spoken.part is None else [spoken.text])
    ]


def _place(places: list[_Place], spoken: Spoken) -> _Place:
    """The place that a part belongs to; a new one where it is like no other."""
    found = next((each for each in places if each.admits(spoken)), None)
    if found is None:
        found = _Place(spoken.part or "")
        places.append(found)
    found.texts[spoken.text] += 1
    return found


def likeness(one: str, other: str) -> float:
    """Share of words that two texts have in common in the same order, 0 to 1.

    >>> likeness("We are late.", "We are late.")
    1.0
    """
    if one == other:
        return 1.0
    return SequenceMatcher(a=_WORDS.findall(one), b=_WORDS.findall(other), autojunk=False).ratio()


def runs(common: str, text: str) -> tuple[Run, ...]:
    """``text`` in runs of words that ``common`` has in the same order, and runs that it has not.

    >>> [each.text for each in runs("It is late.", "It is very late.") if each.differs]
    ['very ']
    """
    if common == text:
        return (Run(text, differs=False),)
    ours, theirs = _WORDS.findall(text), _WORDS.findall(common)
    found = SequenceMatcher(a=theirs, b=ours, autojunk=False).get_opcodes()
    listed = [Run("".join(ours[j1:j2]), kind != "equal") for kind, _, _, j1, j2 in found]
    return tuple(each for each in listed if each.text)
