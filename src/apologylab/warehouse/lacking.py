"""Covariates that some units of a table lack (R22).

They are 0 beside an indicator where every arm has enough units with and without; where it has not,
an indicator would single out units or not vary, and they are the mean of those that are known.
Either is the same whatever arm was drawn.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MISSING = ":missing"
"""Added to a covariate's name: 1 where a unit lacks it, 0 elsewhere (R22)."""
FEWEST = 10
"""Fewer units than this with, or without, a covariate in an arm do not carry an indicator."""


class Lack(NamedTuple):
    """Units that lack a covariate; the fewest with or without in an arm; the mean of the others."""

    units: int
    fewest: int
    mean: float

    @property
    def marked(self) -> bool:
        """Whether an indicator stands beside it."""
        return self.fewest >= FEWEST

    @property
    def instead(self) -> float:
        """What it is taken to be."""
        return 0.0 if self.marked or not isfinite(self.mean) else self.mean


def lack_of(arms: Iterable[tuple[int, int, float | None]]) -> Lack:
    """From each arm's units, those that lack the covariate, and the sum of the others.

    >>> lack_of([(40, 1, 78.0), (40, 0, 80.0)])
    Lack(units=1, fewest=0, mean=2.0)
    """
    units, lacking, total, fewest = 0, 0, 0.0, FEWEST
    for n, without, known in arms:
        units, lacking, total = units + n, lacking + without, total + (known or 0.0)
        fewest = min(fewest, without, n - without)
    return Lack(lacking, fewest, total / max(units - lacking, 1))


def indicators(lacking: Mapping[str, Lack]) -> tuple[str, ...]:
    """The covariates' indicators."""
    return tuple(f"{name}{MISSING}" for name, each in lacking.items() if each.marked)


def notes_of(lacking: Mapping[str, Lack]) -> tuple[str, ...]:
    """What is to be said of each."""
    return tuple(
        f"covariate {name!r} is missing for {each.units} unit{'s' * (each.units != 1)}: "
        + ("counted as 0 beside an indicator" if each.marked else "taken as the others' mean")
        for name, each in lacking.items()
    )
