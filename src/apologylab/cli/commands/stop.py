"""``apologylab stop``: enrol no more, or end it altogether."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, By, Name

if TYPE_CHECKING:
    from apologylab.catalogue.project import Project
    from apologylab.service.ending import How


def stop(
    name: Name,
    *,
    because: Annotated[
        str, typer.Option(help="Why; stored, and shown by `status` and `audit`.")
    ] = "stopped by hand",
    drain: Annotated[
        bool, typer.Option("--drain", help="Draw nothing for anybody; what is owed still leaves.")
    ] = False,
    kill: Annotated[
        bool, typer.Option("--kill", help="Let nothing leave any more: the kill switch.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Stop an experiment: no new units are enrolled.

    Units enrolled already keep their arm at later incidents, remedies that are due are still sent,
    and outcomes still come in. --drain draws nothing for them either; --kill stops sending too,
    within a second everywhere. An end can be made stronger, never taken back: a phase that the
    plan has, or a higher `version`, enrols anew after a stop, only a higher `version` after others.

    \b
    Example:
      apologylab stop late_ride_apology --because "the season is over"
      apologylab stop late_ride_apology --kill --because "the coupon does not work"
    """
    from apologylab import wiring
    from apologylab.cli.begun import show_begun
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.started import started_name
    from apologylab.cli.who import who
    from apologylab.service.ending import end
    from apologylab.service.running import pinned

    how = _how(drain=drain, kill=kill)
    project, now = wiring.project(), wiring.clock()()
    with own_ledger(project) as ledger:
        named = started_name(project, name)
        begun = end(ledger, named, because=because, now=now, how=how, by=who(by))
        (running,) = pinned(ledger, wiring.declaration_reader(), [named])
    show_begun(begun, as_json=as_json)
    if how == "kill" and running.experiment.delivery.by != "caller":
        _settle(project, named)


def _settle(project: Project, name: str) -> None:
    """End what waits now, so that its money is free; workers that are at it do so themselves."""
    from apologylab.cli.dispatcher import Dispatcher

    with Dispatcher(project, [name], holder=None, lease_seconds=120) as dispatcher:
        dispatcher.turn()


def _how(*, drain: bool, kill: bool) -> How:
    if drain and kill:
        raise typer.BadParameter("--drain and --kill exclude each other")
    return "kill" if kill else "drain" if drain else "stop"
