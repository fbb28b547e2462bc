"""Lint wordings one by one: plain texts, and fragments rendered with sample values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from apologylab.errors import InputError
from apologylab.remedy.letter import Letter, Spoken
from apologylab.remedy.lint.linting import lint
from apologylab.remedy.tags import TAGS
from apologylab.service.samples import sample_values

if TYPE_CHECKING:
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.remedy.lint.language import Language
    from apologylab.remedy.parted import Parted

FAULTS: Final = ("company", "third_party", "customer", "unknown")
TEXT_CHARACTERS: Final = 8_000
"""As :data:`apologylab.remedy.rendering.TEXT_CHARACTERS`, which needs Jinja."""
_NAME: Final = re.compile(
    r"\{\{-?\s*([a-z_][a-z0-9_]*)|\{%-?\s*(?:el)?if\s+(?:not\s+)?([a-z_][a-z0-9_]*)"
)
_TAG: Final = re.compile(rf"^[ \t]*\[(?:{'|'.join(TAGS)})\][ \t]*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Worded:
    """A wording as it was handed in: its text, its language, and where it stands.

    ``line``: where it begins in its file, from 1.
    """

    text: str
    locale: str
    file: str
    line: int = 1
    id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A wording, and what the lint finds in ``read``: its text as a customer reads it."""

    wording: Worded
    read: str
    flaws: tuple[Flaw, ...]

    @property
    def has_errors(self) -> bool:
        """Whether it may not be said."""
        return any(each.severity == "error" for each in self.flaws)


def refuse_text(text: object, *, where: str) -> None:
    """Refuse what is no wording.

    Raises:
        InputError: it is empty, or longer than a message can be.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: there is no text", do="write the wording")
    if len(text) > TEXT_CHARACTERS:
        raise InputError(
            f"{where}: the text has {len(text)} characters",
            do=f"a message has at most {TEXT_CHARACTERS}",
        )


def judge(
    wordings: Iterable[Worded], languages: Mapping[str, Language], *, faults: Collection[str] = ()
) -> tuple[Judged, ...]:
    """What the lint finds in each of ``wordings``.

    ``faults``: whose fault the incident may be; nothing is said of it where it is empty.

    Raises:
        InputError: a fault is none of ``FAULTS``.
    """
    return tuple(judged(each, languages[each.locale], faults=faults) for each in wordings)


def judged(
    wording: Worded,
    language: Language,
    *,
    faults: Collection[str] = (),
    promised: bool = False,
    formality: str | None = None,
) -> Judged:
    """What the lint finds in one wording, rendered with and without what may be missing.

    Raises:
        InputError: a fault is none of ``FAULTS``.
    """
    for fault in faults:
        if fault not in FAULTS:
            raise InputError(f"fault {fault!r} is unknown", do=f"write one of {', '.join(FAULTS)}")
    found: dict[tuple[str, str], Flaw] = {}
    read = ""
    for without, letter in _letters(wording.text):
        read = read or letter.text
        for text in filter(None, (letter.text, letter.subject)):
            tagged = letter if text == letter.text else None
            for flaw in lint(
                text, language, faults=faults, promised=promised, formality=formality, tagged=tagged
            ):
                found.setdefault((flaw.rule, flaw.words), _told(flaw, text, read, without))
    return Judged(wording=wording, read=read, flaws=tuple(found.values()))


def _told(flaw: Flaw, text: str, read: str, without: tuple[str, ...]) -> Flaw:
    """``flaw`` of ``text``, with its place in ``read``, and what was left out to see it."""
    if text == read:
        return flaw
    start = max(read.find(flaw.words), 0)
    end = start + len(flaw.words) if flaw.words in read else start
    why = f"{flaw.why} (without {', '.join(without)})" if without else f"{flaw.why} (the subject)"
    return replace(flaw, start=start, end=end, why=why)


def _letters(text: str) -> Iterator[tuple[tuple[str, ...], Letter]]:
    """What was left out, and the letter: that with all values first.

    A text that is no fragment, or one of another system, is its own letter.
    """
    fragment = _fragment(text)
    if fragment is None:
        yield (), Letter((Spoken(None, text),))
        return
    from apologylab.remedy.composing import compose

    full = sample_values(sorted(fragment.uses))
    spare = sorted(fragment.uses - fragment.needs)
    for without in dict.fromkeys([(), *((name,) for name in spare), tuple(spare)]):
        values = {name: value for name, value in full.items() if name not in without}
        try:
            yield without, compose([fragment], values)
        except InputError:
            continue


def _fragment(text: str) -> Parted | None:
    names = {name for found in _NAME.findall(text) for name in found if name}
    if not names and not _TAG.search(text):
        return None
    from apologylab.remedy.parted import compile_parted  # Jinja: a plain text does without it

    try:
        return compile_parted(text, where="the text", placeholders=tuple(sorted(names)))
    except InputError:
        return None
