"""The effect on those whom assignment moved: effect of assignment over its effect on exposure.

With contrasts dy of the outcome and dd of the exposure, read off the same units with covariance V,

    b = dy / dd,    se^2 = (V_yy - 2 b V_yd + b^2 V_dd) / dd^2.

With two arms it is two-stage least squares of y on d with the arm as instrument, and se is its HC2
error. se holds only where the first stage F = dd^2 / V_dd is large; the set of all b that the test
of "dy - b dd is 0" does not reject holds always (Anderson and Rubin 1949; Fieller 1954),

    { b : (dy - b dd)^2 <= t^2 (V_yy - 2 b V_yd + b^2 V_dd) },

and is an interval where dd differs from 0 at the same level; elsewhere it is unbounded, which is no
answer. It is used below F = 104.7, above which the t-ratio of b has its size whatever the
correlation of errors (Lee, McCrary, Moreira and Porter 2022).

It is the mean effect over compliers if nobody does the opposite of what the arm says, and if the
arm acts through the exposure alone: a message that is sent and not seen may do nothing, a message
that is not sent may not.

Sources: Imbens and Angrist 1994 (Econometrica 62); Anderson and Rubin 1949 (Annals of Mathematical
Statistics 20); Lee, McCrary, Moreira and Porter 2022 (American Economic Review 112).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab.errors import NotEstimable
from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats

STRONG = 104.7
"""First-stage F from which the t-ratio is trusted."""


class Complier(NamedTuple):
    """The effect, its error, the first stage, and the interval with the name of its kind."""

    point: float
    std_error: float
    first_stage: float
    low: float
    high: float
    p_value: float
    kind: str


def complier(delta: Floats, covariance: Floats, *, df: float, alpha: float) -> Complier:
    """The effect on compliers.

    Args:
        delta: (2,) the contrast of outcome and exposure.
        covariance: (2, 2) of ``delta``.
        df: degrees of freedom of the test.
        alpha: 1 less the interval's level.

    Raises:
        NotEstimable: assignment does not move exposure, so every effect fits.

    >>> import numpy as np
    >>> found = complier(np.array([2.0, 0.5]), np.diag([0.25, 0.01]), df=98, alpha=0.05)
    >>> found.point, found.kind, round(found.low, 3), round(found.high, 3)
    (4.0, 'Anderson and Rubin', 1.88, 7.616)
    """
    (dy, dd), ((yy, yd), (_, dd_dd)) = delta.tolist(), covariance.tolist()
    t2 = float(stdtrit(df, 1 - alpha / 2)) ** 2
    first = dd**2 / dd_dd if dd_dd > 0 else float("inf") if dd else 0.0
    if dd**2 <= t2 * dd_dd:
        raise NotEstimable(
            f"assignment moves exposure by {dd:.3g} only (F {first:.1f}): every effect on those "
            "whom it moved fits the data"
        )
    b = dy / dd
    error = max(yy - 2 * b * yd + b**2 * dd_dd, 0.0) ** 0.5 / abs(dd)
    if first >= STRONG:
        reach, p = t2**0.5 * error, float(2 * stdtr(df, -abs(b) / error)) if error else 0.0
        return Complier(b, error, first, b - reach, b + reach, p, "Student's t")
    low, high = _roots(dd**2 - t2 * dd_dd, dy * dd - t2 * yd, dy**2 - t2 * yy)
    p = float(2 * stdtr(df, -abs(dy) / yy**0.5)) if yy > 0 else 0.0
    return Complier(b, error, first, low, high, p, "Anderson and Rubin")


def _roots(a: float, half: float, c: float) -> tuple[float, float]:
    """Where a b^2 - 2 half b + c is 0, a > 0; b between them meets the inequality."""
    middle, reach = half / a, max(half**2 - a * c, 0.0) ** 0.5 / a
    return middle - reach, middle + reach
