"""Intervals of probabilities over time, and of contrasts of them, that hold with few units too.

The share s of units without the event lies between 0 and 1, and log(-log s) has no bounds. With
variance v of s its limits at z standard errors are

    s^exp(h) and s^exp(-h),  h = z sqrt(v) / (s |log s|),

never beyond 0 and 1, and not symmetrical. Of a share F with the event they are 1 less the limits of
1 - F, so that both give one answer. For a contrast sum_a c_a s_a of independent arms, with limits
l_a, u_a of each (MOVER),

    low  = sum_a c_a s_a - sqrt(sum_a (c_a s_a - min(c_a l_a, c_a u_a))^2),
    high = sum_a c_a s_a + sqrt(sum_a (max(c_a l_a, c_a u_a) - c_a s_a)^2).

Its p is the level at which the interval just reaches 0, so the two cannot contradict each other.

Sources: Kalbfleisch and Prentice 1980, section 1.3, and R's survfit(conf.type = "log-log"), for the
limits of one arm; Newcombe 1998 (Statistics in Medicine 17), method 10, for two proportions; Zou
and Donner 2008 (Statistics in Medicine 27), equations 9 and 10, for any sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.special import ndtr, ndtri

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats

FURTHEST = 37.0
"""Standard errors beyond which a p is no number any more."""
HALVINGS = 48


def log_log_limits(share: Floats, variance: Floats, z: float) -> tuple[Floats, Floats]:
    """Lower and upper limits of shares without the event, (a,) each, all above 0 and below 1.

    >>> low, high = log_log_limits(np.array([0.5]), np.array([0.005]), 1.96)
    >>> [round(each.item(), 3) for each in (low, high)]
    [0.356, 0.628]
    """
    log = np.log(share)
    with np.errstate(over="ignore"):  # so wide that the limits are 0 and 1
        times = np.exp(z * np.sqrt(variance) / (share * -log))
        return np.exp(log * times), np.exp(log / times)


class Shares(NamedTuple):
    """Shares of independent arms, (a,), above 0 and below 1, with their variances, (a,).

    ``ended`` says that they are of units with the event, not without.
    """

    share: Floats
    variance: Floats
    ended: bool = False

    def limits(self, z: float) -> tuple[Floats, Floats]:
        """Of each arm at z standard errors."""
        if not self.ended:
            return log_log_limits(self.share, self.variance, z)
        low, high = log_log_limits(1 - self.share, self.variance, z)
        return 1 - high, 1 - low


def mover(c: Floats, point: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """The limits of sum c_a s_a from those of each s_a, (a,) each.

    >>> both = [np.array(each) for each in ([1.0, -1.0], [0.5, 0.4], [0.4, 0.3], [0.6, 0.5])]
    >>> [round(each, 4) for each in mover(*both)]
    [-0.0414, 0.2414]
    """
    found = float(c @ point)
    below = np.square(c * point - np.minimum(c * low, c * high)).sum()
    above = np.square(np.maximum(c * low, c * high) - c * point).sum()
    return found - float(below) ** 0.5, found + float(above) ** 0.5


def contrast_limits(c: Floats, of: Shares, alpha: float) -> tuple[float, float]:
    """The interval of sum c_a s_a at level 1 - alpha."""
    return mover(c, of.share, *of.limits(float(-ndtri(alpha / 2))))


def contrast_p(c: Floats, of: Shares) -> float:
    """The alpha at which the interval just reaches 0: the two-sided p of "the contrast is 0"."""
    positive = float(c @ of.share) > 0
    near, far = 0.0, FURTHEST
    for _ in range(HALVINGS):
        z = (near + far) / 2
        low, high = mover(c, of.share, *of.limits(z))
        near, far = (z, far) if (low > 0 if positive else high < 0) else (near, z)
    return float(2 * ndtr(-near))
