"""The languages that wordings are linted in: one file of rules each, part of the package."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from apologylab.errors import NotFoundError
from apologylab.remedy.lint.language import Language, read_language

_FOLDER: Final = files("apologylab.catalogue") / "locales"
_SUFFIX: Final = ".toml"


@cache
def locales() -> tuple[str, ...]:
    """The locales that have rules, sorted."""
    names = (each.name for each in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def languages(wanted: Iterable[str]) -> dict[str, Language]:
    """Locale -> its rules, of those ``wanted`` that have any.

    >>> list(languages(["en-GB", "xx"]))
    ['en-GB']
    """
    return {locale: language(locale) for locale in wanted if _file(locale)}


@cache
def language(locale: str) -> Language:
    """The rules of ``locale``; those of its language, where a country has none of its own.

    >>> language("en-GB").locale
    'en'

    Raises:
        NotFoundError: its language has no rules.
    """
    if (name := _file(locale)) is None:
        raise NotFoundError(
            f"there are no rules of wordings for the locale {locale!r}",
            do=f"there are for {', '.join(locales())}; add a file (docs/lint.md says how)",
        )
    source = (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
    return read_language(tomllib.loads(source), where=f"locales/{name}{_SUFFIX}")


def _file(locale: str) -> str | None:
    """The name under which the rules of ``locale``, or of its language, stand."""
    tag = locale.replace("_", "-")
    return next((name for name in (tag, tag.split("-")[0].lower()) if name in locales()), None)
