"""The caps of an experiment at a moment: each is one row of the ledger (R5, R14).

::

    <experiment>                  budget.total and budget.uses, and the seal of a spent phase
    <experiment>/arm/<arm>        budget.per_arm
    <experiment>/period/<n>       budget.per_period: stretch n since 1970
    <experiment>/units/<date>     units_per_day: units drawn on that day, never given back
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.service.ports import Standing
    from apologylab.service.running import Running

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BUDGET_SPENT: Final = "budget.total: what is left does not cover the dearest arm"


class Cap(NamedTuple):
    """One row's caps in minor units and uses, and the most that one unit can add to it.

    ``is_final``: what is spent stays spent, and the phase with it.
    """

    row: str
    amount: int | None
    uses: int | None
    dearest: int
    amount_spent: str
    uses_spent: str
    is_final: bool

    def admits(self, standing: Standing) -> int | None:
        """How many units it covers whatever they draw: floor(left / dearest); None for any."""
        found = []
        if self.amount is not None and self.dearest:
            found.append((self.amount - standing.reserved) // self.dearest)
        if self.uses is not None:
            found.append(self.uses - standing.uses)
        return max(min(found), 0) if found else None

    def because(self, standing: Standing) -> str:
        """Which of its two caps admits so few."""
        is_uses = self.uses is not None and self._replace(amount=None).admits(standing)
        return self.uses_spent if is_uses == self.admits(standing) else self.amount_spent


def money_caps(running: Running, now: datetime) -> list[Cap]:
    """The caps on what is given; none where nothing is given."""
    budget = running.experiment.budget
    if budget is None or not running.dearest:
        return []
    whole = Cap(
        row=running.name,
        amount=budget.total.minor,
        uses=budget.uses,
        dearest=running.dearest,
        amount_spent=BUDGET_SPENT,
        uses_spent="budget.uses: all of them are given",
        is_final=True,
    )
    return [whole, *_arm_caps(running), *_period_cap(running, now)]


def _arm_caps(running: Running) -> Iterator[Cap]:
    budget = running.experiment.budget
    for arm, cap in budget.per_arm.items() if budget else ():
        found = running.gives[arm]
        if found is not None and arm in running.reachable:
            yield Cap(
                row=f"{running.name}/arm/{arm}",
                amount=cap.amount.minor if cap.amount else None,
                uses=cap.uses,
                dearest=found.amount,
                amount_spent=f"budget.per_arm: what is left for {arm} does not cover one more",
                uses_spent=f"budget.per_arm: all uses of {arm} are given",
                is_final=True,
            )


def _period_cap(running: Running, now: datetime) -> Iterator[Cap]:
    budget = running.experiment.budget
    cap = budget.per_period if budget else None
    if cap is not None:
        number = period(now, cap.days)
        until = f"{EPOCH + timedelta(days=(number + 1) * cap.days):%Y-%m-%d}"
        yield Cap(
            row=f"{running.name}/period/{number}",
            amount=cap.amount.minor if cap.amount else None,
            uses=cap.uses,
            dearest=running.dearest,
            amount_spent=f"budget.per_period: what is left until {until} does not cover the "
            "dearest arm",
            uses_spent=f"budget.per_period: all uses until {until} are given",
            is_final=False,
        )


def period(now: datetime, days: int) -> int:
    """Which stretch of ``days`` days since 1970, in UTC, holds ``now``; the first is 0.

    >>> period(datetime(1970, 1, 7, 23, 59, tzinfo=UTC), 7), period(EPOCH + timedelta(7), 7)
    (0, 1)
    """
    return (now - EPOCH).days // days


def units_cap(running: Running, phase: int, now: datetime) -> Cap | None:
    """The ramp of ``phase`` on the day, in UTC, that holds ``now``."""
    allocation = running.experiment.allocation
    planned = allocation if phase == 1 else allocation.phases[phase - 2]
    if planned.units_per_day is None:
        return None
    day = f"{now.astimezone(UTC):%Y-%m-%d}"
    return Cap(
        row=f"{running.name}/units/{day}",
        amount=None,
        uses=planned.units_per_day,
        dearest=0,
        amount_spent="",
        uses_spent=f"allocation.units_per_day: {planned.units_per_day} were drawn on {day}",
        is_final=False,
    )
