"""``apologylab simulate NAME``: fill a simulated ledger from a world with known truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import Name

if TYPE_CHECKING:
    from apologylab.service.simulate import Lived


def simulate(
    name: Name,
    *,
    world: Annotated[str, typer.Option(help="The world: uber_2017 or null.")] = "uber_2017",
    customers: Annotated[int, typer.Option(min=100, help="Customers that an incident hits.")] = (
        20_000
    ),
    seed: Annotated[int, typer.Option(help="Of the world's randomness.")] = 2017,
) -> None:
    """Start an experiment and let a world live through it: incidents, remedies, orders, contacts.

    The project's ledger must have been made with `apologylab init --simulated`. The truth is
    written beside it, and `apologylab report` shows it beside each estimate.

    \b
    Example:
      apologylab init --simulated
      apologylab simulate late_ride_apology --customers 5000
    """
    from apologylab import wiring
    from apologylab.cli.console import show
    from apologylab.cli.dossier import truth_file
    from apologylab.cli.living import live
    from apologylab.cli.own_ledger import own_ledger

    project = wiring.project()
    with own_ledger(project) as ledger:
        lived = live(project, ledger, name, of=world, customers=customers, seed=seed)
    for assumed in _assumed(world, lived):
        show(assumed)
    show(f"SIMULATED {lived.incidents:,} incidents and {lived.facts:,} orders and other facts")
    show(
        f"all is mature on {lived.ended:%Y-%m-%d}; the truth is in {truth_file(project.root, name)}"
    )
    show(f"next      apologylab decide {name}")


def _assumed(name: str, lived: Lived) -> list[str]:
    """What the world could not know of the experiment, and what it made of that."""
    from apologylab.decision.value import currency
    from apologylab.simulation.truth import unknown_levels
    from apologylab.simulation.worlds import world

    of, money = world(name), currency(lived.experiment)
    said = []
    if levels := unknown_levels(of, lived.experiment):
        said.append(f"world {name} knows nothing of {', '.join(levels)}: nothing comes of it there")
    if money != of.currency:
        said.append(f"world {name} counts in {of.currency}: its amounts are taken as {money}")
    return said
