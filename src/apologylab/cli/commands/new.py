"""``apologylab new NAME``: a declaration that passes ``check``, to be made one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from apologylab.catalogue.folder import FolderCatalogue
    from apologylab.wire.scaffold import Files


def new(
    name: Annotated[str, typer.Argument(help="Name of the experiment and of its folder.")],
    *,
    incident: Annotated[str, typer.Option(help="Kind of incident, like late_delivery.")] = "",
    wording: Annotated[str, typer.Option(help="Levels, like none,notice,sorry.")] = "none,sorry",
    coupon: Annotated[str, typer.Option(help="Levels, like none,3.00EUR.")] = "",
    timing: Annotated[str, typer.Option(help="Delays, like 15min,4h.")] = "1h",
    like: Annotated[str, typer.Option(help="An experiment to copy.")] = "",
    panel: Annotated[Path | None, typer.Option(help="CSV or Parquet of a finished test.")] = None,
    arm: Annotated[str | None, typer.Option(help="The panel's column of the arm.")] = None,
    reference: Annotated[str | None, typer.Option(help="The panel's reference arm.")] = None,
    outcome: Annotated[str, typer.Option(help="The panel's outcomes, the primary first.")] = "",
) -> None:
    """Write a new experiment: its declaration, messages and README.

    From flags, from another experiment (--like), or from the file of a finished test (--panel).

    \b
    Example:
      apologylab new late_food --incident late_delivery --coupon none,3.00EUR --timing 15min,4h
      apologylab new mailing --panel mailing.csv --arm segment
    """
    from apologylab import wiring
    from apologylab.wire.scaffold import Live, live

    catalogue = wiring.catalogue()
    _refuse_two_sources(incident, like, panel)
    if panel is not None:
        files = _from_panel(name, panel, arm=arm, reference=reference, outcomes=_split(outcome))
    elif like:
        files = _from_other(catalogue, like, name)
    else:
        levels = {"wording": _split(wording), "coupon": _split(coupon), "timing": _split(timing)}
        files = live(Live(name=name, incident=incident, **levels))
    _write(catalogue, name, files)


def _refuse_two_sources(incident: str, like: str, panel: Path | None) -> None:
    from apologylab.errors import InputError

    given = [flag for flag, value in
             (("--incident", incident), ("--like", like), ("--panel", panel)) if value]  # fmt: skip
    if len(given) != 1:
        raise InputError(
            f"{' and '.join(given) or 'no source'} given",
            do="give one of --incident KIND, --like EXPERIMENT, --panel FILE",
        )


def _split(listed: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in listed.split(",") if each.strip())


def _from_other(catalogue: FolderCatalogue, other: str, name: str) -> Files:
    from apologylab.remedy.fragments import place
    from apologylab.wire.scaffold import like

    experiment = catalogue.experiment(other)
    texts = catalogue.fragments(experiment)
    return {
        "experiment.toml": like(catalogue.source(other), name),
        "README.md": f"# {name}\n\nLike {experiment.name}. {experiment.question}\n",
        **{place(*key): text for key, text in texts.items()},
    }


def _from_panel(
    name: str, file: Path, *, arm: str | None, reference: str | None, outcomes: tuple[str, ...]
) -> Files:
    from apologylab import wiring
    from apologylab.cli.console import show
    from apologylab.service.scaffold_panel import guess
    from apologylab.wire.scaffold import panel

    found = guess(wiring.columns(file), arm=arm, reference=reference, outcomes=outcomes)
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
