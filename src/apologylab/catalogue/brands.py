"""The files of a brand's words and tone, beside an experiment or above it."""

from __future__ import annotations

from dataclasses import replace
from os.path import relpath
from typing import TYPE_CHECKING

from apologylab.errors import InputError
from apologylab.remedy.brands import brand_source
from apologylab.wire.brand import examine_brand, read_brand

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from apologylab.design.findings import Finding


def brand_file(home: Path, folder: Path, locale: str) -> Path | None:
    """The brand's file of ``locale``: the one in ``home``, else the one in ``folder``, if any."""
    places = (each / f"brand.{locale}.toml" for each in dict.fromkeys((home, folder)))
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
    files = [file for each in locales if (file := brand_file(home, folder, each)) is not None]
    return tuple(
        replace(each, file=relpath(file, home))
        for file in files
        for each in examine_brand(_text(file))[1]
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} cannot be read as text: {error}", do="save it as UTF-8"
        ) from error
