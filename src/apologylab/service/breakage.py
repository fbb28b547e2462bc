"""Where all compensations stand, by name: what was given, used, and never used (breakage)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apologylab.service.held import Owed


@dataclass(frozen=True, kw_only=True)
class Stand:
    """How many compensations of one name and currency stand in each state, and minor units there.

    ``compensation`` joins the names of what an arm gives together; what was chosen of a menu stands
    under its own.
    """

    experiment: str
    compensation: str
    currency: str
    n: dict[str, int] = field(default_factory=dict)
    amount: dict[str, int] = field(default_factory=dict)

    @property
    def breakage(self) -> float | None:
        """Share of those that are used or expired that expired; None while there are none.

        >>> Stand(experiment="e", compensation="c", currency="USD", n={"expired": 1, "redeemed": 3}
        ...     ).breakage
        0.25
        """
        unused = self.n.get("expired", 0)
        ended = unused + self.n.get("redeemed", 0)
        return unused / ended if ended else None


def stands(given: Iterable[Owed]) -> tuple[Stand, ...]:
    """Where ``given`` stand, by experiment, name and currency."""
    found: dict[tuple[str, str, str], Stand] = {}
    for each in given:
        first = each.reserved
        key = (first.experiment, first.compensation, first.currency)
        if key not in found:
            experiment, name, currency = key
            found[key] = Stand(experiment=experiment, compensation=name, currency=currency)
        stand = found[key]
        stand.n[each.state] = stand.n.get(each.state, 0) + 1
        stand.amount[each.state] = stand.amount.get(each.state, 0) + first.amount
    return tuple(found[key] for key in sorted(found))
