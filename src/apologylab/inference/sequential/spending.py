"""How much of alpha a group-sequential test has spent by a share of its information.

Lan and DeMets 1983 (Biometrika 70): any function f with f(0) = 0 and f(1) = alpha that never
falls. The looks need not be equally spaced, nor their number known, as long as neither is chosen
by what the effects look like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.special import ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from apologylab.inference.moments import Floats

Shape = Literal["obrien_fleming", "pocock", "kim_demets"]


@dataclass(frozen=True, kw_only=True)
class Spending:
    """A spending function by its name; ``power`` is read by ``kim_demets`` alone.

    ====================  ========================================  ==========================
    ``obrien_fleming``    2 - 2 Phi(z_{1-a/2} / sqrt(t))            Lan and DeMets 1983
    ``pocock``            a log(1 + (e - 1) t)                      Lan and DeMets 1983
    ``kim_demets``        a t^power; 2 for t^2                      Kim and DeMets 1987
    ====================  ========================================  ==========================

    Here a is the error of one side. A two-sided test at alpha spends alpha / 2 on each side; the
    last two are proportional to a, so for them the sides make no difference.

    Raises:
        InputError: the power is not positive, or there is no such function.
    """

    shape: Shape = "obrien_fleming"
    power: float = 2.0

    def __post_init__(self) -> None:
        if self.shape not in _SHAPES:
            raise InputError(
                f"there is no spending function {self.shape!r}",
                do=f"name one of: {', '.join(_SHAPES)}",
            )
        if not self.power > 0:
            raise InputError(
                f"the spending power is {self.power}", do="give one above 0, such as 2"
            )

    def __str__(self) -> str:
        return f"kim_demets, t^{self.power:g}" if self.shape == "kim_demets" else self.shape

    def spent(self, share: Sequence[float] | Floats, alpha: float, *, sides: int = 2) -> Floats:
        """What is spent of ``alpha`` in all, both sides together, by each share of information.

        Args:
            share: (K,) of the final information, not falling; more than 1 counts as 1.
            alpha: of all looks together.
            sides: 1 or 2.

        Returns:
            (K,) cumulative, alpha where the share is 1.

        >>> Spending(shape="pocock").spent([0.5, 1.0], 0.05).round(5).tolist()
        [0.03101, 0.05]

        Raises:
            InputError: a share is not above 0, or they fall; alpha is below 0, or 1 and more.
        """
        if not 0 <= alpha < 1 or sides not in (1, 2):
            raise InputError(
                f"alpha is {alpha} on {sides} sides", do="give 0 <= alpha < 1, and 1 or 2 sides"
            )
        t = np.minimum(np.asarray(share, dtype=np.float64), 1.0)
        if not (t > 0).all() or (np.diff(t) < 0).any():
            raise InputError(
                "the shares of information must be above 0 and never fall",
                do="list them in the order of the looks",
            )
        return sides * _SHAPES[self.shape](t, alpha / sides, self.power)


def _obrien_fleming(t: Floats, a: float, _power: float) -> Floats:
    spent: Floats = 2 * ndtr(ndtri(a / 2) / np.sqrt(t))
    return spent


def _pocock(t: Floats, a: float, _power: float) -> Floats:
    spent: Floats = a * np.log1p((np.e - 1) * t)
    return spent


def _kim_demets(t: Floats, a: float, power: float) -> Floats:
    spent: Floats = a * t**power
    return spent


_SHAPES: Mapping[str, Callable[[Floats, float, float], Floats]] = {
    "obrien_fleming": _obrien_fleming,
    "pocock": _pocock,
    "kim_demets": _kim_demets,
}
