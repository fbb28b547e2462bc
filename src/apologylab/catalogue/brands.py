"""The files of a brand's words and tone, beside an experiment or above it."""

from __future__ import annotations

from dataclasses import replace
from os.path import relpath
from typing import TYPE_CHECKING

from apologylab.catalogue.locales import language
from apologylab.design.findings import Finding
from apologylab.errors import InputError, NotFoundError
from apologylab.remedy.brands import brand_source
from apologylab.wire.brand import examine_brand, read_brand
from apologylab.wire.declaration import placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def brand_file(home: Path, folder: Path, locale: str) -> Path | None:
    """The brand's file of ``locale``, if any: of it or its language, in ``home`` or ``folder``."""
    names = dict.fromkeys((locale, locale.replace("_", "-").split("-", maxsplit=1)[0]))
    homes = dict.fromkeys((home, folder))
    places = (each / f"brand.{name}.toml" for each in homes for name in names)
    return next((each for each in places if each.is_file()), None)


def brand_sources(home: Path, folder: Path, locales: Iterable[str]) -> dict[str, str]:
    """Locale -> the brand as text, of the locales that have one.

    Raises:
        DeclarationError: a file has mistakes.
    """
    found = {each: brand_file(home, folder, each) for each in locales}
    return {
        locale: brand_source(read_brand(_text(file), where=str(file)))
        for locale, file in found.items()
        if file is not None
    }


def brand_findings(home: Path, folder: Path, locales: Iterable[str]) -> tuple[Finding, ...]:
    """What is wrong with the brand's files, each finding with the file seen from ``home``."""
    files = {each: brand_file(home, folder, each) for each in locales}
    return tuple(
        replace(each, file=relpath(file, home))
        for locale, file in files.items()
        if file is not None
        for each in _mistakes(_text(file), locale)
    )


def _mistakes(text: str, locale: str) -> Iterator[Finding]:
    brand, found = examine_brand(text)
    yield from found
    forms = _forms(locale)
    if brand is not None and brand.formality is not None and brand.formality not in forms:
        unknown = Finding(
            path="formality",
            value=brand.formality,
            what=f"is no form of address that the rules of {locale} know",
            do=f"write one of: {', '.join(forms)}" if forms else "delete it",
        )
        yield from placed((unknown,), text)


def _forms(locale: str) -> tuple[str, ...]:
    try:
        rules = language(locale)
    except NotFoundError:
        return ()
    return tuple(dict.fromkeys([*filter(None, [rules.formality]), *rules.formalities]))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} cannot be read as text: {error}", do="save it as UTF-8"
        ) from error
