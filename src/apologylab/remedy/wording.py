"""What an arm says: one fragment a factor level and locale, joined in the declared order.

A fragment stands in ``messages/<factor>/<level>.<locale>.txt``. The level ``none`` has none, so an
arm that only gives a coupon says the coupon's fragment alone, and silence says nothing. The text of
the second apology to a customer is ``<level>.2.<locale>.txt`` where that exists.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.arms import arms
from apologylab.design.experiment import NONE, TIMING
from apologylab.design.findings import Finding
from apologylab.errors import DeclarationError, InputError
from apologylab.remedy.fragments import place
from apologylab.remedy.rendering import (
    TEXT_CHARACTERS,
    Fragment,
    compile_fragment,
    is_filled,
    unusable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.arms import Arm
    from apologylab.design.experiment import Experiment

    Fragments = Mapping[tuple[str, str, str], str]
    """(factor, level, locale) -> source."""

PARAGRAPH = "\n\n"
REMEMBERED = 10_000
"""Rendered texts that are kept for incidents with the same values."""


class Pinned(NamedTuple):
    """A rendered text and the SHA-256 of its UTF-8 bytes (R6)."""

    text: str
    sha256: str


def said_levels(experiment: Experiment, arm: Arm) -> tuple[tuple[str, str], ...]:
    """(factor, level) of each fragment of ``arm``, in the order in which they are read."""
    order = experiment.messages.order or tuple(arm.levels)
    return tuple(
        (factor, arm.levels[factor])
        for factor in order
        if factor != TIMING and arm.levels.get(factor, NONE) != NONE
    )


def choose_locale(asked: object, locales: tuple[str, ...]) -> str:
    """The declared locale nearest to the one ``asked`` for; the first is the default.

    >>> choose_locale("pt_BR", ("en", "pt")), choose_locale(None, ("en", "pt"))
    ('pt', 'en')
    """
    tag = asked.lower().replace("_", "-") if isinstance(asked, str) else ""
    return next((found for found in (tag, tag.split("-")[0]) if found in locales), locales[0])


class Wording:
    """Every text that an experiment can say, compiled once."""

    def __init__(
        self, experiment: Experiment, fragments: Mapping[tuple[str, str, str], str]
    ) -> None:
        """Compile the fragments of all arms.

        Raises:
            DeclarationError: fragments are missing or wrong; it holds one finding for each.
        """
        self.locales = experiment.messages.locales
        self._placeholders = experiment.messages.placeholders
        self._levels = {arm.name: said_levels(experiment, arm) for arm in arms(experiment)}
        self._fragments = _compiled(fragments, self._placeholders)
        self._refuse_missing()
        self._needs = {locale: self._named("needs", locale) for locale in self.locales}
        self._uses = {locale: tuple(sorted(self._named("uses", locale))) for locale in self.locales}
        self._compose = lru_cache(maxsize=REMEMBERED, typed=True)(self._composed)

    def speaks(self, arm: str) -> bool:
        """Whether ``arm`` says anything."""
        return bool(self._levels[arm])

    def locale(self, fields: Mapping[str, object]) -> str:
        """The locale for an incident, whose field ``locale`` may say what the customer reads."""
        asked = fields.get("locale")
        return choose_locale(asked, self.locales) if asked else self.locales[0]

    def texts(self) -> int:
        """How many apologies to one customer can differ in every arm and locale."""
        nth = 1
        while all(self._differs(arm, locale, nth + 1) for arm, locale in self._spoken()):
            nth += 1
        return nth if self._spoken() else 1

    def lacking(self, locale: str, values: Mapping[str, object]) -> str | None:
        """Why some arm's text in ``locale`` cannot be filled with ``values``, or None.

        Judged over all arms, before the draw, so that it keeps out the same units in each (R4).
        """
        for name in self._uses[locale]:
            value = values.get(name)
            why = unusable(value) if is_filled(value) else "is missing"
            if why and (is_filled(value) or name in self._needs[locale]):
                return f"messages.placeholders: {name} {why}"
        return None

    def text(self, arm: str, locale: str, values: Mapping[str, object], *, nth: int = 1) -> Pinned:
        """The text of the ``nth`` apology in ``arm``.

        Raises:
            InputError: it cannot be rendered, is empty, or is too long.
        """
        return self._compose(arm, locale, nth, *map(values.get, self._uses[locale]))

    def _composed(self, arm: str, locale: str, nth: int, *values: object) -> Pinned:
        named = zip(self._uses[locale], values, strict=True)
        known = {name: value for name, value in named if is_filled(value)}
        fragments = (self._fragment(level, locale, nth) for level in self._levels[arm])
        parts = [fragment.render(known) for fragment in fragments]
        text = PARAGRAPH.join(part for part in parts if part)
        if not 0 < len(text) <= TEXT_CHARACTERS:
            raise InputError(
                f"the text of {arm} in {locale} has {len(text)} characters",
                do=f"it must have 1 to {TEXT_CHARACTERS}",
            )
        return Pinned(text, hashlib.sha256(text.encode()).hexdigest())

    def _fragment(self, said: tuple[str, str], locale: str, nth: int) -> Fragment:
        factor, level = said
        varied = self._fragments.get((factor, f"{level}.{nth}", locale)) if nth > 1 else None
        return varied or self._fragments[factor, level, locale]

    def _differs(self, arm: str, locale: str, nth: int) -> bool:
        said = self._levels[arm]
        return any((factor, f"{level}.{nth}", locale) in self._fragments for factor, level in said)

    def _spoken(self) -> list[tuple[str, str]]:
        return [
            (arm, locale) for arm in self._levels if self.speaks(arm) for locale in self.locales
        ]

    def _named(self, what: str, locale: str) -> frozenset[str]:
        found = (f for (_, _, language), f in self._fragments.items() if language == locale)
        return frozenset().union(*(getattr(fragment, what) for fragment in found))

    def _refuse_missing(self) -> None:
        wanted = {(*said, locale) for arm, locale in self._spoken() for said in self._levels[arm]}
        missing = sorted(wanted - set(self._fragments))
        _raise([_finding(place(*key), "there is no such file", "write it") for key in missing])


def _compiled(
    fragments: Fragments, placeholders: tuple[str, ...]
) -> dict[tuple[str, str, str], Fragment]:
    compiled, findings = {}, []
    for key, source in fragments.items():
        try:
            compiled[key] = compile_fragment(source, where=place(*key), placeholders=placeholders)
        except InputError as error:
            findings.append(_finding(place(*key), error.what, error.do))
    _raise(findings)
    return compiled


def _finding(where: str, what: str, do: str) -> Finding:
    return Finding(path=where, line=None, value=None, what=what, do=do, severity="error")


def _raise(findings: list[Finding]) -> None:
    if findings:
        raise DeclarationError(f"{len(findings)} mistakes in messages", findings=findings)
