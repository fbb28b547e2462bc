"""Whether an effect is the same in all of several disjoint subgroups: Welch's test of them.

With effects d_l of variance v_l on nu_l degrees of freedom in L subgroups, w_l = 1 / v_l and
dbar = sum w_l d_l / sum w_l,

    F = sum_l w_l (d_l - dbar)^2 / (L - 1) / (1 + 2 (L - 2) / (L^2 - 1) Lambda),
    Lambda = sum_l (1 - w_l / sum w)^2 / nu_l,

is F on L - 1 and (L^2 - 1) / (3 Lambda) degrees of freedom where all effects are one. The variances
may differ. For two subgroups it is the square of (d_1 - d_2) / sqrt(v_1 + v_2), Student's t on
Satterthwaite's degrees of freedom; for many units F (L - 1) is Cochran's Q.

Sources: Welch 1951 (Biometrika 38), equations 21 to 29; Cochran 1954 (Biometrics 10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.special import betainc

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats


class Welch(NamedTuple):
    """F on ``between`` and ``within`` degrees of freedom, and its p."""

    f: float
    between: int
    within: float
    p: float


def same_effect(d: Floats, variance: Floats, freedom: Floats) -> Welch:
    """Welch's test that all of ``d`` (l,) estimate one number.

    Args:
        d: (l,) effects of two or more subgroups.
        variance: (l,) of each.
        freedom: (l,) degrees of freedom of each variance.

    >>> d, v = np.array([1.0, 3.0]), np.array([0.5, 0.5])
    >>> found = same_effect(d, v, np.array([10.0, 10.0]))
    >>> found.f, found.between, round(found.within, 6)
    (4.0, 1, 20.0)
    """
    w, levels = 1 / variance, len(d)
    total = w.sum()
    q = float((w * np.square(d - w @ d / total)).sum())
    spread = float((np.square(1 - w / total) / freedom).sum())
    between, within = levels - 1, (levels**2 - 1) / (3 * spread)
    f = q / between / (1 + 2 * (levels - 2) / (levels**2 - 1) * spread)
    p = float(betainc(within / 2, between / 2, within / (within + between * f)))
    return Welch(f, between, within, p)
