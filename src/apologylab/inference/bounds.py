"""Intervals of effects that are known only up to bounds.

Where outcomes are missing, the data say between which two numbers an effect lies, and each of the
two has a standard error. Imbens and Manski's interval covers the effect, wherever it lies between
them, with probability 1 - alpha: with bounds l <= u, their errors s_l and s_u,

    [l - C s_l, u + C s_u],    Phi(C + (u - l) / max(s_l, s_u)) - Phi(-C) = 1 - alpha.

C is the one-sided critical value where the bounds are far apart and the two-sided one where they
meet.

Source: Imbens and Manski 2004 (Econometrica 72), equations 6 and 7.
"""

from __future__ import annotations

from apologylab.inference.special import ndtr, ndtri


def imbens_manski(
    low: float, high: float, errors: tuple[float, float], *, alpha: float
) -> tuple[float, float]:
    """The interval of an effect between ``low`` and ``high``, which have standard ``errors``.

    >>> low, high = imbens_manski(0.0, 0.0, (1.0, 1.0), alpha=0.05)
    >>> round(high, 4)
    1.96
    >>> round(imbens_manski(0.0, 50.0, (1.0, 1.0), alpha=0.05)[1], 4)
    51.6449
    """
    widest = max(errors)
    apart = (high - low) / widest if widest > 0 else float("inf")
    least, most = -float(ndtri(alpha)), -float(ndtri(alpha / 2))
    while most - least > 1e-12:
        c = (least + most) / 2
        enough = ndtr(c + apart) - ndtr(-c) >= 1 - alpha
        least, most = (least, c) if enough else (c, most)
    return low - most * errors[0], high + most * errors[1]
