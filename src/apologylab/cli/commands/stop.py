"""``apologylab stop``: enrol no more."""

from __future__ import annotations

from typing import Annotated

import typer

from apologylab.cli.options import AsJson, Name


def stop(
    name: Name,
    *,
    because: Annotated[
        str, typer.Option(help="Why; stored and shown with every result.")
    ] = "stopped by hand",
    as_json: AsJson = False,
) -> None:
    """Stop an experiment: no more units are enrolled.

    That is final. Remedies that are due later are still sent, and outcomes still come in.

    \b
    Example:
      apologylab stop late_ride_apology --because "the season is over"
    """
    from contextlib import closing

    from apologylab import wiring
    from apologylab.cli.begun import show_begun
    from apologylab.cli.started import started_name
    from apologylab.service.same_ledger import refuse_other
    from apologylab.service.start import stop as end

    project, now = wiring.project(), wiring.clock()()
    with closing(wiring.open_ledger(project)) as ledger:
        refuse_other(ledger, environment=project.environment, simulated=project.simulated)
        begun = end(ledger, started_name(project, name), because=because, now=now)
    show_begun(begun, as_json=as_json)
