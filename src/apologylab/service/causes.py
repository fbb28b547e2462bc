"""What goes wrong, whom it hits and what it costs: the cheapest apology is the one not needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from apologylab.service.trends import Trend, trend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

By = Literal["cause", "department", "kind"]
UNKNOWN: Final = "unknown"
"""A group of incidents of which nobody said it."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a ledger says of the incidents of one group.

    ``again`` incidents hit a customer whom the group had hit before in the same weeks. Hours are
    medians over those that were answered, or resolved. ``lost`` and the costs are by currency, in
    minor units: ``given`` is compensation committed or used, at face.
    """

    name: str
    incidents: int
    customers: int
    again: int
    weeks: tuple[int, ...]
    aware: int
    complaints: int
    escalated: int
    told: float | None
    effort: float | None
    lost_minutes: int
    lost: Mapping[str, int]
    answered: int
    hours_to_answer: float | None
    resolved: int
    hours_to_resolution: float | None
    reopened: int
    asked_for: Mapping[str, int]
    fault: Mapping[str, int]
    given: Mapping[str, int]
    goodwill: Mapping[str, int]

    def cost(self, currency: str) -> int:
        """Compensation and goodwill in one currency, in minor units."""
        return self.given.get(currency, 0) + self.goodwill.get(currency, 0)


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One group and its trend; None where too few say anything."""

    counted: Counted
    trend: Trend | None


@dataclass(frozen=True, kw_only=True)
class Causes:
    """The groups of ``weeks`` weeks up to ``until``, the dearest first.

    ``level`` is that of all intervals of trends together (Bonferroni).
    """

    by: By
    weeks: int
    since: datetime
    until: datetime
    currency: str
    causes: tuple[Cause, ...] = ()
    level: float = 0.95
    other_currencies: tuple[str, ...] = field(default=())
    """Of amounts that stand beside and are not in the order."""


def causes(
    counted: Sequence[Counted],
    *,
    by: By,
    since: datetime,
    until: datetime,
    currency: str,
    alpha: float = 0.05,
) -> Causes:
    """The groups with their trends, by cost in ``currency``, then by customers hit.

    Weeks before the first in which any incident was recorded are no part of a trend.
    """
    weeks = len(counted[0].weeks) if counted else 0
    begun = _begun(counted)
    asked = [each for each in counted if trend(each.weeks[begun:]) is not None]
    each_alpha = alpha / max(len(asked), 1)
    ordered = sorted(
        counted,
        key=lambda each: (-each.cost(currency), -each.customers, -each.incidents, each.name),
    )
    spoken = {code for each in counted for code in (*each.given, *each.goodwill, *each.lost)}
    return Causes(
        by=by,
        weeks=weeks,
        since=since,
        until=until,
        currency=currency,
        causes=tuple(
            Cause(counted=each, trend=trend(each.weeks[begun:], alpha=each_alpha))
            for each in ordered
        ),
        level=1 - alpha,
        other_currencies=tuple(sorted(spoken - {currency})),
    )


def _begun(counted: Sequence[Counted]) -> int:
    """The first of the weeks in which anything was recorded: before it nobody counted."""
    weeks = zip(*(each.weeks for each in counted), strict=True)
    return next((at for at, week in enumerate(weeks) if any(week)), 0)
