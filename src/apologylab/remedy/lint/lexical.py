"""Rules that are patterns: each sentence, or the text, is searched for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.remedy.lint.reading import Read, earliest, holds
from apologylab.remedy.lint.sentences import Sentence

if TYPE_CHECKING:
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.remedy.lint.language import Rule


def lexical(text: Read) -> Iterator[Flaw]:
    """What the patterns of the language find in ``text``: the first of each rule and sentence."""
    whole = Sentence(0, len(text.normal.lower), text.normal.lower.replace("\n", " "))
    for rule in text.language.rules:
        if holds(rule.unless_text, whole.lower):
            continue
        if rule.given_text and not holds(rule.given_text, whole.lower):
            continue
        for place in (whole,) if rule.by_text else text.sentences:
            yield from _found(text, rule, place)


def _found(text: Read, rule: Rule, place: Sentence) -> Iterator[Flaw]:
    match = earliest(rule.patterns, place.lower)
    if match and not holds(rule.unless, place.lower):
        start, end = place.start + match.start(), place.start + match.end()
        yield text.flaw(rule.name, rule.severity, start, end, rule.why, rule.better)
