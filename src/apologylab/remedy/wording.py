"""What an arm says: one fragment a factor level and locale, composed as one letter.

A fragment stands in ``messages/<factor>/<level>.<locale>.txt``. The level ``none`` has none, nor
has a compensation that is not told of, so an arm that only gives a coupon says the coupon's
fragment alone, and silence says nothing. The text of the second apology to a customer is
``<level>.2.<locale>.txt`` where that exists. Who sends it signs last, if anything is said.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.arms import arms
from apologylab.design.carriers import has_text
from apologylab.design.experiment import NONE
from apologylab.design.findings import Finding
from apologylab.design.follow_ups import fragments_beside
from apologylab.design.remedies import SENDER
from apologylab.errors import DeclarationError, InputError
from apologylab.remedy.brands import applied
from apologylab.remedy.composing import AS_WRITTEN, compose
from apologylab.remedy.fragments import BRAND, ORDER, place, settings, texts
from apologylab.remedy.letter import opened, stored
from apologylab.remedy.parted import compile_parted
from apologylab.remedy.rendering import TEXT_CHARACTERS, is_filled, unusable
from apologylab.remedy.tags import CLOSING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.arms import Arm
    from apologylab.design.experiment import Experiment
    from apologylab.remedy.brands import Applied
    from apologylab.remedy.fragments import Fragments
    from apologylab.remedy.letter import Letter
    from apologylab.remedy.parted import Parted

SUBJECT_CHARACTERS = 200
REMEMBERED = 10_000
"""Rendered texts that are kept for incidents with the same values."""
ANY = "*"
"""In ``messages.fallback``: every locale that is not named."""


class Pinned(NamedTuple):
    """A letter as it is stored, and the SHA-256 of its UTF-8 bytes (R6)."""

    body: str
    sha256: str

    @property
    def letter(self) -> Letter:
        """The letter itself."""
        return opened(self.body)

    @property
    def text(self) -> str:
        """What is read."""
        return self.letter.text


def said_levels(experiment: Experiment, arm: Arm) -> tuple[tuple[str, str], ...]:
    """(factor, level) of each fragment of ``arm``, in the order in which they are read."""
    order = experiment.messages.order or tuple(arm.levels)
    said = tuple(
        (factor, arm.levels[factor])
        for factor in order
        if factor != SENDER and has_text(experiment, factor, arm.levels.get(factor, NONE))
    )
    sender = arm.levels.get(SENDER, NONE)
    return (*said, (SENDER, sender)) if said and sender != NONE else said


def choose_locale(
    asked: object,
    locales: tuple[str, ...],
    fallback: Mapping[str, tuple[str, ...]] | None = None,
) -> str | None:
    """The declared locale nearest to the one ``asked`` for; None where ``fallback`` refuses it.

    Nearest is the same, what ``fallback`` names for it, its language, what that falls back to, what
    ``*`` falls back to, and else the first of ``locales``.

    >>> choose_locale("pt_BR", ("en", "pt")), choose_locale(None, ("en", "pt"))
    ('pt', 'en')
    >>> choose_locale("de-CH", ("en", "fr"), {"de-CH": ("it", "fr"), "*": ()})
    'fr'
    """
    tag = _tag(asked) if isinstance(asked, str) else ""
    known = {_tag(each): each for each in reversed(locales)}
    declared = {_tag(name): names for name, names in (fallback or {}).items()}
    for found in (tag, tag.split("-")[0]):
        if found in known:
            return known[found]
        if found in declared:
            return next((each for each in declared[found] if each in locales), None)
    if tag and ANY in declared:
        return next((each for each in declared[ANY] if each in locales), None)
    return locales[0]


def _tag(locale: str) -> str:
    return locale.lower().replace("_", "-")


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
        self._fallback = experiment.messages.fallback
        self._levels = {arm.name: said_levels(experiment, arm) for arm in arms(experiment)}
        self._beside = fragments_beside(experiment)
        brands, orders = settings(fragments, BRAND), settings(fragments, ORDER)
        self._brands = {locale: applied(source) for locale, source in brands.items()}
        self._orders = {locale: tuple(text.split()) for locale, text in orders.items()}
        placeholders = experiment.messages.placeholders
        self._fragments = _compiled(fragments, placeholders, self._brands)
        self._refuse_missing()
        self._needs = {locale: self._named("needs", locale) for locale in self.locales}
        self._uses = {locale: tuple(sorted(self._named("uses", locale))) for locale in self.locales}
        self._compose = lru_cache(maxsize=REMEMBERED, typed=True)(self._composed)

    def speaks(self, arm: str) -> bool:
        """Whether ``arm`` says anything."""
        return bool(self._levels[arm])

    def locale(self, fields: Mapping[str, object]) -> str | None:
        """The locale for an incident, whose field ``locale`` may say what the customer reads.

        None where the declaration refuses it.
        """
        asked = fields.get("locale")
        return choose_locale(asked, self.locales, self._fallback) if asked else self.locales[0]

    def texts(self) -> int:
        """How many apologies to one customer can differ in every arm and locale."""
        nth = 1
        while all(self._differs(arm, locale, nth + 1) for arm, locale in self._spoken()):
            nth += 1
        return nth if self._spoken() else 1

    def unsayable(self, fields: Mapping[str, object]) -> str | None:
        """Why some arm cannot be said to the customer of an incident, or None.

        Judged over all arms, before the draw, so that it keeps out the same units in each (R4).
        """
        locale = self.locale(fields)
        if locale is None:
            return f"messages.fallback: nothing is said in {fields.get('locale')}"
        return self.lacking(locale, fields)

    def lacking(self, locale: str, values: Mapping[str, object]) -> str | None:
        """Why some arm's text in ``locale`` cannot be filled with ``values``, or None."""
        for name in self._uses[locale]:
            value = values.get(name)
            why = unusable(value) if is_filled(value) else "is missing"
            if why and (is_filled(value) or name in self._needs[locale]):
                return f"messages.placeholders: {name} {why}"
        return None

    def text(self, arm: str, locale: str, values: Mapping[str, object], *, nth: int = 1) -> Pinned:
        """The letter of the ``nth`` apology in ``arm``.

        Raises:
            InputError: it cannot be rendered, is empty, or is too long.
        """
        return self._compose(arm, locale, nth, *map(values.get, self._uses[locale]))

    def _composed(self, arm: str, locale: str, nth: int, *values: object) -> Pinned:
        named = zip(self._uses[locale], values, strict=True)
        said = [self._fragment(level, locale, nth) for level in self._levels[arm]]
        return self._pinned(arm, said, locale, dict(named))

    def beside(
        self, said: Sequence[tuple[str, str]], locale: str, values: Mapping[str, object]
    ) -> Pinned:
        """The letter of what is said beside a remedy: (factor, level) of its fragments in order.

        Raises:
            InputError: it cannot be rendered, is empty, or is too long.
        """
        fragments = [self._fragments[factor, level, locale] for factor, level in said]
        return self._pinned(said[0][0], fragments, locale, values)

    def _pinned(
        self, what: str, fragments: Sequence[Parted], locale: str, values: Mapping[str, object]
    ) -> Pinned:
        brand = self._brands.get(locale)
        letter = compose(
            fragments,
            {name: value for name, value in values.items() if is_filled(value)},
            order=self._orders.get(locale, AS_WRITTEN),
            signature=brand.signature if brand else None,
        )
        if not 0 < len(letter.text) <= TEXT_CHARACTERS:
            raise InputError(
                f"the text of {what} in {locale} has {len(letter.text)} characters",
                do=f"it must have 1 to {TEXT_CHARACTERS}",
            )
        if letter.subject is not None and len(letter.subject) > SUBJECT_CHARACTERS:
            raise InputError(
                f"the subject of {what} in {locale} has {len(letter.subject)} characters",
                do=f"it may have {SUBJECT_CHARACTERS}",
            )
        body = stored(letter)
        return Pinned(body, hashlib.sha256(body.encode()).hexdigest())

    def _fragment(self, said: tuple[str, str], locale: str, nth: int) -> Parted:
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
        wanted |= {(*said, locale) for said in self._beside for locale in self.locales}
        missing = sorted(wanted - set(self._fragments))
        _raise([_finding(place(*key), "there is no such file", "write it") for key in missing])


def _compiled(
    fragments: Fragments, placeholders: tuple[str, ...], brands: Mapping[str, Applied]
) -> dict[tuple[str, str, str], Parted]:
    compiled, findings = {}, []
    for key, source in texts(fragments).items():
        factor, _, locale = key
        brand = brands.get(locale)
        try:
            compiled[key] = compile_parted(
                source,
                where=place(*key),
                placeholders=placeholders,
                untagged=CLOSING if factor == SENDER else None,
                amend=brand.amend if brand else None,
            )
        except InputError as error:
            findings.append(_finding(place(*key), error.what, error.do))
    _raise(findings)
    return compiled


def _finding(where: str, what: str, do: str) -> Finding:
    return Finding(path=where, line=None, value=None, what=what, do=do, severity="error")


def _raise(findings: list[Finding]) -> None:
    if findings:
        raise DeclarationError(f"{len(findings)} mistakes in messages", findings=findings)
