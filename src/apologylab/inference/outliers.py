"""How much one unit moves an arm's mean, from sums alone.

With d a unit's distance from the mean, leaving it out moves the mean of n units by about d / n,
which in standard errors is |d| / sqrt(sum d^2). The largest |d| lies between
sqrt(sum d^4 / sum d^2) and (sum d^4)^(1/4), so that the largest influence lies between

    r = sqrt(sum d^4) / sum d^2    and    sqrt(r),

and the two meet where one unit has nearly all of the spread. Fourth powers add over units, so that
no engine has to look for its largest value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.derived import Product
from apologylab.inference.moments import Request
from apologylab.inference.results import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.inference.moments import Moments
    from apologylab.inference.source import Source

MOVES = 0.5
"""Standard errors that one unit may move a mean by."""
MOST_UNITS = 1_000_000
"""Of more the fourth powers are not summed: it would be a scan for one line."""


def outlier_influence(source: Source, outcome: str, mean: float) -> Check:
    """Does one unit move the mean of an arm by more than half its standard error?

    It fails nothing: units are not left out after the draw. ``winsorised`` beside it shows what
    the effect is without their tails.

    Args:
        source: of the units.
        outcome: the column.
        mean: of all its units, about which powers are taken.
    """
    powers = {f"{outcome}^{k}": Product(factors=((outcome, mean, k),)) for k in (2, 4)}
    squares, fourths = source.derive(powers).moments([Request(each) for each in powers])
    name, second, fourth = f"outlier influence: {outcome}", _by_arm(squares), _by_arm(fourths)
    least = {
        arm: float(np.sqrt(fourth[arm])) / total
        for arm, total in second.items()
        if 0 < total < float("inf")
    }
    if not least:
        says = f"says nothing: {outcome} does not vary"
        return Check(name=name, statistic=0.0, p_value=None, passed=None, says=says)
    arm = max(least, key=lambda each: least[each])
    moves, most = least[arm], least[arm] ** 0.5
    said = f"one unit of {arm} moves its mean of {outcome} by {moves:.2f} to {most:.2f} of its"
    return Check(
        name=name,
        statistic=moves,
        p_value=None,
        passed=True if moves <= MOVES else None,
        says=f"{said} standard error"
        + ("" if moves <= MOVES else ": read winsorised beside the mean"),
    )


def _by_arm(moments: Moments) -> Mapping[str, float]:
    """Arm -> sum of the column."""
    total: dict[str, float] = {}
    sums = moments.sums[:, 0] + moments.n * moments.shift[0]
    for cell, each in zip(moments.cells, sums.tolist(), strict=True):
        total[cell.arm] = total.get(cell.arm, 0.0) + each
    return total
