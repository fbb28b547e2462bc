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

    from apologylab.design.experiment import Experiment
    from apologylab.service.giving import Giving
    from apologylab.service.ports import Standing

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BUDGET_SPENT: Final = "budget.total: what is left does not cover the dearest arm"


class Cap(NamedTuple):
    """One row's caps in minor units and uses, and the most that one unit can add to it.

    ``name`` is what people call it; ``is_final``: what is spent stays spent, and the phase with it.
    """

    name: str
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


def money_caps(giving: Giving, now: datetime) -> list[Cap]:
    """The caps on what is given; none where nothing is given."""
    name, budget = giving.experiment.name, giving.experiment.budget
    if budget is None or not giving.dearest:
        return []
    whole = Cap(
        name="in all",
        row=name,
        amount=budget.total.minor,
        uses=budget.uses,
        dearest=giving.dearest,
        amount_spent=BUDGET_SPENT,
        uses_spent="budget.uses: all of them are given",
        is_final=True,
    )
    return [whole, *_arm_caps(giving), *_period_cap(giving, now)]


def _arm_caps(giving: Giving) -> Iterator[Cap]:
    name, budget = giving.experiment.name, giving.experiment.budget
    for arm, cap in budget.per_arm.items() if budget else ():
        found = giving.by_arm[arm]
        if found is not None and arm in giving.reachable:
            yield Cap(
                name=f"arm {arm}",
                row=f"{name}/arm/{arm}",
                amount=cap.amount.minor if cap.amount else None,
                uses=cap.uses,
                dearest=found.amount,
                amount_spent=f"budget.per_arm: what is left for {arm} does not cover one more",
                uses_spent=f"budget.per_arm: all uses of {arm} are given",
                is_final=True,
            )


def _period_cap(giving: Giving, now: datetime) -> Iterator[Cap]:
    name, budget = giving.experiment.name, giving.experiment.budget
    cap = budget.per_period if budget else None
    if cap is not None:
        number = period(now, cap.days)
        until = f"{EPOCH + timedelta(days=(number + 1) * cap.days):%Y-%m-%d}"
        yield Cap(
            name=f"until {until}",
            row=f"{name}/period/{number}",
            amount=cap.amount.minor if cap.amount else None,
            uses=cap.uses,
            dearest=giving.dearest,
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


def units_cap(experiment: Experiment, phase: int, now: datetime) -> Cap | None:
    """The ramp of ``phase`` on the day, in UTC, that holds ``now``."""
    allocation = experiment.allocation
    planned = allocation if phase == 1 else allocation.phases[phase - 2]
    if planned.units_per_day is None:
        return None
    day = f"{now.astimezone(UTC):%Y-%m-%d}"
    return Cap(
        name=f"units on {day}",
        row=f"{experiment.name}/units/{day}",
        amount=None,
        uses=planned.units_per_day,
        dearest=0,
        amount_spent="",
        uses_spent=f"allocation.units_per_day: {planned.units_per_day} were drawn on {day}",
        is_final=False,
    )
