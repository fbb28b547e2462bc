"""``apologylab liabilities``: bring what was given up to date with what was used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.liabilities import Settled


def liabilities(*, as_json: AsJson = False) -> None:
    """Mark compensations as chosen, redeemed or expired, by what the ledger was told of them.

    `dispatch` does the same now and then. A redemption counts against the customer's earliest
    compensation of its name that could be used, or the assignment that it names. One that nobody
    used expires when the feed of redemptions is complete through its last day, or after a week.

    \b
    Example:
      apologylab liabilities
    """
    from apologylab import wiring
    from apologylab.cli.console import show_json
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.service.liabilities import settle_liabilities
    from apologylab.service.running import pinned
    from apologylab.wire.money import settled_document

    project, now = wiring.project(), wiring.clock()()
    with own_ledger(project) as ledger:
        every = pinned(ledger, wiring.declaration_reader())
        settled = settle_liabilities(ledger, every, now=now)
    if as_json:
        show_json(settled_document(settled))
    else:
        _show(settled)


def _show(settled: Settled) -> None:
    from apologylab.cli.console import show
    from apologylab.wire.trail import counted

    show(f"redeemed   {settled.redeemed:,}")
    show(f"expired    {settled.expired:,}")
    if settled.chosen:
        show(f"chosen     {settled.chosen:,}")
    odd = {
        "too late": (settled.late, "used after the end, or never sent"),
        "strange": (settled.strange, "nothing of that name was left to use"),
        "too small": (settled.small, "the order is below minimum_basket; counted all the same"),
    }
    for said, (keys, why) in odd.items():
        if keys:
            found = counted(len(keys), "redemption", "redemptions")
            show(f"{said:10} {found} ({why}): {_first(keys)}")
    if settled.refused:
        told = [f"{key} ({because})" for key, because in settled.refused]
        found = counted(len(told), "choice does", "choices do")
        show(f"refused    {found} not count: {_first(told)}")
    _show_stands(settled)


def _first(told: Sequence[str]) -> str:
    return ", ".join(told[:5]) + (", ..." if len(told) > 5 else "")


def _show_stands(settled: Settled) -> None:
    """How many of each name stand where, and which share was never used."""
    from apologylab.cli.console import show, show_table

    if not settled.stands:
        return
    states = ("reserved", "committed", "chosen", "redeemed", "expired", "revoked", "released")
    rows = [
        (
            each.experiment,
            each.compensation,
            each.currency,
            *(each.n.get(state, 0) for state in states),
            "-" if each.breakage is None else f"{100 * each.breakage:.1f}%",
        )
        for each in settled.stands
    ]
    show()
    columns = ("experiment", "compensation", "currency", *states, "breakage")
    show_table("Where they stand; breakage: of those used or expired, never used", columns, rows)
