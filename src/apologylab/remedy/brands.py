"""What a brand's file does to every text, and the terms that it finds in one.

A term is found as a whole word, whatever its case; ``*`` at its end stands for any ending. Between
letters of a script without spaces there are no words, so there a term is found anywhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from unicodedata import normalize

from apologylab.design.brand import Avoided, Brand
from apologylab.remedy.fragments import BRAND, settings
from apologylab.remedy.rendering import neutral

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apologylab.remedy.fragments import Fragments

_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
"""Kana, Han and Hangul: Korean has spaces, but its particles cling to the word."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What changes texts: terms to replace, and the signature."""

    replace: Mapping[str, str] = field(default_factory=dict)
    signature: str | None = None

    def amend(self, text: str) -> str:
        """``text`` with the brand's own spelling.

        >>> Applied(replace={"acme": "ACME"}).amend("Your acme ride, not acmetic.")
        'Your ACME ride, not acmetic.'
        """
        found = self._pattern
        return text if found is None else found.sub(self._saying, text)

    def _saying(self, found: re.Match[str]) -> str:
        return self._said[" ".join(found[0].split())]

    @cached_property
    def _said(self) -> Mapping[str, str]:
        return {
            " ".join(normalize("NFC", old).split()): neutral(new)
            for old, new in self.replace.items()
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        longest_first = sorted(self._said, key=len, reverse=True)
        return re.compile("|".join(map(_as_word, longest_first))) if longest_first else None


class Slip(NamedTuple):
    """A term in a text against its brand: the line, from 1, the words, and what to do."""

    line: int
    found: str
    why: str
    do: str


def brand_source(brand: Brand) -> str:
    """``brand`` as text; :func:`applied` reads what it does."""
    return json.dumps(asdict(brand), ensure_ascii=False, sort_keys=True)


def read_brands(fragments: Fragments) -> dict[str, Brand]:
    """Locale -> its brand, of what a catalogue brought."""
    return {
        locale: _brand(json.loads(source)) for locale, source in settings(fragments, BRAND).items()
    }


def _brand(found: dict[str, Any]) -> Brand:
    """A brand as :func:`brand_source` wrote it, whole or as it was pinned."""
    return Brand(
        use={term: tuple(others) for term, others in found.get("use", {}).items()},
        avoid=tuple(Avoided(**each) for each in found.get("avoid", ())),
        replace=found.get("replace", {}),
        formality=found.get("formality"),
        signature=found.get("signature"),
    )


def applied(source: str) -> Applied:
    """What the brand of :func:`brand_source` does to texts.

    >>> applied('{"replace": {}, "signature": " Your <b>Acme</b>"}').signature
    'Your ‹b›Acme‹/b›'
    """
    found = json.loads(source)
    signature = neutral(found.get("signature") or "").strip()
    return Applied(replace=found.get("replace", {}), signature=signature or None)


def only_applied(source: str) -> str | None:
    """The part of a brand's source that changes texts; None if nothing does."""
    found = json.loads(source)
    kept = {name: found[name] for name in ("replace", "signature") if found.get(name)}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True) if kept else None


def slips(text: str, brand: Brand) -> Iterator[Slip]:
    """Where ``text`` says what ``brand`` does not say; placeholders are not its words.

    What the brand replaces by itself is no slip.
    """
    words = Applied(replace=brand.replace).amend(normalize("NFC", _without_code(text)))
    for term, others in brand.use.items():
        for other in others:
            yield from _found(words, other, "is not our word", f"write {term!r}")
    for each in brand.avoid:
        do = f"write {each.instead!r}" if each.instead else "say it otherwise"
        yield from _found(words, each.term, f"is a term to avoid: {each.why}", do)


def _found(words: str, term: str, why: str, do: str) -> Iterator[Slip]:
    for each in re.finditer(_as_word(normalize("NFC", term)), words, re.IGNORECASE):
        yield Slip(words.count("\n", 0, each.start()) + 1, each[0], why, do)


def _as_word(term: str) -> str:
    """A pattern that finds ``term`` as whole words."""
    stem = term.removesuffix("*")
    pattern = r"\s+".join(map(re.escape, stem.split()))
    ending = r"\w*" if stem != term else ""
    return f"{_edge(stem[:1], before=True)}{pattern}{ending}{_edge(stem[-1:], before=False)}"


def _edge(character: str, *, before: bool) -> str:
    if not re.match(r"\w", character) or re.match(f"[{_UNSPACED}]", character):
        return ""
    return r"(?<!\w)" if before else r"(?!\w)"


def _without_code(text: str) -> str:
    """``text`` with spaces in place of placeholders, statements and tags, so that lines stay."""
    code = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|^[ \t]*\[[a-z_]+\][ \t]*$", re.DOTALL | re.MULTILINE)
    return code.sub(lambda each: re.sub(r"[^\n]", " ", each[0]), text)
