"""Who is read at an early look, against who will be at the end.

Units mature in the order in which they came, so an early look reads the first ones. Of a covariate
with mean m_0 over the n_0 units that are enrolled and m over the n that are read, the others have
mean r = (n_0 m_0 - n m) / (n_0 - n); units to come are forecast to be like them:

    final = (n_0 m_0 + R r) / (n_0 + R),     difference = (m - final) / s,

R units to come, s the standard deviation over all enrolled. A difference beyond 0.1 is said (Austin
2009, Statistics in Medicine 28, for that bar): the effect on the first may not be that on all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.moments import cell_means, cell_scatters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats, Moments

DIFFERS = 0.1


class Shift(NamedTuple):
    """A covariate's mean over the units read now and as forecast at the end, and its difference."""

    name: str
    now: float
    final: float
    difference: float


def enrolled_mix(read: Moments, enrolled: Moments, *, to_come: int) -> tuple[Shift, ...]:
    """How the units read differ from the forecast final ones, covariate by covariate.

    Args:
        read: moments over the units read whose first column is the outcome, then covariates.
        enrolled: moments of those covariates over all units enrolled.
        to_come: units that are still to be enrolled.

    Covariates that do not vary, or that some unit lacks, are left out.
    """
    n, n0 = float(read.n.sum()), float(enrolled.n.sum())
    if not n or not n0:
        return ()
    now, everyone = _means(read)[1:], _means(enrolled)
    rest = (n0 * everyone - n * now) / (n0 - n) if n0 > n else everyone
    final = (n0 * everyone + to_come * rest) / (n0 + to_come)
    spread = _spread(enrolled, everyone)
    return tuple(
        Shift(name, float(now[i]), float(final[i]), float((now[i] - final[i]) / spread[i]))
        for i, name in enumerate(enrolled.columns)
        if np.isfinite(spread[i]) and spread[i] > 0
    )


def mix_in_words(shifts: Sequence[Shift]) -> tuple[str, ...]:
    """What an early look says of its units."""
    if not shifts:
        return (
            "no covariate says how the units read so far differ from those at the end: declare one",
        )
    off = [each for each in shifts if abs(each.difference) > DIFFERS]
    if not off:
        worst = max(shifts, key=lambda each: abs(each.difference))
        said = f"{worst.name} differs most, by {worst.difference:+.2f} standard deviations"
        return (f"the units read so far are like the forecast final ones: {said}",)
    return tuple(
        f"the units read so far differ from the forecast final ones in {each.name}: mean "
        f"{each.now:.4g} now, {each.final:.4g} at the end ({each.difference:+.2f} standard "
        "deviations); the effect on all may differ from the effect on the first"
        for each in off
    )


def _means(moments: Moments) -> Floats:
    return np.asarray(moments.n @ cell_means(moments) / moments.n.sum())


def _spread(moments: Moments, means: Floats) -> Floats:
    """(k,) standard deviations over all units."""
    within = np.diagonal(cell_scatters(moments), axis1=1, axis2=2).sum(axis=0)
    between = moments.n @ np.square(cell_means(moments) - means)
    return np.asarray(np.sqrt((within + between) / max(float(moments.n.sum()) - 1, 1)))
