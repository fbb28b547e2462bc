"""``apologylab library``: wordings to begin with, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.remedy.starter import Cause, Starter

Locales = Annotated[
    list[str] | None, typer.Option(help="Only this locale; may be given several times.")
]


def library(
    cause: Annotated[str | None, typer.Argument(help="One cause; by default, list all.")] = None,
    *,
    locale: Locales = None,
    as_json: AsJson = False,
) -> None:
    """Show the starter library: parts of apologies and notices, by cause and locale.

    A «name» stands for a placeholder; each text reads well without it too. `again` marks the second
    apology to a customer, `late` the notice that a promise may be missed. What a part costs us to
    say stands behind it. `apologylab new NAME --library CAUSE` makes an experiment of them.

    \b
    Example:
      apologylab library late_ride --locale en --locale de
    """
    from apologylab.catalogue.library import causes, library_locales, starters
    from apologylab.cli import console
    from apologylab.errors import InputError
    from apologylab.wire.library import causes_document, texts_document

    if cause is None:
        if locale:
            raise InputError("--locale is given without a cause", do="name one, like late_ride")
        if as_json:
            console.show_json(causes_document(causes(), library_locales()))
        else:
            _show_causes(causes(), library_locales())
        return
    found = starters(cause, tuple(locale or ()))
    if as_json:
        console.show_json(texts_document(found))
    else:
        _show_texts(found)


def _show_causes(found: Sequence[Cause], locales: Sequence[str]) -> None:
    from apologylab.cli import console
    from apologylab.remedy.tags import PARTS

    rows = [[each.name, each.about] for each in found]
    console.show_table("Causes", ["cause", "what happened"], rows)
    console.show(f"\nparts     {', '.join(PARTS)}")
    console.show(f"locales   {', '.join(locales)}")
    console.show("next      apologylab library late_ride --locale en")


def _show_texts(found: Sequence[Starter]) -> None:
    """The texts of one part below each other, a line for each locale."""
    from apologylab.cli import console
    from apologylab.wire.library import lines

    for together in zip(*map(lines, found), strict=True):
        said = "" if together[0].said == "first" else f" {together[0].said}"
        cost = "" if together[0].cost == "none" else f"  (costs {together[0].cost})"
        console.show(f"{together[0].part}{said}{cost}")
        for line in together:
            console.show(f"  {line.locale:<5} {line.example}")
    names = ", ".join(found[0].cause.placeholders)
    console.show(f"\nplaceholders   {names}")
    console.show(f"next           apologylab new NAME --library {found[0].cause.name}")
