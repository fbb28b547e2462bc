"""The starter library: wordings written by us, part of the package.

``library/<cause>.<locale>.toml`` holds the parts for a cause, ``library/frame.<locale>.toml`` what
stands around them, ``library/causes.toml`` what is the same in all locales.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from apologylab.catalogue.locales import language
from apologylab.design.remedies import Promise
from apologylab.errors import NotFoundError
from apologylab.remedy.starter import NAMES, Cause, Starter

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER: Final = files("apologylab.catalogue") / "library"
_FRAME: Final = "frame."
KEEPER: Final = "your team"
"""Who keeps a promise of the library until the declaration names somebody."""


@cache
def causes() -> tuple[Cause, ...]:
    """What there are wordings for.

    >>> [each.name for each in causes()][:2]
    ['late_ride', 'late_delivery']
    """
    return tuple(
        Cause(
            name=name,
            about=found["about"],
            placeholders=(*NAMES, *found["placeholders"]),
            promise=Promise(**found["promise"], keeper=KEEPER),
            costs=found.get("costs", {}),
        )
        for name, found in _table("causes").items()
    )


@cache
def library_locales() -> tuple[str, ...]:
    """The locales of the library, sorted."""
    names = (each.name for each in _FOLDER.iterdir() if each.name.startswith(_FRAME))
    return tuple(sorted(name.removeprefix(_FRAME).removesuffix(".toml") for name in names))


def cause_named(name: str) -> Cause:
    """One cause.

    Raises:
        NotFoundError: the library has no such cause.
    """
    known = {each.name: each for each in causes()}
    if name not in known:
        raise NotFoundError(
            f"the library has no wordings for {name[:80]!r}", do=f"name one of: {', '.join(known)}"
        )
    return known[name]


def starter(cause: str, locale: str) -> Starter:
    """The words for ``cause`` in ``locale``; in its language, where a country has none of its own.

    >>> starter("outage", "en-GB").subject
    'About the outage'

    Raises:
        NotFoundError: the library lacks the cause or the language.
    """
    found = cause_named(cause)
    spoken = _spoken(locale)
    return Starter(
        cause=found,
        locale=locale,
        order=language(spoken).order,
        **_table(f"{_FRAME}{spoken}"),
        **_table(f"{cause}.{spoken}"),
    )


def starters(cause: str, locales: Sequence[str] = ()) -> tuple[Starter, ...]:
    """The words for ``cause`` in each of ``locales``; by default, all that there are.

    Raises:
        NotFoundError: the library lacks the cause or a language.
    """
    return tuple(starter(cause, each) for each in locales or library_locales())


def _spoken(locale: str) -> str:
    for name in (locale, locale.replace("_", "-").split("-")[0].lower()):
        if name in library_locales():
            return name
    raise NotFoundError(
        f"the library has no wordings in {locale[:80]!r}",
        do=f"name one of: {', '.join(library_locales())}",
    )


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
