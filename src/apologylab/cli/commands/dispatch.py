"""``apologylab dispatch``: hand what is due to its channel, as long as it runs or once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from apologylab.service.dispatch import Dispatched

Holder = Annotated[
    str | None, typer.Option(help="What this worker is called; by default host:process.")
]
Lease = Annotated[
    int, typer.Option(min=1, max=86_400, help="Others may take over what it holds after this.")
]


def dispatch(
    name: Annotated[
        str | None, typer.Argument(help="A started experiment, or its folder; by default, all.")
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Settle what is due now, and end.")] = False,
    holder: Holder = None,
    lease_seconds: Lease = 120,
    as_json: AsJson = False,
) -> None:
    """Hand the remedies that are due to their channel, until it is told to end (SIGTERM, Ctrl-C).

    Each is checked once more, in every arm alike. Any number may run at once, and none sends twice.

    \b
    Example:
      apologylab dispatch --once
    """
    from apologylab import wiring
    from apologylab.cli import console
    from apologylab.cli.dispatcher import Dispatcher
    from apologylab.cli.started import started_name
    from apologylab.wire.running import dispatched_document

    project = wiring.project()
    names = [started_name(project, name)] if name else None
    with Dispatcher(project, names, holder=holder, lease_seconds=lease_seconds) as dispatcher:
        if once:
            with console.progress("dispatching", None) as done:
                dispatcher.turn(done)
        else:
            dispatcher.keep_at()
    if as_json:
        console.show_json(dispatched_document(dispatcher.ended))
    else:
        _show(dispatcher.ended, idle="nothing is due" if once else "nothing was due")


def _show(ended: list[Dispatched], *, idle: str) -> None:
    from apologylab.cli import console
    from apologylab.service.approving import UNAPPROVED

    rows = [
        (each.experiment, state, count)
        for each in ended
        for state, count in sorted(each.states.items())
    ]
    if rows:
        console.show_table("Settled", ("experiment", "state", "remedies"), rows)
    elif not any(each.postponed or each.dead for each in ended):
        console.show(idle)
    for title, counted in (
        ("Why some did not leave", [(each.experiment, each.reasons) for each in ended]),
        ("Tried again later", [(each.experiment, each.postponed) for each in ended]),
        ("Set aside: see `apologylab letters`", [(each.experiment, each.dead) for each in ended]),
    ):
        reasons = [(of, why, count) for of, found in counted for why, count in found.items()]
        if reasons:
            console.show_table(title, ("experiment", "reason", "remedies"), reasons)
    for each in ended:
        if UNAPPROVED in each.postponed:
            console.show(f"next  apologylab approve {each.experiment}")
