"""A text cut up for the rules: its sentences, and which of them do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.remedy.lint.flaw import Flaw, Severity
from apologylab.remedy.lint.normal import Normal, normal
from apologylab.remedy.lint.sentences import Sentence, sentences

if TYPE_CHECKING:
    import re

    from apologylab.remedy.lint.language import Language, Patterns


@dataclass(frozen=True, kw_only=True)
class Read:
    """A text, read in a language."""

    given: str
    language: Language
    normal: Normal
    sentences: tuple[Sentence, ...]

    def cue(self, name: str) -> Patterns:
        """The language's patterns of ``name``; none where its file has none."""
        return self.language.cues.get(name, ())

    def first(self, name: str) -> int | None:
        """Where the first words that are a cue of ``name`` begin, in the normal text."""
        places = (
            sentence.start + found.start()
            for sentence in self.sentences
            for found in (earliest(self.cue(name), sentence.lower),)
            if found
        )
        return next(places, None)

    def flaw(
        self, rule: str, severity: Severity, start: int, end: int, why: str, better: str
    ) -> Flaw:
        """A flaw at ``start`` to ``end`` of the normal text."""
        begin, stop = self.normal.place(start, end)
        return Flaw(
            rule=rule,
            severity=severity,
            start=begin,
            end=stop,
            words=self.given[begin:stop],
            why=why,
            better=better,
        )


def read(text: str, language: Language) -> Read:
    """``text`` as the rules of ``language`` read it."""
    found = normal(text)
    cut = sentences(found, abbreviations=language.abbreviations, ordinals=language.ordinals)
    return Read(given=text, language=language, normal=found, sentences=cut)


def earliest(patterns: Patterns, lower: str) -> re.Match[str] | None:
    """The match of any of ``patterns`` that begins first."""
    found = [match for each in patterns if (match := each.search(lower))]
    return min(found, key=lambda match: match.start()) if found else None


def holds(patterns: Patterns, lower: str) -> bool:
    """Whether any of ``patterns`` is found in ``lower``."""
    return any(each.search(lower) for each in patterns)
