"""``apologylab liabilities``: bring what was given up to date with what was used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from apologylab.service.liabilities import Settled


def liabilities(*, as_json: AsJson = False) -> None:
    """Mark compensations as redeemed or expired, by what the ledger was told of them.

    `dispatch` does the same now and then. A redemption counts against the customer's earliest
    compensation of its name that could be used, or the assignment that it names. One that nobody
    used expires when the feed of redemptions is complete through its last day, or after a week.

    \b
    Example:
      apologylab liabilities
    """
    from contextlib import closing

    from apologylab import wiring
    from apologylab.cli.console import show_json
    from apologylab.service.liabilities import settle_liabilities
    from apologylab.service.running import pinned
    from apologylab.service.same_ledger import refuse_other
    from apologylab.wire.money import settled_document

    project, now = wiring.project(), wiring.clock()()
    with closing(wiring.open_ledger(project)) as ledger:
        refuse_other(ledger, environment=project.environment, simulated=project.simulated)
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
    odd = {
        "too late": (settled.late, "used after the end, or never sent"),
        "strange": (settled.strange, "nothing of that name was left to use"),
    }
    for said, (keys, why) in odd.items():
        if keys:
            first = ", ".join(keys[:5]) + (", ..." if len(keys) > 5 else "")
            show(f"{said:10} {counted(len(keys), 'redemption', 'redemptions')} ({why}): {first}")
