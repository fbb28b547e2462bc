"""``apologylab rehearse NAME --to ADDRESS``: get every arm oneself, before customers do."""

from __future__ import annotations

from typing import Annotated

import typer

from apologylab.cli.options import AsJson, Fields, Name


def rehearse(
    name: Name,
    *,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="Your address on the channel; again for another channel.",
            metavar="ADDRESS",
        ),
    ] = None,
    fields: Fields = None,
    as_json: AsJson = False,
) -> None:
    """Send every arm in every language to yourself, through the channels that customers get.

    It leaves no trace in the ledger: no customer, budget or outcome hears of it. Subjects begin
    with [TEST arm, language] and the names of coupons with TEST; the words are those that customers
    would read.

    \b
    Example:
      apologylab rehearse late_ride_apology --to you@shop.example
      apologylab rehearse late_ride_apology --to you@shop.example --to +37060000000
    """
    from collections import Counter

    from apologylab import wiring
    from apologylab.cli import exits
    from apologylab.cli.console import show_json, show_table
    from apologylab.cli.previewed import parsed
    from apologylab.design.routes import channels
    from apologylab.errors import StateError
    from apologylab.service.rehearse import rehearse as rehearsed
    from apologylab.wire.previewed import rehearsal_document

    project = wiring.project()
    catalogue = wiring.catalogue(project)
    experiment = catalogue.experiment(name)
    outlets = {
        each: wiring.issuing(wiring.channel(each, project), experiment, project)
        for each in channels(experiment)
    }
    try:
        found = rehearsed(
            wiring.throwaway_ledger(simulated=project.simulated),
            outlets,
            experiment,
            catalogue.fragments(experiment),
            to=to or [],
            at=wiring.clock()(),
            fields=parsed(fields or []),
        )
    finally:
        for each in outlets.values():
            each.close()
    if as_json:
        show_json(rehearsal_document(experiment, found))
    else:
        states = Counter(each.state for each in found)
        title = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        rows = [[each.arm, each.locale, each.channel, each.state, each.because] for each in found]
        show_table(title, ["arm", "locale", "channel", "state", "because"], rows)
    if any(each.state != "sent" for each in found):
        raise typer.Exit(exits.CODES[StateError])
