"""Many questions, one error rate: adjusted p-values and simultaneous intervals.

A *family* is the set of tests over which the probability of any false alarm is held at alpha:
one role (primary, secondary, guardrail), one kind of contrast (arms, main effects of factors,
named contrasts) and one estimator. The kinds answer different questions of the same data, each
declared before the start, so each has its own budget of error; a reader who wants one budget for
all can multiply. Each label prints the family's size. Descriptive outcomes are not tested.

The corrections themselves stand in :mod:`apologylab.inference.many`.

Source: Bonferroni 1936, through Dunn 1961.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.arm_means import ArmMeans, Reading


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A contrast with a two-sided interval; ``level`` is of the whole family."""

    contrast: Contrast
    point: float
    std_error: float
    df: float
    low: float
    high: float
    level: float
    kind: str


def p_value(reading: Reading) -> float:
    """Two-sided p of "the contrast is 0", from Student's t."""
    return float(2 * stdtr(reading.df, -abs(reading.point) / reading.std_error))


def bounds(reading: Reading, alpha: float) -> tuple[float, float]:
    """The two-sided interval at level 1 - alpha, from the same distribution as the p."""
    reach = float(stdtrit(reading.df, 1 - alpha / 2)) * reading.std_error
    return reading.point - reach, reading.point + reach


def simultaneous(
    means: ArmMeans, contrasts: Sequence[Contrast], *, alpha: float, of: int
) -> tuple[Interval, ...]:
    """Intervals that hold together with probability 1 - alpha at least (R34).

    Args:
        means: of the outcome decided on, with one covariance.
        contrasts: those to decide between, each estimable.
        alpha: of the whole family.
        of: size of the family: all arms that the plan could ship, estimable or not.

    Raises:
        NotEstimable: an arm is missing from ``means``, or nothing varies.
    """
    intervals = []
    for contrast in contrasts:
        reading = means.read(contrast)
        low, high = bounds(reading, alpha / of)
        intervals.append(
            Interval(
                contrast=contrast,
                point=reading.point,
                std_error=reading.std_error,
                df=reading.df,
                low=low,
                high=high,
                level=1 - alpha,
                kind=f"simultaneous over {of} (Bonferroni)" if of > 1 else "pointwise",
            )
        )
    return tuple(intervals)
