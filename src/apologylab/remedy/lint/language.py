"""A language's rules as values, read from the tables of its file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast, get_args

from apologylab.design.remedies import Part
from apologylab.errors import InputError
from apologylab.remedy.lint.flaw import Severity
from apologylab.remedy.lint.names import CUES, NAMES, READING
from apologylab.remedy.lint.pattern import compile_pattern, spelled

Patterns = tuple[re.Pattern[str], ...]
ORDERED: Final = ("greeting", *get_args(Part), "closing")
_KEYS: Final = {
    "locale": str,
    "formality": str,
    "order": list,
    "strict_order": bool,
    "abbreviations": list,
    "ordinals": bool,
    "words": dict,
    "reading": dict,
    "cues": dict,
    "better": dict,
    "formalities": dict,
    "rule": list,
}
_LISTS: Final = ("patterns", "unless", "unless_text", "given_text")
_TEXTS: Final = ("name", "severity", "scope", "why", "better")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Patterns that no sentence (or text, by ``by_text``) should hold.

    It is silent about a sentence in which ``unless`` is found, about a text in which
    ``unless_text`` is, and about one in which ``given_text``, if there is any, is not.
    """

    name: str
    severity: Severity
    by_text: bool
    patterns: Patterns
    unless: Patterns
    unless_text: Patterns
    given_text: Patterns
    why: str
    better: str


@dataclass(frozen=True, kw_only=True)
class Language:
    """What one language expects of an apology, and what it rejects.

    ``strict_order``: parts in another order than ``order`` are a flaw, and not just another way to
    say it. ``formalities``: a form of address -> what breaks it. ``formality`` is the one that is
    expected of a company, unless its brand speaks otherwise.
    """

    locale: str
    formality: str = ""
    order: tuple[str, ...] = ()
    strict_order: bool = False
    abbreviations: frozenset[str] = frozenset()
    ordinals: bool = False
    reading: Mapping[str, float] = field(default_factory=dict)
    cues: Mapping[str, Patterns] = field(default_factory=dict)
    better: Mapping[str, str] = field(default_factory=dict)
    formalities: Mapping[str, Patterns] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


def read_language(found: Mapping[str, Any], *, where: str) -> Language:
    """The language that the tables of the file ``where`` describe.

    Raises:
        InputError: a key, a name or a pattern in it cannot be meant.
    """
    for key, value in found.items():
        if key not in _KEYS or not isinstance(value, _KEYS[key]):
            _refuse(f"{where}: {key}", "is unknown or of the wrong type", _KEYS)
    _known(found.get("order", ()), ORDERED, f"{where}: order")
    _known(found.get("reading", ()), READING, f"{where}: reading")
    _known(found.get("cues", ()), CUES, f"{where}: cues")
    _known(found.get("better", ()), NAMES, f"{where}: better")
    read = partial(_patterns, words=_words(found.get("words", {}), where))
    return Language(
        locale=found["locale"],
        formality=found.get("formality", ""),
        order=tuple(found.get("order", ())),
        strict_order=found.get("strict_order", False),
        abbreviations=frozenset(each.lower() for each in found.get("abbreviations", ())),
        ordinals=found.get("ordinals", False),
        reading=found.get("reading", {}),
        cues={
            cue: read(each, f"{where}: cues.{cue}") for cue, each in found.get("cues", {}).items()
        },
        better=found.get("better", {}),
        formalities={
            form: read(each, f"{where}: formalities.{form}")
            for form, each in found.get("formalities", {}).items()
        },
        rules=tuple(
            _rule(each, f"{where}: rule {number}", read)
            for number, each in enumerate(found.get("rule", ()), start=1)
        ),
    )


def _rule(found: Mapping[str, Any], where: str, read: Callable[[Any, str], Patterns]) -> Rule:
    where = f"{where} ({found.get('name', 'without a name')})"
    _known(found, (*_LISTS, *_TEXTS), where)
    for key in ("name", "severity", "why", "better", "patterns"):
        if not found.get(key):
            _refuse(where, f"{key} is missing", (key,))
    _known((found["name"],), NAMES, f"{where}: name")
    _known((found["severity"],), get_args(Severity), f"{where}: severity")
    _known((found.get("scope", "sentence"),), ("sentence", "text"), f"{where}: scope")
    lists = {key: read(found.get(key, ()), f"{where}: {key}") for key in _LISTS}
    return Rule(
        name=found["name"],
        severity=cast("Severity", found["severity"]),
        by_text=found.get("scope") == "text",
        why=found["why"],
        better=found["better"],
        **lists,
    )


def _words(found: Mapping[str, Any], where: str) -> dict[str, str]:
    """Words by name; each may name those above it."""
    words: dict[str, str] = {}
    for name, source in found.items():
        words[name] = spelled("".join(_texts([source], where)), words, where=f"{where}: words")
    return words


def _patterns(sources: Any, where: str, *, words: Mapping[str, str]) -> Patterns:
    texts = _texts(sources, where)
    return tuple(compile_pattern(source, where=where, words=words) for source in texts)


def _texts(sources: Any, where: str) -> Iterator[str]:
    for source in sources:
        if not isinstance(source, str):
            _refuse(where, f"{source!r} is no text", ())
        yield source


def _known(names: Any, known: Any, where: str) -> None:
    for name in names:
        if name not in known:
            _refuse(where, f"{name!r} is unknown", known)


def _refuse(where: str, what: str, known: Any) -> None:
    raise InputError(f"{where} {what}", do=f"known are {', '.join(sorted(known))}")
