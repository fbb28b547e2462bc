"""``apologylab new NAME``: a declaration that passes ``check``, to be made one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from apologylab.catalogue.folder import FolderCatalogue
    from apologylab.service.scaffold_panel import Named
    from apologylab.wire.scaffold import Files, Words


def new(
    name: Annotated[str, typer.Argument(help="Name of the experiment and of its folder.")],
    *,
    incident: Annotated[str, typer.Option(help="Kind of incident, like late_delivery.")] = "",
    library: Annotated[str, typer.Option(help="A cause of the starter library.")] = "",
    locales: Annotated[
        list[str] | None, typer.Option(help="Of --library, like en,de; en if absent.")
    ] = None,
    wording: Annotated[
        list[str] | None,
        typer.Option(help="Levels, like none,notice,sorry; of --library, its own."),
    ] = None,
    coupon: Annotated[list[str] | None, typer.Option(help="Levels, like none,3.00EUR.")] = None,
    timing: Annotated[
        list[str] | None, typer.Option(help="Delays, like 15min,4h; 1h if absent.")
    ] = None,
    like: Annotated[str, typer.Option(help="An experiment to copy.")] = "",
    panel: Annotated[Path | None, typer.Option(help="CSV or Parquet of a finished test.")] = None,
    arm: Annotated[str | None, typer.Option(help="The panel's column of the arm.")] = None,
    reference: Annotated[str | None, typer.Option(help="The panel's reference arm.")] = None,
    unit: Annotated[str | None, typer.Option(help="The panel's column of the unit's id.")] = None,
    outcome: Annotated[
        list[str] | None, typer.Option(help="The panel's outcomes, the primary first.")
    ] = None,
) -> None:
    """Write a new experiment: its declaration, messages and README.

    From flags, from the starter library (--library; `apologylab library` lists it), from another
    experiment (--like), or from the file of a finished test (--panel). Lists are written with
    commas, or by giving the option again: --outcome a,b is --outcome a --outcome b. What would
    not pass `check` in this project is refused, and nothing is written.

    \b
    Example:
      apologylab new late_food --incident late_delivery --coupon none,3.00EUR --timing 15min,4h
      apologylab new late_trips --library late_ride --locales en,de --coupon none,5.00USD
      apologylab new mailing --panel mailing.csv --arm segment
    """
    from apologylab import wiring
    from apologylab.service.scaffold_panel import Named
    from apologylab.wire.scaffold import Live, live

    catalogue = wiring.catalogue()
    _refuse_two_sources(incident, library, like, panel)
    _refuse_lone_locales(locales, library)
    if panel is not None:
        named = Named(arm=arm, reference=reference, unit=unit, outcomes=_split(outcome))
        files = _from_panel(name, panel, named)
    elif like:
        files = _from_other(catalogue, like, name)
    else:
        coupons, delays = _split(coupon), _split(timing or ["1h"])
        words = _from_library(library, _split(locales) or ("en",), wording, coupons)
        said = words.levels if words else _split(wording or ["none,sorry"])
        flags = Live(
            name=name,
            incident=library or incident,
            wording=said,
            coupon=coupons,
            timing=delays,
            words=words,
        )
        files = live(flags)
    _write(catalogue, name, files)


def _refuse_two_sources(incident: str, library: str, like: str, panel: Path | None) -> None:
    from apologylab.errors import InputError

    given = [flag for flag, value in
             (("--incident", incident), ("--library", library), ("--like", like),
              ("--panel", panel)) if value]  # fmt: skip
    if len(given) != 1:
        raise InputError(
            f"{' and '.join(given) or 'no source'} given",
            do="give one of --incident KIND, --library CAUSE, --like EXPERIMENT, --panel FILE",
        )


def _split(listed: Sequence[str] | None) -> tuple[str, ...]:
    """What stands in an option that was given any number of times, each with commas or without."""
    parts = (each.strip() for given in listed or () for each in given.split(","))
    return tuple(dict.fromkeys(each for each in parts if each))


def _from_other(catalogue: FolderCatalogue, other: str, name: str) -> Files:
    from apologylab.remedy.fragments import place, texts
    from apologylab.wire.scaffold import like

    experiment = catalogue.experiment(other)
    return {
        "experiment.toml": like(catalogue.source(other), name),
        "README.md": f"# {name}\n\nLike {experiment.name}. {experiment.question}\n",
        **{place(*key): text for key, text in texts(catalogue.fragments(experiment)).items()},
        **catalogue.brands(experiment),
    }


def _refuse_lone_locales(locales: Sequence[str] | None, library: str) -> None:
    from apologylab.errors import InputError

    if locales and not library:
        raise InputError("--locales is given without --library", do="add --library CAUSE")


def _from_library(
    cause: str,
    locales: tuple[str, ...],
    wording: Sequence[str] | None,
    coupons: tuple[str, ...],
) -> Words | None:
    """The words of ``cause``; all levels that there are, if ``wording`` names none."""
    from apologylab.catalogue.library import starters
    from apologylab.wire.scaffold_library import library_words

    if not cause:
        return None
    levels = _split(wording) if wording else None
    return library_words(starters(cause, locales), levels=levels, coupon=coupons)


def _from_panel(name: str, file: Path, named: Named) -> Files:
    from apologylab import wiring
    from apologylab.cli.console import show
    from apologylab.service.scaffold_panel import guess
    from apologylab.wire.scaffold import panel

    found = guess(wiring.columns(file), named)
    for said in found.said:
        show(f"guessed   {said}")
    return panel(name, file.name, found, wiring.currency())


def _write(catalogue: FolderCatalogue, name: str, files: Files) -> None:
    from apologylab.cli.console import show

    for path in catalogue.write(name, files):
        show(f"wrote     {path}")
    for found in catalogue.check(name).findings:
        show(f"{found.severity}   {found.path}: {found.what}: {found.do}")
    show(f"next      read it, put in your own words and numbers, then: apologylab check {name}")
