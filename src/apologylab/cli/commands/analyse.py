"""``apologylab analyse NAME``: effects, with intervals and counts."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, AsOf, Name, PanelFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.cli.subject import Subject
    from apologylab.inference.replay import Replays
    from apologylab.inference.results import Analysis


def analyse(
    name: Name,
    panel: PanelFile = None,
    as_of: AsOf = None,
    *,
    unplanned: Annotated[
        bool, typer.Option("--unplanned", help="Show contrasts before the declared end; recorded.")
    ] = False,
    estimator: Annotated[
        list[str] | None,
        typer.Option(
            "--estimator",
            help='Instead of the plan\'s, such as "lin(errors=HC3)"; may be given again.',
            metavar="NAME(OPTION=VALUE)",
        ),
    ] = None,
    replay: Annotated[
        int | None,
        typer.Option(
            "--replay", help="A/A replay: deal the arms anew so often and count false alarms."
        ),
    ] = None,
    standing: Annotated[
        Path | None,
        typer.Option(
            help="A file that keeps the ledger's tallies: next time only what changed is tallied.",
            metavar="FILE",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the effects of an experiment, with intervals, counts and checks.

    A started experiment is read from the ledger. Before its declared end contrasts are withheld,
    unless [plan] sequential pays for looks.

    \b
    Example:
      apologylab analyse late_ride_apology --json
      apologylab analyse late_ride_apology --standing late_ride_apology.standing
      apologylab analyse hillstrom --panel hillstrom_email_2008.csv
      apologylab analyse hillstrom --panel hillstrom_email_2008.csv --estimator difference_in_means
    """
    from apologylab import wiring
    from apologylab.cli.console import show, show_json
    from apologylab.cli.subject import subject
    from apologylab.errors import InputError
    from apologylab.inference.replay import Replays
    from apologylab.inference.table import as_text
    from apologylab.report.beside import as_text as beside_text
    from apologylab.service.beside import beside
    from apologylab.wire.results import analysis_document

    if unplanned and panel is not None:
        raise InputError("--unplanned needs a ledger; a file has ended", do="leave it out")
    now, told = wiring.clock()(), None
    replays = None if replay is None else Replays(replay)
    with subject(name, panel=panel, as_of=as_of, standing=standing) as found:
        analysis = _analysed(
            found, now=now, see_early=unplanned, instead=estimator or (), replays=replays
        )
        if found.ledger is not None:
            told = beside(found.experiment, found.panel, found.ledger, as_of=found.as_of)
    if as_json:
        show_json(analysis_document(analysis) | {"beside": asdict(told) if told else None})
    else:
        show(as_text(analysis))
        if told is not None:
            show(f"\n{beside_text(told)}")


def _analysed(
    found: Subject,
    *,
    now: datetime,
    see_early: bool,
    instead: Sequence[str],
    replays: Replays | None,
) -> Analysis:
    """Of a file; or of a ledger, and whether the declaration was edited since the start."""
    from apologylab.service import analyse as service

    if found.ledger is None:
        return service.analyse_panel(
            found.experiment, found.panel, now=now, instead=instead, replays=replays
        )
    analysis = service.analyse(
        found.experiment,
        found.panel,
        found.ledger,
        as_of=found.as_of,
        now=now,
        see_early=see_early,
        instead=instead,
        replays=replays,
    )
    departures = (*found.edited, *analysis.deviations_from_plan)
    return replace(analysis, deviations_from_plan=departures)
