"""``apologylab causes``: what goes wrong, whom it hits, what it costs, and whether it grows."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from apologylab.cli.options import AsJson, AsOf


def causes(
    *,
    by: Annotated[
        Literal["cause", "department", "kind"],
        typer.Option(help="What incidents are counted by: cause, department or kind."),
    ] = "cause",
    weeks: Annotated[int, typer.Option(help="How many weeks up to now.", min=1, max=520)] = 12,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Count incidents by cause, with what they cost: the cheapest apology is the one not needed.

    The dearest come first. A trend is shown with an interval; rising or falling is only said where
    the whole interval says so, for all rows together. Causes are those of [taxonomy] in
    apologylab.toml and those that every company has.

    \b
    Example:
      apologylab causes
      apologylab causes --by department --weeks 26 --json
    """
    from contextlib import closing
    from datetime import timedelta

    from apologylab import wiring
    from apologylab.cli.causes_screen import as_text
    from apologylab.cli.console import show, show_json
    from apologylab.cli.subject import moment
    from apologylab.service.causes import causes as found_of
    from apologylab.wire.causes import causes_document

    project, now = wiring.project(), wiring.clock()()
    until = moment(as_of, now=now) if as_of else now
    with closing(wiring.open_ledger(project)) as ledger:
        counted = wiring.incidents_counted(
            ledger, project, by=by, until=until, weeks=weeks, as_of=until
        )
        simulated = ledger.identity.simulated
    found = found_of(
        counted,
        by=by,
        since=until - timedelta(weeks=weeks),
        until=until,
        currency=project.currency,
    )
    if as_json:
        show_json(causes_document(found) | {"simulated": simulated})
    else:
        show(as_text(found, simulated=simulated))
