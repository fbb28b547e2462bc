r"""Boundaries of a group-sequential test, by integrating over the paths that are still inside.

With information I_k = 1 / Var at look k, the score S_k = Z_k sqrt(I_k) is a Brownian motion with
drift theta, read at I_1 < ... < I_K:  S_k - S_{k-1} ~ N(theta (I_k - I_{k-1}), I_k - I_{k-1}).
The density of S_k over paths that have not crossed before is

    g_k(s) = int g_{k-1}(u) phi((s - u - theta D) / sqrt(D)) / sqrt(D) du,

over |u| < c_{k-1} sqrt(I_{k-1}), with D = I_k - I_{k-1};
and c_k solves  P(first crossing at k) = spent_k - spent_{k-1}.

Sources: Armitage, McPherson and Rowe 1969 (JRSS A 132); Jennison and Turnbull 2000 (Group
Sequential Methods), chapter 19; that unequal looks follow from the same recursion, Lan and
DeMets 1983. Gauss-Legendre nodes in place of Simpson's: the integrand is smooth, so the error
falls faster than any power of their number.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.special import ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats

_FAR = 9.0
"""Standard deviations beyond which nothing of a path is left (2e-19)."""
_LEAST = 1e-3
"""Of its information, what a look adds at least: nearer looks would ask for endless nodes."""
_RISE, _EVEN = 1e-2, 0.8
"""The same where information is estimated, or this share of what even looks add if that is less.
Looks that depend on one another more than was thought cross less often than was spent, so what
chance took off an information is added again."""
_FINENESS = 2.5
"""Nodes for each standard deviation of the narrower of two steps."""
_PANEL = 64
"""Nodes that are found at once: more cost their number cubed."""


class _Inside(NamedTuple):
    """Where paths stand that have not crossed: nodes (m,) of the score, and mass at each."""

    at: Floats
    mass: Floats


_START = _Inside(np.zeros(1), np.ones(1))


def boundaries(
    information: Sequence[float] | Floats,
    spent: Floats,
    *,
    sides: int = 2,
    estimated: bool = False,
) -> Floats:
    """Critical values of Z at each look.

    Args:
        information: (K,) at the looks, in any unit; only its ratios matter. A look that adds less
            than a thousandth counts as adding that.
        spent: (K,) error spent by each look, both sides together; never falling.
        sides: 1: crossing above only; 2: on either side, symmetric.
        estimated: the information is from variances as they were found, which may grow by chance:
            a look then counts as adding 1%, or 4/5 of an even share, at least.

    Returns:
        (K,) c_k; infinite where a look spends nothing.

    Raises:
        InputError: what is spent falls or is no probability; information is not above 0, or falls
            though it is not estimated.

    O'Brien and Fleming's own boundary for four looks is 4.05, 2.86, 2.34, 2.02; its spending
    function's is near it:

    >>> from apologylab.inference.sequential.spending import Spending
    >>> t = [0.25, 0.5, 0.75, 1]
    >>> boundaries(t, Spending().spent(t, 0.05)).round(3).tolist()
    [4.333, 2.963, 2.359, 2.014]
    """
    levels = np.diff(np.asarray(spent, dtype=np.float64), prepend=0.0)
    if not ((levels >= 0).all() and levels.sum() < 1):
        raise InputError(
            f"of alpha {spent} is spent by the looks", do="give probabilities that never fall"
        )
    steps = _steps(information, len(spent), estimated=estimated)
    inside, found = _START, np.empty(len(spent))
    for k, (total, rise, finest) in enumerate(steps):
        found[k] = _solve(inside, total, rise, float(levels[k]), sides)
        if k < len(spent) - 1:
            inside = _carried(inside, (total, rise, finest), found[k], 0.0, sides)
    return found


def crossing(
    information: Sequence[float] | Floats, bounds: Floats, *, drift: float = 0.0, sides: int = 2
) -> Floats:
    """P(first crossing at each look), on either side, where the effect is ``drift``.

    Args:
        information: (K,) at the looks.
        bounds: (K,) critical values of Z.
        drift: the effect, so that Z_k has mean drift * sqrt(I_k).
        sides: 1 or 2.

    >>> crossing([1.0], np.array([1.959964])).round(4).tolist()
    [0.05]
    """
    inside, found = _START, np.empty(len(bounds))
    for k, step in enumerate(_steps(information, len(bounds))):
        found[k] = _crossed(inside, step[0], step[1], float(bounds[k]), drift, sides)
        inside = _carried(inside, step, float(bounds[k]), drift, sides)
    return found


def _steps(
    information: Sequence[float] | Floats, looks: int, *, estimated: bool = False
) -> list[tuple[float, float, float]]:
    """Of each look: its information, what it adds, and the narrower of that and what comes next."""
    given = np.asarray(information, dtype=np.float64)
    if len(given) != looks or not looks or not (given > 0).all() or not np.isfinite(given).all():
        raise InputError(
            "each look needs a finite information above 0", do="give one number for each look"
        )
    if not estimated and (np.diff(given) < 0).any():
        raise InputError(
            f"the looks have information {given}, which falls", do="list them in their order"
        )
    total = given.copy()
    for k in range(1, looks):
        least = min(_RISE, _EVEN / (k + 1)) if estimated else _LEAST
        total[k] = max(total[k], total[k - 1] * (1 + least))
    total /= total[-1]
    rise = np.diff(total, prepend=0.0)
    finest = np.minimum(rise, np.append(rise[1:], rise[-1]))
    return [(float(i), float(d), float(f)) for i, d, f in zip(total, rise, finest, strict=True)]


def _crossed(
    inside: _Inside, total: float, rise: float, bound: float, drift: float, sides: int
) -> float:
    """P(inside so far, and beyond ``bound`` now)."""
    mean, deviation, edge = inside.at + drift * rise, rise**0.5, bound * total**0.5
    above = ndtr((mean - edge) / deviation)
    below = ndtr((-edge - mean) / deviation) if sides == 2 else 0.0
    return float(inside.mass @ (above + below))


def _solve(inside: _Inside, total: float, rise: float, level: float, sides: int) -> float:
    """The bound that ``level`` crosses: bisection in Z, then Newton on the logarithm."""
    if level <= 0:
        return np.inf
    low, high = -_FAR, 40.0
    bound = float(-ndtri(min(level / sides, 0.5)))
    for _ in range(100):
        off = np.log(max(_crossed(inside, total, rise, bound, 0.0, sides), 1e-320) / level)
        if abs(off) < 1e-13:
            break
        low, high = (bound, high) if off > 0 else (low, bound)
        step = 1e-6
        ahead = np.log(max(_crossed(inside, total, rise, bound + step, 0.0, sides), 1e-320) / level)
        slope = (ahead - off) / step
        after = bound - off / slope if slope < 0 else np.inf
        after = after if low < after < high else (low + high) / 2
        if abs(after - bound) < 1e-12:
            return float(after)
        bound = after
    return float(bound)


def _carried(
    inside: _Inside, step: tuple[float, float, float], bound: float, drift: float, sides: int
) -> _Inside:
    """The paths that this look leaves inside, at new nodes."""
    total, rise, finest = step
    edge = min(bound, _FAR + abs(drift) * total**0.5) * total**0.5
    floor = -edge if sides == 2 else -(_FAR + abs(drift) * total**0.5) * total**0.5
    nodes, weights = _legendre(_enough((edge - floor) / finest**0.5))
    at = (edge + floor) / 2 + (edge - floor) / 2 * nodes
    mean = inside.at + drift * rise
    off = (at[:, None] - mean[None, :]) / rise**0.5
    density = np.exp(-0.5 * np.square(off)) @ inside.mass / (2 * np.pi * rise) ** 0.5
    return _Inside(at, density * weights * (edge - floor) / 2)


def _enough(width: float) -> int:
    """Nodes for an interval of ``width`` standard deviations: a power of two."""
    return int(min(2 ** np.ceil(np.log2(max(_FINENESS * width, 32))), 2048))


@lru_cache(maxsize=16)
def _legendre(nodes: int) -> tuple[Floats, Floats]:
    """Of Gauss and Legendre on (-1, 1), in even panels."""
    panels = max(nodes // _PANEL, 1)
    at, weights = np.polynomial.legendre.leggauss(nodes // panels)
    middles = np.arange(1 - panels, panels, 2) / panels
    return (middles[:, None] + at / panels).ravel(), np.tile(weights / panels, panels)
