"""Break-even margin and compensation of an arm, from the parts of v that the panel has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.decision.breakeven import break_even_compensation, break_even_margin
from apologylab.decision.value import AT_ZERO, REDEEMED, SALES
from apologylab.design.arms import arms
from apologylab.design.worth import sales_outcome
from apologylab.errors import NotEstimable

if TYPE_CHECKING:
    from apologylab.decision.verdict import ArmValue
    from apologylab.design.contrasts import Contrast
    from apologylab.design.experiment import Experiment
    from apologylab.inference.plan import Fits


def with_break_even(
    value: ArmValue, experiment: Experiment, fits: Fits, estimator: str, of: Contrast
) -> ArmValue:
    """The same value with its break-evens, where the declaration has what they need."""
    return replace(
        value,
        break_even_margin=_margin(value, experiment, fits, estimator, of),
        break_even_compensation=_compensation(value, experiment, fits, estimator, of),
    )


def _margin(
    value: ArmValue, experiment: Experiment, fits: Fits, estimator: str, of: Contrast
) -> float | None:
    decision = experiment.decision
    outcome = sales_outcome(experiment)
    if decision is None or decision.margin is None or outcome is None:
        return None
    column = SALES if SALES in fits.moments else outcome
    sales = difference(fits, column, estimator, of)
    if sales is None:
        return None
    return break_even_margin(value=value.point, sales=sales, margin=decision.margin)


def _compensation(
    value: ArmValue, experiment: Experiment, fits: Fits, estimator: str, of: Contrast
) -> float | None:
    """A table gives an arm's cost as it is; a ledger what was redeemed of the arm's one coupon.

    What is still open of it counts as it does in the value. None where what an arm gives depends on
    the incident: there is no one face to break even.
    """
    if experiment.panel is not None:
        cost = experiment.panel.arm_cost.get(value.arm)
        worth = None if cost is None else value.point + float(cost)
        return worth if worth is not None and worth >= 0 else None
    levels = next(arm.levels for arm in arms(experiment) if arm.name == value.arm)
    given = [each for each in levels.values() if each in experiment.compensation]
    redeemed = difference(fits, REDEEMED, estimator, of)
    if len(given) != 1 or redeemed is None:
        return None
    settled = difference(fits, AT_ZERO, estimator, of)
    still_open = 0.0 if settled is None else settled - value.point
    value_given = experiment.compensation[given[0]].value
    if value_given is None:
        return None
    face = float(value_given)
    return break_even_compensation(value=value.point, redeemed=redeemed + still_open, face=face)


def difference(fits: Fits, column: str, estimator: str, of: Contrast) -> float | None:
    """A contrast of one column's means; None where the panel lacks it or an arm has no mean."""
    if column not in fits.moments:
        return None
    try:
        means = fits.of(column, estimator)
        return float(means.weights(of) @ means.means)
    except NotEstimable:
        return None
