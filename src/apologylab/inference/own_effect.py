"""The effect of being surveyed: a second draw, the same in every arm, of units that have an arm.

Within a cell c (phase, stratum, arm) the units invited are a random sample, so with their number
n1 of n, means ybar1 and ybar0 and variances s1^2 and s0^2 the difference d_c = ybar1 - ybar0 is
unbiased (Neyman 1923), and over cells

    d = sum_c (n_c / n) d_c,    var d = sum_c (n_c / n)^2 (s1^2 / n1 + s0^2 / n0).

It is the effect averaged over the arms as they were drawn. All sums come from moments of y, of s
and of the product y s, where s is 1 for the invited: (y s)^2 = y^2 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.derived import Product
from apologylab.inference.moments import Request, select
from apologylab.inference.special import ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats, Moments
    from apologylab.inference.source import Source

SEPARATE = ":drawn too"
"""Added to an outcome's name: its product with the indicator of the second draw."""
FEWEST = 2
"""Units that both sides of a cell must have."""


@dataclass(frozen=True, kw_only=True)
class OwnEffect:
    """What the second draw changed in ``outcome``, with its pointwise interval and counts."""

    outcome: str
    point: float
    std_error: float
    ci_low: float
    ci_high: float
    n_drawn: int
    n_others: int


def own_effects(
    source: Source, outcomes: Sequence[str], drawn: str, *, alpha: float
) -> tuple[OwnEffect, ...]:
    """The effect of being drawn a second time, on each outcome for which it can be told.

    Args:
        source: a panel whose column ``drawn`` is 1 for those drawn, 0 for the others.
        outcomes: columns.
        drawn: the indicator.
        alpha: of intervals at level 1 - alpha.
    """
    products = {
        f"{name}{SEPARATE}": Product(factors=((name, 0.0, 1), (drawn, 0.0, 1))) for name in outcomes
    }
    more = source.derive(products)
    wholes = more.moments([Request(name, (drawn,)) for name in outcomes])
    drawns = more.moments([Request(name, (drawn,)) for name in products])
    found = (
        own_effect(name, whole, part, alpha=alpha)
        for name, whole, part in zip(outcomes, wholes, drawns, strict=True)
    )
    return tuple(each for each in found if each is not None)


def own_effect(outcome: str, whole: Moments, part: Moments, *, alpha: float) -> OwnEffect | None:
    """From moments of (y, s) and of (y s, s); None where no cell has units on both sides."""
    both = set(whole.cells) & set(part.cells)
    whole = select(whole, [cell in both for cell in whole.cells])
    part = select(part, [cell in both for cell in part.cells])
    n = whole.n.astype(np.float64)
    y, yy = _sums(whole)
    ys, yys = _sums(part)
    n1 = np.rint(whole.sums[:, 1] + n * whole.shift[1])
    kept = (n1 >= FEWEST) & (n - n1 >= FEWEST)
    if not kept.any():
        return None
    n, n1, y, yy, ys, yys = (each[kept] for each in (n, n1, y, yy, ys, yys))
    n0 = n - n1
    difference = ys / n1 - (y - ys) / n0
    variance = _variance(n1, ys, yys) / n1 + _variance(n0, y - ys, yy - yys) / n0
    share = n / n.sum()
    point = float(share @ difference)
    std_error = float(np.sqrt(np.square(share) @ variance))
    if not std_error > 0:
        return None
    reach = float(ndtri(1 - alpha / 2)) * std_error
    return OwnEffect(
        outcome=outcome,
        point=point,
        std_error=std_error,
        ci_low=point - reach,
        ci_high=point + reach,
        n_drawn=int(n1.sum()),
        n_others=int(n0.sum()),
    )


def _sums(moments: Moments) -> tuple[Floats, Floats]:
    """Sum and sum of squares of the first column in each cell, (g,), about 0."""
    n, shift = moments.n.astype(np.float64), moments.shift[0]
    sums = moments.sums[:, 0] + n * shift
    squares = moments.products[:, 0, 0] + 2 * shift * moments.sums[:, 0] + n * shift**2
    return sums, squares


def _variance(n: Floats, sums: Floats, squares: Floats) -> Floats:
    """Sample variances, (g,)."""
    found: Floats = np.maximum(squares - np.square(sums) / n, 0.0) / (n - 1)
    return found
