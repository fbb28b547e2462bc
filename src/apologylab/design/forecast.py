"""When a budget closes enrolment (R5)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from apologylab.design.arms import arms, weights

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What one customer costs on average, and how many the budget admits.

    ``mean_liability``: in whole units of ``currency``, by the arms' propensities. ``closes_after``:
    customers until the budget cannot cover the dearest arm, on average.
    """

    mean_liability: Decimal
    dearest: Decimal
    currency: str
    closes_after: int
    expected: int | None


def forecast(experiment: Experiment) -> Forecast | None:
    """The budget's forecast; None without a budget, or where nothing is given.

    Enrolment closes when less is left than the dearest arm costs, so that much is never given.
    """
    budget = experiment.budget
    given = liabilities(experiment)
    mean = sum((share * amount for share, amount in given.values()), Decimal(0))
    if budget is None or not mean:
        return None
    dearest = max(amount for _, amount in given.values())
    return Forecast(
        mean_liability=mean,
        dearest=dearest,
        currency=budget.total.currency,
        closes_after=int((budget.total.amount - dearest) / mean) + 1,
        expected=experiment.plan.expected_customers,
    )


def liabilities(experiment: Experiment) -> dict[str, tuple[Decimal, Decimal]]:
    """Arm -> (propensity in the first phase, face value of what it gives)."""
    every = arms(experiment)
    planned = weights(experiment.allocation.weights, tuple(arm.name for arm in every))
    total = Decimal(sum(planned.values()))
    return {
        arm.name: (
            Decimal(planned[arm.name]) / total,
            _given(experiment, tuple(arm.levels.values())),
        )
        for arm in every
    }


def _given(experiment: Experiment, levels: tuple[str, ...]) -> Decimal:
    found = (experiment.compensation[level] for level in levels if level in experiment.compensation)
    return sum((each.value.amount for each in found), Decimal(0))
