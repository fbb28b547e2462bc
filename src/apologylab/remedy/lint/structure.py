"""Rules over what the sentences of a text do, in which order, and how much of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from apologylab.remedy.lint.names import STRUCTURAL
from apologylab.remedy.lint.reading import Read, earliest, holds

if TYPE_CHECKING:
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.remedy.lint.sentences import Sentence

_WORD: Final = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_EMPTY: Final = re.compile(
    r"\{\{?[^{}\n]{0,60}\}?\}|\{[{%]|\}\}|%\(?\w{0,20}\)?s\b"
    r"|\[[A-Z][A-Z _]{1,30}\]|<[A-Za-z_ ]{2,30}>"
    r"|\$\{|\b(?:undefined|NaN|null|None)\b(?=[,.!]|$)"
    r"|(?<=\w) +[,;](?= |\n|$)|^[,;]|\n[,;]|,\s*,|\(\s*\)|(?<!\d)(?<!\d )[$€£](?!\s?\d)"
)
"""What a placeholder without its value leaves behind, in any language."""
SO_MANY: Final = 6
"""Words for us from which on they are counted against words for the customer."""
SO_FEW: Final = 12
"""Words of a text that is too short to tell from how hard its words are."""
SO_MUCH: Final = 0.8
"""The share of them that may be words for us."""


def structural(text: Read) -> Iterator[Flaw]:
    """What the order and the amount of the sentences of ``text`` break."""
    for rule in _RULES:
        yield from rule(text)


def _excuse_first(text: Read) -> Iterator[Flaw]:
    """A reason that comes before the regret, and is not owned in the same sentence."""
    regret = text.first("regret")
    for sentence in text.sentences if regret is not None else ():
        found = earliest(text.cue("explanation"), sentence.lower)
        if not found or holds(text.cue("responsibility"), sentence.lower):
            continue
        if sentence.start + found.start() < (regret or 0):
            yield _flaw(text, "excuse_first", sentence.start + found.start(), len(found[0]))
        return


def _money_first(text: Read) -> Iterator[Flaw]:
    """Money before the regret or the owning; in a text without those, before the failure."""
    money = text.first("money")
    owned = _first_of(text, "regret", "responsibility") or _first_of(text, "acknowledge")
    if money is not None and owned and money < min(owned):
        sentence = next(each for each in text.sentences if each.end > money)
        yield _flaw(text, "money_first", money, sentence.end - money)


def _first_of(text: Read, *cues: str) -> list[int]:
    return [place for cue in cues if (place := text.first(cue)) is not None]


def _refusal_without_offer(text: Read) -> Iterator[Flaw]:
    """A refusal in a text without anything that we can do."""
    if any(holds(text.cue("offer"), each.lower) for each in text.sentences):
        return
    for sentence in text.sentences:
        if found := earliest(text.cue("refusal"), sentence.lower):
            start = sentence.start + found.start()
            yield _flaw(text, "refusal_without_offer", start, len(found[0]))
            return


def _about_us(text: Read) -> Iterator[Flaw]:
    """Many more words for us than for the customer."""
    us, customer = _count(text, "us"), _count(text, "customer")
    reading = text.language.reading
    many = us >= reading.get("us_at_least", SO_MANY)
    if many and us > reading.get("us_share", SO_MUCH) * (us + customer):
        yield _whole(text, "about_us", f"{us} words for us, {customer} for the customer: ")


def _count(text: Read, cue: str) -> int:
    """Its words, where we neither regret nor own: those sentences must speak of us."""
    owning = (*text.cue("regret"), *text.cue("responsibility"))
    counted = (each.lower for each in text.sentences if not holds(owning, each.lower))
    return sum(1 for lower in counted for each in text.cue(cue) for _ in each.finditer(lower))


def _reading_level(text: Read) -> Iterator[Flaw]:
    """A sentence that is longer than the language's limit."""
    reading = text.language.reading
    for sentence in text.sentences:
        words, limit = len(_WORD.findall(sentence.lower)), reading.get("words_per_sentence")
        if limit and words > limit:
            yield _long(text, sentence, f"{words} words in one sentence, at most {limit:g}: ")
        most = reading.get("characters_per_sentence")
        if most and len(sentence.lower) > most:
            many = f"{len(sentence.lower)} characters in one sentence, at most {most:g}: "
            yield _long(text, sentence, many)
    if flaw := _long_words(text):
        yield flaw


def _long_words(text: Read) -> Flaw | None:
    """Too many long words in all, in a text that has more than a few."""
    letters = text.language.reading.get("long_word_letters")
    most = text.language.reading.get("long_words_share")
    words = _WORD.findall(text.normal.lower)
    if not letters or not most or len(words) < SO_FEW:
        return None
    share = sum(len(word) >= letters for word in words) / len(words)
    said = f"{share:.0%} of its words have {letters:g} letters or more, at most {most:.0%}: "
    return _whole(text, "reading_level", said) if share > most else None


def _long(text: Read, sentence: Sentence, many: str) -> Flaw:
    return _flaw(text, "reading_level", sentence.start, sentence.end - sentence.start, many)


def _length(text: Read) -> Iterator[Flaw]:
    """A text that is longer than the language's limit."""
    reading = text.language.reading
    words, characters = len(_WORD.findall(text.normal.lower)), len(text.normal.lower)
    for count, unit in ((words, "words"), (characters, "characters")):
        if (limit := reading.get(unit)) and count > limit:
            yield _whole(text, "length", f"{count} {unit}, at most {limit:g}: ")


def _empty_placeholder(text: Read) -> Iterator[Flaw]:
    if found := _EMPTY.search(text.normal.text):
        yield _flaw(text, "empty_placeholder", found.start(), len(found[0]))


def _whole(text: Read, rule: str, said: str) -> Flaw:
    return _flaw(text, rule, 0, len(text.normal.text), said)


def _flaw(text: Read, rule: str, start: int, length: int, said: str = "") -> Flaw:
    known = STRUCTURAL[rule]
    better = text.language.better.get(rule, "")
    return text.flaw(rule, known.severity, start, start + length, said + known.why, better)


_RULES: Final[tuple[Callable[[Read], Iterator[Flaw]], ...]] = (
    _excuse_first,
    _money_first,
    _refusal_without_offer,
    _about_us,
    _reading_level,
    _length,
    _empty_placeholder,
)
