"""``apologylab analyse NAME``: effects, with intervals and counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def analyse(
    name: Annotated[str, typer.Argument(help="an experiment's name, its folder or its file")],
    panel: Annotated[
        Path | None, typer.Option(help="CSV or Parquet file of finished outcomes, one row a unit")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="only what the ledger held by then: 2026-09-30 (00:00 UTC)")
    ] = None,
    *,
    unplanned: Annotated[
        bool, typer.Option("--unplanned", help="show contrasts before the declared end; recorded")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Estimate the effects of an experiment, with intervals, counts and checks.

    A started experiment is read from the ledger. Before its declared end contrasts are withheld.

    \b
    Example:
      apologylab analyse late_ride_apology --json
      apologylab analyse hillstrom --panel hillstrom_email_2008.csv
    """
    from apologylab import wiring
    from apologylab.cli.console import show, show_json
    from apologylab.cli.subject import subject
    from apologylab.inference.table import as_text
    from apologylab.service import analyse as service
    from apologylab.wire.results import analysis_document

    found = subject(name, panel=panel, as_of=as_of)
    now = wiring.clock()()
    if found.ledger is None:
        analysis = service.analyse_panel(found.experiment, found.panel, now=now)
    else:
        analysis = service.analyse(
            found.experiment,
            found.panel,
            found.ledger,
            as_of=found.as_of,
            now=now,
            see_early=unplanned,
        )
        analysis = replace(
            analysis, deviations_from_plan=(*found.edited, *analysis.deviations_from_plan)
        )
    if as_json:
        show_json(analysis_document(analysis))
    else:
        show(as_text(analysis))
