"""Relative lift: by which share of the reference mean an effect is, with three intervals.

A contrast c'm has sides A = c+'m and B = c-'m (the reference); with V the covariance of the arm
means and R = A / B, the lift is R - 1. For s^2(r) = (c+ - r c-)' V (c+ - r c-),

* **delta**: R - 1 -+ t s(R) / |B|;
* **log**: exp(log R -+ t s(R) / |A|) - 1, for A and B of one sign: it cannot fall below -1 and
  follows the skewness of a ratio;
* **Fieller**: all r with (A - r B)^2 <= t^2 s^2(r), exact where A and B are normal. With
  a = B^2 - t^2 V_BB, b = A B - t^2 V_AB, f = A^2 - t^2 V_AA its ends solve a r^2 - 2 b r + f = 0.
  It is an interval only where a > 0, that is where B differs from 0 at this level; otherwise it is
  the whole line or its two ends, and is refused. There the other two are refused as well: they are
  tangents at B, and say nothing of a B that may be 0.

t is Student's with Satterthwaite's degrees of freedom: of A - R B at the estimate R for the
logarithm (as tea-tasting) and Fieller, of A - B for the delta method (as GrowthBook). p is of "the
lift is 0" by the interval's own statistic; Fieller's is that of the difference A - B itself.

Sources: Fieller 1954 (Journal of the Royal Statistical Society B 16); Tamhane and Logan 2004
(Statistics in Medicine 23) for its degrees of freedom where variances differ; Deng, Knoblich and Lu
2018 (KDD) for the delta method; Franz 2007 (arXiv:0710.2024) for where Fieller's set is no
interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.moments import Floats

Kind = Literal["delta", "log", "fieller"]


class Lift(NamedTuple):
    """A relative lift with the delta method's error and an interval."""

    point: float
    std_error: float
    df: float
    low: float
    high: float
    p_value: float
    reference_mean: float


def relative_lift(means: ArmMeans, c: Floats, *, alpha: float, kind: Kind) -> Lift:
    """The lift of a contrast with weights ``c`` (a,) over ``means``' arms.

    Raises:
        NotEstimable: the reference mean is 0 or not told from 0; the sides differ in sign, for the
            log; or nothing varies.
    """
    above, below = np.maximum(c, 0), np.maximum(-c, 0)
    a, b = float(above @ means.means), float(below @ means.means)
    _refuse_near_0(means, below, alpha)
    ratio = a / b
    variance, df = means.error(above - ratio * below)
    if not variance > 0:
        raise NotEstimable(f"{means.outcome}: the variance is {variance}", do="nothing varies")
    if kind == "delta":
        df = means.error(c)[1]
    error = variance**0.5 / abs(b)
    t = float(stdtrit(df, 1 - alpha / 2))
    if kind == "fieller":
        low, high, p = _fieller(means, above, below, t=t)
    elif kind == "log":
        low, high, p = _log(means.outcome, ratio, error, t=t, df=df)
    else:
        low, high = ratio - 1 - t * error, ratio - 1 + t * error
        p = 2 * float(stdtr(df, -abs(ratio - 1) / error))
    return Lift(ratio - 1, error, df, low, high, p, b)


def _refuse_near_0(means: ArmMeans, below: Floats, alpha: float) -> None:
    """The reference mean is told from 0 by its own t-test."""
    b, (variance, df) = float(below @ means.means), means.error(below)
    if b == 0 or (variance > 0 and abs(b) <= stdtrit(df, 1 - alpha / 2) * variance**0.5):
        raise NotEstimable(
            f"{means.outcome}: the reference mean is {'0' if b == 0 else 'not told from 0'}",
            do="report the difference",
        )


def _log(
    outcome: str, ratio: float, error: float, *, t: float, df: float
) -> tuple[float, float, float]:
    if not ratio > 0:
        raise NotEstimable(
            f"{outcome}: one of the means is not above 0, so their ratio has no logarithm",
            do="use the delta method or Fieller's interval",
        )
    log, spread = float(np.log(ratio)), error / ratio
    p = 2 * float(stdtr(df, -abs(log) / spread))
    return float(np.expm1(log - t * spread)), float(np.expm1(log + t * spread)), p


def _fieller(
    means: ArmMeans, above: Floats, below: Floats, *, t: float
) -> tuple[float, float, float]:
    v, a, b = means.covariance, above @ means.means, below @ means.means
    square = float(b**2 - t**2 * (below @ v @ below))
    if not square > 0:
        raise NotEstimable(
            f"{means.outcome}: the reference mean is not told from 0: Fieller's set has no bounds",
            do="report the difference",
        )
    va, vb, both = above @ v @ above, below @ v @ below, above @ v @ below
    middle = float(a * b - t**2 * both)
    # The discriminant is above 0: A / B itself is in the set, and the set is bounded. Written out,
    # so that means far from 0 cost no digits.
    spread = b**2 * va - 2 * a * b * both + a**2 * vb - t**2 * (va * vb - both**2)
    root = t * float(np.sqrt(spread))
    variance, df = means.error(above - below)
    p = 2 * float(stdtr(df, -abs(float(a - b)) / variance**0.5))
    return (middle - root) / square - 1, (middle + root) / square - 1, p
