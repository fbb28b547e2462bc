"""When caps close enrolment, and how many they let in while the plan enrols (R5)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from apologylab.design.arms import arms, weights
from apologylab.design.faces import most

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apologylab.design.experiment import Budget, Experiment
    from apologylab.design.money import Money

    Given = Mapping[str, tuple[Decimal, Decimal]]
    """Arm -> (propensity in the first phase, face value of what it gives)."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What one customer costs on average, and how many the caps admit.

    ``mean_liability``: in whole units of ``currency``, by the arms' propensities, of what depends
    on the incident the most. ``closes_after``:
    customers until the cap at the path ``cap`` cannot cover the dearest arm, on average.
    ``in_time``: customers whom the ramp and the periods' cap let in while the plan enrols, None
    where there are neither, or the plan names no days.
    """

    mean_liability: Decimal
    dearest: Decimal
    currency: str
    closes_after: int
    cap: str
    expected: int | None
    in_time: int | None


def forecast(experiment: Experiment) -> Forecast | None:
    """The budget's forecast; None without a budget, or where nothing is given.

    Enrolment closes when less is left than the dearest arm costs, so that much is never given.
    """
    budget = experiment.budget
    given = liabilities(experiment)
    mean = sum((share * amount for share, amount in given.values()), Decimal(0))
    if budget is None or not mean:
        return None
    closes_after, cap = min(_closings(budget, given))
    return Forecast(
        mean_liability=mean,
        dearest=_dearest(given),
        currency=budget.total.currency,
        closes_after=closes_after,
        cap=cap,
        expected=experiment.plan.expected_customers,
        in_time=_in_time(experiment, given),
    )


def _closings(budget: Budget, given: Given) -> Iterator[tuple[int, str]]:
    """After how many customers each cap on the whole closes, and its path."""
    yield from _closing(budget.total, budget.uses, given, "budget", amount_key="total")
    for arm, cap in budget.per_arm.items():
        own = {arm: given[arm]}
        yield from _closing(cap.amount, cap.uses, own, f"budget.per_arm.{arm}", amount_key="amount")


def _closing(
    amount: Money | None, uses: int | None, given: Given, path: str, *, amount_key: str
) -> Iterator[tuple[int, str]]:
    mean = sum((share * value for share, value in given.values()), Decimal(0))
    giving = sum((share for share, value in given.values() if value), Decimal(0))
    if amount is not None and mean:
        yield int((amount.amount - _dearest(given)) / mean) + 1, f"{path}.{amount_key}"
    if uses is not None and giving:
        yield int((uses - 1) / giving) + 1, f"{path}.uses"


def _dearest(given: Given) -> Decimal:
    return max(amount for _, amount in given.values())


def _in_time(experiment: Experiment, given: Given) -> int | None:
    """How many the caps of days and periods let in while the plan enrols."""
    days, ramp = experiment.plan.enrol_days, experiment.allocation.units_per_day
    period = experiment.budget.per_period if experiment.budget else None
    if days is None:
        return None
    found = [] if ramp is None else [ramp * days]
    if period is not None:
        each = [n for n, _ in _closing(period.amount, period.uses, given, "", amount_key="")]
        found += [int(n * days / period.days) for n in each]
    return min(found, default=None)


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
    found = (level for level in levels if level in experiment.compensation)
    return sum((most(experiment, each).amount for each in found), Decimal(0))
