"""Sentences of a text in Latin, Cyrillic, Hangul or Japanese script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from apologylab.remedy.lint.normal import Normal

NEVER_LAST: Final = frozenset(("e.g", "i.e", "mr", "mrs", "ms", "dr", "prof", "cf", "vs", "approx"))
"""Abbreviations after which a sentence goes on; a language's file adds its own."""
SELDOM_LAST: Final = frozenset(("etc", "inc", "ltd"))
"""Those after which it goes on unless a capital letter follows, as after any with dots inside."""
SHORT_LINE: Final = 45
"""A line of fewer characters was ended on purpose, where a capital letter begins the next."""
_BREAK: Final = re.compile(
    r"[。！？]+[」』）)\"']{0,3}|(?P<stop>[.!?…]+)[^\w\s]{0,4}(?=\s|$)|\n\n?"
)
_LAST_TOKEN: Final = re.compile(r"(?:\w|\.(?=\w)){1,12}$")
_ITEM: Final = re.compile(r"[-*•·◦]|\d{1,2}[.)]\s")


class Sentence(NamedTuple):
    """``lower[start:end]`` of a normal text, its lines joined."""

    start: int
    end: int
    lower: str


def sentences(
    text: Normal, *, abbreviations: frozenset[str] = frozenset(), ordinals: bool = False
) -> tuple[Sentence, ...]:
    """The sentences of ``text`` in their order; a line that was ended on purpose is one too.

    ``abbreviations``: of the language, in lower case without the last dot; a sentence goes on after
    them. ``ordinals``: a number with a dot is an ordinal, as in German.

    >>> from apologylab.remedy.lint.normal import normal
    >>> [each.lower for each in sentences(normal("Sorry, Mr. Lee. You paid 3.50 too much."))]
    ['sorry, mr. lee.', 'you paid 3.50 too much.']
    """
    found, begin = [], 0
    for end in (*_ends(text.text, abbreviations, ordinals=ordinals), len(text.text)):
        said = text.lower[begin:end]
        start, stop = begin + len(said) - len(said.lstrip()), begin + len(said.rstrip())
        if start < stop:
            found.append(Sentence(start, stop, text.lower[start:stop].replace("\n", " ")))
        begin = max(begin, end)
    return tuple(found)


def _ends(text: str, abbreviations: frozenset[str], *, ordinals: bool) -> Iterator[int]:
    for mark in _BREAK.finditer(text):
        after = text[mark.end() :].lstrip()[:3]
        if mark[0] == "\n":
            ended = _is_line(text, mark.start(), after)
        elif mark["stop"] is None:
            ended = True
        elif mark[0][-1] in "'\"" and after[:1].islower():
            ended = False
        else:
            token = _LAST_TOKEN.search(text, max(0, mark.start() - 12), mark.start())
            before = token[0] if token else ""
            first = token is not None and (text[: token.start()].rstrip(" ") or "\n")[-1] == "\n"
            known = abbreviations | NEVER_LAST
            ended = _is_end(mark["stop"], before, after, known, ordinals=ordinals or first)
        if ended:
            yield mark.end()


def _is_end(stop: str, before: str, after: str, known: frozenset[str], *, ordinals: bool) -> bool:
    """Whether a sentence ends with ``stop``, which follows the word ``before``."""
    if stop != ".":
        return not (after[:1].islower() and (stop[0] == "…" or stop.startswith("..")))
    word, capital = before.lower(), after[:1].isupper()
    if word in known:
        return not after
    if (word in SELDOM_LAST or "." in word) and not capital:
        return not after
    if len(before) == 1 and before.isalpha() and before not in "IiЯя":
        return not (before.isupper() and capital) and not before.islower()
    return not (ordinals and before.isdigit() and len(before) <= 2 and after)


def _is_line(text: str, at: int, after: str) -> bool:
    """Whether a line was ended on purpose, and not because it was full."""
    begun = text.rfind("\n", 0, at) + 1
    if _ITEM.match(after):
        return True
    return at - begun < SHORT_LINE and not after[:1].islower()
