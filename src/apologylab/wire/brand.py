"""A brand's file: TOML text in, a ``Brand`` or all its mistakes out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import cast

from apologylab.design.brand import Brand
from apologylab.design.findings import Finding, at
from apologylab.errors import DeclarationError
from apologylab.wire.declaration import placed, syntax
from apologylab.wire.shape import read_table


def read_brand(text: str, *, where: str) -> Brand:
    """Read a brand's file; ``where`` names it in the error.

    Raises:
        DeclarationError: it has mistakes; all of them are in ``findings``.
    """
    brand, found = examine_brand(text)
    if brand is None:
        first = found[0]
        place = f"{where}:{first.line}" if first.line else where
        raise DeclarationError(
            f"{place}: {first.path or 'the file'} {first.what}", do=first.do, findings=list(found)
        )
    return brand


def examine_brand(text: str) -> tuple[Brand | None, tuple[Finding, ...]]:
    """The brand, unless its file has mistakes, and all of them with their lines."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, (syntax(error, text),)
    draft, shape = read_table(Brand, document)
    if shape:
        return None, placed(shape, text)
    brand = cast(Brand, draft.build())
    found = tuple(_mistakes(brand))
    return (None if found else brand), placed(found, text)


def _mistakes(brand: Brand) -> Iterator[Finding]:
    yield from _blank(brand)
    for term, others in brand.use.items():
        for number, other in enumerate(others):
            if other.casefold() == term.casefold():
                yield Finding(
                    path=at("use", term, number),
                    value=other,
                    what="is the term itself",
                    do="name the words that must not stand for it",
                )
    for old, new in brand.replace.items():
        if set("{}<>") & set(new):
            yield Finding(
                path=at("replace", old), value=new, what="holds a brace or an angle bracket",
                do="write plain text",
            )  # fmt: skip
        if old.endswith("*"):
            yield Finding(
                path=at("replace", old), value=old, what="has an open ending",
                do="name each form with what is said for it; only avoid and use take a *",
            )  # fmt: skip


def _blank(brand: Brand) -> Iterator[Finding]:
    """A term without a letter would be found everywhere."""
    terms = {at("replace", old): old for old in brand.replace}
    terms |= {at("avoid", n, "term"): each.term for n, each in enumerate(brand.avoid)}
    terms |= {
        at("use", term, n): other for term in brand.use for n, other in enumerate(brand.use[term])
    }
    for path, term in terms.items():
        if not term.strip(" *"):
            yield Finding(path=path, value=term, what="has no letter", do="write a term")
