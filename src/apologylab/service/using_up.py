"""What is given for good when it leaves: a refund, a gift, points (R14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.record.facts import Redemption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from apologylab.record.facts import Fact
    from apologylab.service.held import Owed


def used_up(held: Owed, at: datetime) -> list[Fact]:
    """The facts that ``held``, which a customer has since ``at``, is redeemed by having it.

    Its cost is in the net value as that of a coupon that was used (R16): one redemption for each
    compensation of such a kind. Nothing, where all of it is still to be used.
    """
    if held.terms is None or not held.terms.at_once:
        return []
    return [held.step("redeemed", at), *_redemptions(held, at)]


def _redemptions(held: Owed, at: datetime) -> Iterator[Redemption]:
    given = held.terms.given if held.terms is not None else {}
    for name, term in given.items():
        if term.at_once:
            yield Redemption(
                key=f"{held.reserved.assignment}/{name}",
                occurred_at=at,
                customer=held.reserved.customer,
                compensation=name,
                amount=term.amount,
                cost_amount=term.cost,
                currency=held.reserved.currency,
                assignment=held.reserved.assignment,
            )
