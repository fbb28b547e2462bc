"""``apologylab dispatch``: hand what is due to its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from apologylab.catalogue.project import Project
    from apologylab.service.dispatch import Dispatched


def dispatch(
    name: Annotated[
        str | None, typer.Argument(help="A started experiment, or its folder; by default, all.")
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Settle what is due now, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand the remedies that are due to their channel.

    Each is checked once more, in every arm alike. Running it again sends nothing twice.

    \b
    Example:
      apologylab dispatch --once
    """
    from apologylab import wiring
    from apologylab.cli import console
    from apologylab.cli.started import started_name
    from apologylab.errors import InputError
    from apologylab.wire.running import dispatched_document

    if not once:
        raise InputError("this version dispatches once", do="add --once, and call it from cron")
    project = wiring.project()
    ended = _dispatch(project, [started_name(project, name)] if name else None)
    if as_json:
        console.show_json(dispatched_document(ended))
    else:
        _show(ended)


def _dispatch(project: Project, names: list[str] | None) -> list[Dispatched]:
    """Settle what is due of ``names``, by default of all that we deliver ourselves."""
    from contextlib import ExitStack, closing

    from apologylab import wiring
    from apologylab.cli import console
    from apologylab.service.dispatch import dispatch_once
    from apologylab.service.running import pinned
    from apologylab.service.same_ledger import refuse_other

    ended: list[Dispatched] = []
    with ExitStack() as held:
        ledger = held.enter_context(closing(wiring.open_ledger(project)))
        refuse_other(ledger, environment=project.environment, simulated=project.simulated)
        held.enter_context(wiring.dispatching(project))
        now = wiring.clock()()
        for running in pinned(ledger, wiring.declaration_reader(), names):
            if names is None and running.experiment.delivery.by == "caller":
                continue
            channel = wiring.channel(running.experiment.delivery.channel, project)
            with console.progress(f"dispatching {running.name}", None) as done:
                ended.append(dispatch_once(ledger, channel, running, now=now, progress=done))
    return ended


def _show(ended: list[Dispatched]) -> None:
    from apologylab.cli import console

    rows = [
        (each.experiment, state, count)
        for each in ended
        for state, count in sorted(each.states.items())
    ]
    if rows:
        console.show_table("Settled", ("experiment", "state", "remedies"), rows)
    else:
        console.show("nothing is due")
    reasons = [
        (each.experiment, reason, count) for each in ended for reason, count in each.reasons.items()
    ]
    if reasons:
        console.show_table("Why some did not leave", ("experiment", "reason", "remedies"), reasons)
