"""A letter: the tagged parts of what an arm says, as one text to read and one to store.

A text without tags, subject or sender is stored as it is read, as ledgers have always held it. Any
other is stored as JSON behind a mark that no rendered text can hold, because rendering drops
control characters (:mod:`apologylab.remedy.rendering`).
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

MARK: Final = "\x1eapologylab.letter/1\n"
PARAGRAPH: Final = "\n\n"
_WITHOUT_SPACES: Final = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]{2}")
"""Kana, Han and their punctuation; Korean has spaces."""


class Spoken(NamedTuple):
    """One rendered part: what it does (None where its fragment has no tags), and its words.

    ``joins``: it continues the paragraph of the part before it.
    """

    part: str | None
    text: str
    joins: bool = False


class Letter(NamedTuple):
    """What a customer is told: ``parts`` in the order they are read, and the subject, if any."""

    parts: tuple[Spoken, ...]
    subject: str | None = None

    @property
    def text(self) -> str:
        """What is read, without the subject.

        >>> Letter((Spoken("regret", "Sorry."), Spoken("repair", "We mend it.", joins=True))).text
        'Sorry. We mend it.'
        """
        return self._laid_out()[0]

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Where each part stands in ``text``: from, to.

        >>> Letter((Spoken("regret", "Sorry."), Spoken("repair", "We mend it.", joins=True))).spans
        ((0, 6), (7, 18))
        """
        return tuple(self._laid_out()[1])

    def _laid_out(self) -> tuple[str, list[tuple[int, int]]]:
        said, spans = "", []
        for each in self.parts:
            between = _space(said, each.text) if each.joins else PARAGRAPH
            said += between if said else ""
            spans.append((len(said), len(said) + len(each.text)))
            said += each.text
        return said, spans


def _space(before: str, after: str) -> str:
    """What stands between two sentences: nothing where both are of a script without spaces."""
    return "" if _WITHOUT_SPACES.fullmatch(before[-1:] + after[:1]) else " "


def stored(letter: Letter) -> str:
    """The body under which ``letter`` is stored; :func:`opened` reads it.

    >>> stored(Letter((Spoken(None, "Sorry."),)))
    'Sorry.'
    """
    if letter.subject is None and all(each.part is None for each in letter.parts):
        return letter.text
    return MARK + json.dumps(
        {"subject": letter.subject, "parts": letter.parts}, ensure_ascii=False, sort_keys=True
    )


def opened(body: str) -> Letter:
    """The letter that :func:`stored` wrote, or the plain text of an older ledger.

    >>> letter = Letter((Spoken("regret", "Sorry."),), subject="Your ride")
    >>> opened(stored(letter)) == letter
    True
    """
    if not body.startswith(MARK):
        return Letter((Spoken(None, body),))
    found = json.loads(body.removeprefix(MARK))
    return Letter(tuple(Spoken(*each) for each in found["parts"]), found["subject"])
