"""Whether something happens more often from week to week, or it only looks so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from apologylab.inference.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats

WEEKS: Final = 4
"""Weeks of which a trend is asked, at least."""
EVENTS: Final = 10
"""Events over which it is asked, at least: of fewer the interval would not be what it says."""
_STEPS: Final = 100


@dataclass(frozen=True, kw_only=True)
class Trend:
    """By what share a week's number changes to the next, with an interval at ``level``."""

    change: float
    low: float
    high: float
    level: float

    @property
    def says(self) -> str:
        """rising, falling or no trend to be seen: what the whole interval says.

        >>> Trend(change=0.1, low=0.02, high=0.2, level=0.95).says
        'rising'
        """
        if self.low > 0:
            return "rising"
        return "falling" if self.high < 0 else "no trend to be seen"


def trend(counts: Sequence[int], *, alpha: float = 0.05) -> Trend | None:
    """The trend of weekly ``counts``, the oldest first; None where too few say anything.

    The logarithm of the expected number is a line (Poisson). What the weeks scatter beyond chance,
    as outages that hit many at once make them do, widens the interval (quasi-likelihood: McCullagh
    and Nelder 1989, 9.2), which is Student's with two degrees of freedom less than weeks; weeks
    that scatter less than chance narrow nothing.

    >>> found = trend([100, 110, 121, 133, 146, 161])
    >>> f"{found.change:.3f}", found.says
    ('0.100', 'rising')
    """
    y = np.asarray(counts, dtype=np.float64)
    if len(y) < WEEKS or y.sum() < EVENTS:
        return None
    x: Floats = np.arange(len(y), dtype=np.float64) - (len(y) - 1) / 2
    fitted = _fit(x, y)
    if fitted is None:
        return None
    slope, mu = fitted
    df = len(y) - 2
    dispersion = max(1.0, float(((y - mu) ** 2 / mu).sum()) / df)
    centre = float((mu * x).sum() / mu.sum())
    error = math.sqrt(dispersion / float((mu * (x - centre) ** 2).sum()))
    reach = float(stdtrit(df, 1 - alpha / 2)) * error
    low, high = (math.expm1(min(end, 50.0)) for end in (slope - reach, slope + reach))
    return Trend(change=math.expm1(slope), low=low, high=high, level=1 - alpha)


def _fit(x: Floats, y: Floats) -> tuple[float, Floats] | None:
    """Slope and expected numbers by Newton's method; None where no finite line fits best.

    All in the first or in the last week pull the line up for ever.
    """
    if (y > 0).sum() < 2:
        return None
    line = np.array([math.log(y.mean()), 0.0])
    design = np.column_stack([np.ones_like(x), x])
    for _ in range(_STEPS):
        mu = np.exp(design @ line)
        step = np.linalg.solve((design.T * mu) @ design, design.T @ (y - mu))
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
        line = line + step
        if float(np.abs(step).max()) < 1e-12:
            break
    return float(line[1]), np.exp(design @ line)
