"""``apologylab start``: pin a definition and open enrolment."""

from __future__ import annotations

from typing import Annotated

import typer

from apologylab.cli.options import AsJson, By, Name


def start(
    name: Name,
    *,
    phase: Annotated[
        int | None, typer.Option(min=1, help="Begin this declared phase; the next one only.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Start an experiment: pin its definition and open enrolment.

    The declaration and its messages are checked and stored as they stand; from then on an edit
    needs a higher `version`. Starting again changes nothing. A phase enrols anew after a stop or a
    spent cap; after `stop --drain` or `--kill` only a higher `version` does. Each channel that it
    needs must be in `apologylab.toml` and able to carry it, and its money must be the project's.

    \b
    Example:
      apologylab start late_ride_apology
      apologylab start late_ride_apology --phase 2
    """
    from apologylab import wiring
    from apologylab.cli.begun import anew, show_begun
    from apologylab.cli.console import show
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.who import who
    from apologylab.service.start import start as begin

    project, now = wiring.project(), wiring.clock()()
    with own_ledger(project) as ledger:
        catalogue = wiring.catalogue(project)
        experiment = catalogue.experiment(name)
        wiring.refuse_misfits(experiment, project)
        wiring.refuse_unready_channels(experiment, project)
        begun = begin(ledger, catalogue, name, now=now, phase=phase, by=who(by))
    show_begun(begun, as_json=as_json)
    if not as_json and (said := anew(begun)):
        show(said)
