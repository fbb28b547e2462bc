"""Lee's bounds: the effect on those whose outcome is seen under either arm.

If the arm changes whose outcome is seen (who answers, who comes back), the seen of both arms are
different people. Let it change that one way only: whoever is seen under the arm with fewer seen
would be seen under the other. With shares s_1 > s_0 seen, the other arm's seen are those people and
a share p = 1 - s_0 / s_1 more. At worst these are the lowest of all that are seen there, or the
highest, so with q_p its p-quantile

    E[Y | Y >= q_p, seen, 1] - E[Y | seen, 0]  >=  effect  >=  E[Y | Y <= q_(1-p), seen, 1] - ...,

a unit at the quantile counting in part. The variance of the upper one is (Lee's Proposition 3)

    V = { Var[Y | Y >= q_p] + p (q_p - mu)^2 } / (n_1 s_1 (1 - p))
        + (q_p - mu)^2 { (1 - s_0) / (n_0 s_0) + (1 - s_1) / (n_1 s_1) }
        + Var[Y | seen, 0] / (n_0 s_0),

mu = E[Y | Y >= q_p]; of the lower one alike. Where the reference has more seen it is trimmed.
Phases are weighted by their units, and n_a is then (sum w)^2 / sum w^2 of the weights.
Where s_1 and s_0 hardly differ, which arm is trimmed is a matter of chance, and V an approximation.

Source: Lee 2009 (Review of Economic Studies 76), Propositions 1a and 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats


class Seen(NamedTuple):
    """One arm: the distinct values seen (m,) ascending, their shares of all units (m,), units n."""

    value: Floats
    share: Floats
    size: float


class Bounds(NamedTuple):
    """Both bounds, their standard errors, and the share trimmed (of the reference if below 0)."""

    low: float
    high: float
    error_low: float
    error_high: float
    trimmed: float


class _Part(NamedTuple):
    """Mean and variance of the values kept, and the value at which they are cut."""

    mean: float
    variance: float
    cut: float


def lee_bounds(treated: Seen, reference: Seen) -> Bounds:
    """The bounds of the effect on those whose outcome is seen under both arms.

    Raises:
        NotEstimable: nobody is seen in an arm.

    >>> arm = Seen(np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 0.25), 40)
    >>> other = Seen(np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 0.125), 40)
    >>> found = lee_bounds(arm, other)
    >>> found.low, found.high, found.trimmed
    (-1.0, 1.0, 0.5)
    """
    seen = float(treated.share.sum()), float(reference.share.sum())
    if min(seen) <= 0:
        raise NotEstimable("no outcome is seen in one of the arms")
    if seen[0] < seen[1]:
        turned = lee_bounds(reference, treated)
        return Bounds(
            -turned.high, -turned.low, turned.error_high, turned.error_low, -turned.trimmed
        )
    p = 1 - seen[1] / seen[0]
    whole = _kept(reference, 1.0, top=True)
    moved = sum((1 - s) / (arm.size * s) for s, arm in zip(seen, (treated, reference), strict=True))
    least, most = (_kept(treated, 1 - p, top=top) for top in (False, True))
    own = whole.variance / (reference.size * seen[1])
    errors = []
    for each in (least, most):
        off = (each.cut - each.mean) ** 2
        kept = (each.variance + p * off) / (treated.size * seen[0] * (1 - p))
        errors.append(float(kept + off * moved + own) ** 0.5)
    return Bounds(least.mean - whole.mean, most.mean - whole.mean, errors[0], errors[1], p)


def _kept(arm: Seen, part: float, *, top: bool) -> _Part:
    """The highest (or lowest) ``part`` of the values seen."""
    step = -1 if top else 1
    value, weight = arm.value[::step], arm.share[::step] / arm.share.sum()
    before = np.append(0.0, np.cumsum(weight)[:-1])
    kept = np.clip(part - before, 0.0, weight)
    kept = kept / kept.sum()
    mean = float(kept @ value)
    last = int(np.flatnonzero(kept > 1e-12)[-1])
    return _Part(mean, float(kept @ np.square(value - mean)), float(value[last]))
