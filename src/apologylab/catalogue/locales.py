"""The languages that wordings are linted in: one file of rules each, part of the package."""

from __future__ import annotations

import tomllib
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


@cache
def language(locale: str) -> Language:
    """The rules of ``locale``; those of its language, where a country has none of its own.

    >>> language("en-GB").locale
    'en'

    Raises:
        NotFoundError: its language has no rules.
    """
    for name in (locale, locale.replace("_", "-").split("-")[0].lower()):
        if name in locales():
            source = (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
            return read_language(tomllib.loads(source), where=f"locales/{name}{_SUFFIX}")
    raise NotFoundError(
        f"there are no rules of wordings for the locale {locale!r}",
        do=f"there are for {', '.join(locales())}; add a file (docs/lint.md says how)",
    )
