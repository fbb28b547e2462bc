"""Bounds of a mean effect where some outcomes are lost and all lie in a known range.

Of the n_a units of arm a a share 1 - s_a lost their outcome, and outcomes lie in [L, U]. Then the
arm's mean over all its units lies between

    s_a ybar_a + (1 - s_a) L    and    s_a ybar_a + (1 - s_a) U,

and a contrast c'm is least where each arm with c_a > 0 has L and each other U. Each end is a mean
of outcomes filled in, so its variance is Neyman's of the filled outcomes. Nothing is taken for
granted of who is lost; the bounds are as wide as the share lost times U - L.

Source: Horowitz and Manski 2000 (JASA 95), equation 3; Manski 1990 (American Economic Review 80).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats


class Known(NamedTuple):
    """Arms by phase, (p, a) each: units known and lost, means and scatters of those known.

    ``share`` (p,) is each phase's share of all units.
    """

    known: Floats
    lost: Floats
    means: Floats
    scatters: Floats
    share: Floats


def filled(arms: Known, value: float) -> tuple[Floats, Floats]:
    """Means (a,) of all units with ``value`` where an outcome is lost, and their variances (a,).

    >>> one = Known(*(np.array([[x]]) for x in (3.0, 1.0, 2.0, 2.0)), np.ones(1))
    >>> means, variances = filled(one, 0.0)
    >>> means.tolist(), variances.round(6).tolist()
    ([1.5], [0.416667])
    """
    n = arms.known + arms.lost
    means = (arms.known * arms.means + arms.lost * value) / n
    scatters = arms.scatters + arms.known * arms.lost / n * np.square(arms.means - value)
    share = arms.share[:, None]
    return (share * means).sum(axis=0), (share**2 * scatters / (n - 1) / n).sum(axis=0)


def missing_bounds(
    arms: Known, c: Floats, low: float, high: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The least and the greatest that c'm can be, c (a,), and the standard errors of both.

    >>> one = Known(*(np.array([[x, x]]) for x in (3.0, 1.0, 2.0, 2.0)), np.ones(1))
    >>> ends, errors = missing_bounds(one, np.array([1.0, -1.0]), 0.0, 6.0)
    >>> ends
    (-1.5, 1.5)
    """
    (least, v_least), (most, v_most) = filled(arms, low), filled(arms, high)
    up = c > 0
    ends, errors = [], []
    for m, v in (
        (np.where(up, least, most), np.where(up, v_least, v_most)),
        (np.where(up, most, least), np.where(up, v_most, v_least)),
    ):
        ends.append(float(c @ m))
        errors.append(float(np.square(c) @ v) ** 0.5)
    return (ends[0], ends[1]), (errors[0], errors[1])
