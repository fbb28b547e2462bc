"""One axis for the intervals of one outcome: where a number stands, in per cent of the width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PADDING = 0.06


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From ``low`` to ``high``; both sides of 0 are always on it."""

    low: float
    high: float

    def at(self, value: float) -> str:
        """Per cent of the width at which ``value`` stands.

        >>> Axis(low=-1.0, high=1.0).at(0.5)
        '75.00%'
        """
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"

    @property
    def ticks(self) -> tuple[float, ...]:
        """Two to six round numbers, 0 among them.

        >>> Axis(low=-0.9, high=0.4).ticks
        (-0.5, 0.0)
        >>> Axis(low=-4.6, high=4.0).ticks
        (-4.0, -2.0, 0.0, 2.0, 4.0)
        """
        step = _round_step((self.high - self.low) / 5)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return tuple(round(k * step, 12) for k in range(first, last + 1))


def axis(values: Iterable[float]) -> Axis:
    """The axis that shows all ``values`` and 0.

    >>> axis([-1.0, 1.0]).at(0.0)
    '50.00%'
    """
    shown = [0.0, *values]
    low, high = min(shown), max(shown)
    room = PADDING * ((high - low) or 1.0)
    return Axis(low=low - room, high=high + room)


def _round_step(rough: float) -> float:
    ten = 10.0 ** math.floor(math.log10(rough))
    return next((ten * k for k in (1, 2, 5) if ten * k >= rough * 0.99), ten * 10)
