"""Redemptions on orders below the least that they are for: reported, and counted all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.record.facts import Order

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from apologylab.service.ports import Ledger
    from apologylab.service.redeeming import Match


def below_basket(ledger: Ledger, found: Iterable[Match], *, now: datetime) -> tuple[str, ...]:
    """Keys of redemptions whose order, at list price, is less than ``minimum_basket``.

    One that names no order, or one that is not recorded, says nothing of it.
    """
    asked = [(each.redemption, each.basket) for each in found if each.basket is not None]
    named = sorted({each.order for each, _ in asked if each.order is not None})
    if not named:
        return ()
    with ledger.transaction(recorded_at=now) as work:
        orders = {each.key: each for each in work.find_among(Order, "key", named)}
    return tuple(
        sorted(
            redemption.key
            for redemption, basket in asked
            if (order := orders.get(redemption.order or "")) is not None
            and order.currency == redemption.currency
            and order.list_amount < basket
        )
    )
