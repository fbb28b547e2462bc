"""When an outcome is too skewed for the interval of a small arm beside a large one.

The t interval of c'm is off by the skewness of c'm itself. With arms of n_a units of one skewed
outcome, of skewness g,

    kappa = g |sum_a c_a^3 / n_a^2| / (sum_a c_a^2 / n_a)^(3/2)

is the third cumulant of c'm over its cubed error (Hall 1992, The Bootstrap and Edgeworth Expansion,
section 2.6): 0 where both sides are of one size, since their tails cancel, and about g / sqrt(n)
for a small arm beside a large one. What remains is that g cannot be had from the units: the
skewness G of N units is below sqrt(N) whatever g is, so that of a lognormal of coefficient of
variation 10, whose g is 1,030, 5,000 units show some 30. So G is of all arms together, and, where
there is one, the mean of that and of the outcome's history, and :func:`score` reads it as

    kappa(G) |v1 - v0| / (v1 + v0) (1 - 0.9 G / sqrt(N)),

with v1, v0 the two sides' shares in the error. The middle factor is how unlike the sides are. The
last one is for outcomes of which one unit is nearly all of the spread: with that unit in the small
arm the interval is wide, and without it short of the truth by no more than that unit. Threshold
and 0.9 are not theory: they part simulated cells that cover in fewer than 93% from those that cover
in 94% to 96%, among some 200 cells of zero-inflated and plain lognormals (coefficient of variation
1.5 to 20, 50 to 4,000 units against 1.5 to 19 times as many).
tests/simulation/test_skewness_warning.py shows how well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.derived import Product
from apologylab.inference.moments import Request, pooled_means, units_by_arm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.moments import Moments
    from apologylab.inference.source import Source

THRESHOLD = 0.17
DOMINATED = 0.9
WARNING = "WARNING"
"""What a warning begins with, wherever it is shown."""
NAMED = 5
"""Contrasts that a warning names; of more it gives the number."""
HISTORY = ":pre"
"""Added to an outcome's name: the same measure before the incident."""


def score(skewness: float, units: int, cells: Sequence[tuple[float, int]]) -> float:
    """How far the interval of a contrast is off; unsafe from ``THRESHOLD``.

    Args:
        skewness: G of all units.
        units: N, how many they are.
        cells: weight and units of each arm of the contrast.

    >>> round(score(30.0, 5_000, [(1.0, 250), (-1.0, 4_750)]), 2)
    0.97
    >>> score(30.0, 5_000, [(1.0, 2_500), (-1.0, 2_500)])
    0.0
    """
    c, n = (np.array(each, dtype=np.float64) for each in zip(*cells, strict=True))
    shares = np.square(c) / n
    kappa = abs((c**3 / n**2).sum()) / shares.sum() ** 1.5
    unlike = abs(float(np.sign(c) @ shares)) / shares.sum()
    size = min(abs(skewness) / units**0.5, 1.0)
    return float(size * units**0.5 * kappa * unlike * (1 - DOMINATED * size))


def could_be_unsafe(units: int, cells: Sequence[tuple[float, int]]) -> bool:
    """Whether any skewness that so many units can show would be too much.

    Where arms are nearly alike none is, and the cubes need not be summed.

    >>> could_be_unsafe(1_500_000, [(1.0, 187_000), (-1.0, 188_000)])
    False
    """
    worst = units**0.5 / (2 * DOMINATED)  # where x (1 - 0.9 x) is largest
    return score(worst, units, cells) >= THRESHOLD


class Column(NamedTuple):
    """A column over all units together: units by arm, mean, variance."""

    units: Mapping[str, int]
    mean: float
    variance: float


def column_of(moments: Moments, name: str) -> Column:
    """One of the columns of moments."""
    at = moments.columns.index(name)
    units = units_by_arm(moments)
    total = sum(units.values())
    about = float(moments.sums[:, at].sum()) / total
    variance = float(moments.products[:, at, at].sum()) / total - about**2
    return Column(units, float(moments.shift[at]) + about, max(variance, 0.0))


def sample_skewness(source: Source, columns: Mapping[str, Column]) -> dict[str, float]:
    """Skewness of each column over all units together, from one scan for their cubes.

    Columns that do not vary, or hold an infinity, are left out.
    """
    vary = {name: each for name, each in columns.items() if 0 < each.variance < float("inf")}
    cubes = {name: Product(factors=((name, each.mean, 3),)) for name, each in vary.items()}
    derived = source.derive({f"{name}^3": cube for name, cube in cubes.items()})
    found = derived.moments([Request(f"{name}^3") for name in vary])
    return {
        name: float(pooled_means(cube)[0]) / each.variance**1.5
        for (name, each), cube in zip(vary.items(), found, strict=True)
    }


def too_skewed(
    source: Source, columns: Mapping[str, Column], contrasts: Sequence[Contrast]
) -> tuple[str, ...]:
    """A warning for each outcome whose intervals cannot be trusted, naming the contrasts.

    ``columns`` are outcomes, and their histories under ``outcome:pre`` where there are some. No
    scan is made where no skewness would matter.
    """
    at_risk = {
        name: risky
        for name, each in columns.items()
        if not name.endswith(HISTORY)
        and (risky := [c for c in contrasts if _at_risk(c, each.units)])
    }
    if not at_risk:
        return ()
    asked = [each for name in at_risk for each in (name, f"{name}{HISTORY}") if each in columns]
    skewness = sample_skewness(source, {name: columns[name] for name in asked})
    said = (_warning(name, risky, columns[name].units, skewness) for name, risky in at_risk.items())
    return tuple(text for text in said if text)


def _cells(contrast: Contrast, units: Mapping[str, int]) -> list[tuple[float, int]]:
    """Weights and units; none where an arm has too few to be estimated at all."""
    found = [(weight, units.get(arm, 0)) for arm, weight in contrast.cells]
    return found if all(n > 1 for _, n in found) else []


def _at_risk(contrast: Contrast, units: Mapping[str, int]) -> bool:
    cells = _cells(contrast, units)
    return bool(cells) and could_be_unsafe(sum(units.values()), cells)


def _warning(
    outcome: str,
    contrasts: Sequence[Contrast],
    units: Mapping[str, int],
    skewness: Mapping[str, float],
) -> str:
    known = [abs(skewness[n]) for n in (outcome, f"{outcome}{HISTORY}") if n in skewness]
    if not known:
        return ""
    g, total = sum(known) / len(known), sum(units.values())
    unsafe = [c.name for c in contrasts if score(g, total, _cells(c, units)) >= THRESHOLD]
    if not unsafe:
        return ""
    more = f" and {len(unsafe) - NAMED} more" if len(unsafe) > NAMED else ""
    return (
        f"{WARNING}: {outcome} is so skewed (skewness {g:.3g} in {total:,} units, and samples show "
        "too little of it) that the 95% interval of a mean covers less than 93% where arms are so "
        f"unlike in size: {', '.join(unsafe[:NAMED])}{more}. Read winsorised or quantile "
        "beside it, and next time draw arms of one size"
    )
