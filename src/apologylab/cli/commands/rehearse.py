"""``apologylab rehearse NAME --to ADDRESS``: get every arm oneself, before customers do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, Fields, Name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from apologylab.catalogue.project import Project
    from apologylab.design.experiment import Experiment
    from apologylab.service.channel import Channel
    from apologylab.service.rehearse import Rehearsed


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
    from apologylab import wiring
    from apologylab.cli import exits
    from apologylab.cli.console import show_json
    from apologylab.cli.previewed import parsed
    from apologylab.errors import StateError
    from apologylab.service.rehearse import rehearse as rehearsed
    from apologylab.wire.previewed import rehearsal_document

    project = wiring.project()
    catalogue = wiring.catalogue(project)
    experiment = catalogue.experiment(name)
    with _outlets(experiment, project) as outlets:
        found = rehearsed(
            wiring.throwaway_ledger(simulated=project.simulated),
            outlets,
            experiment,
            catalogue.fragments(experiment),
            to=to or [],
            at=wiring.clock()(),
            fields=parsed(fields or []),
        )
    if as_json:
        show_json(rehearsal_document(experiment, found))
    else:
        _show(found)
    if any(each.state != "sent" for each in found):
        raise typer.Exit(exits.CODES[StateError])


@contextmanager
def _outlets(experiment: Experiment, project: Project) -> Iterator[Mapping[str, Channel]]:
    """The experiment's channels by name; closed at the end."""
    from apologylab import wiring
    from apologylab.design.routes import channels

    outlets = {
        each: wiring.issuing(wiring.channel(each, project, rehearsal=True), experiment, project)
        for each in channels(experiment)
    }
    try:
        yield outlets
    finally:
        for each in outlets.values():
            each.close()


def _show(found: Sequence[Rehearsed]) -> None:
    from collections import Counter

    from apologylab.cli.console import show_table

    states = Counter(each.state for each in found)
    title = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    rows = [[each.arm, each.locale, each.channel, each.state, each.because] for each in found]
    show_table(title, ["arm", "locale", "channel", "state", "because"], rows)
