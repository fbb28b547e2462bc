"""What a declared value may be, written beside its type: ``Annotated[int, Range(1, 3650)]``.

The declaration's reader, the JSON Schema and the reference page all read these, so a bound is
said once.
"""

from __future__ import annotations

from dataclasses import dataclass

NAME = r"[a-z0-9][a-z0-9_.-]*"


@dataclass(frozen=True)
class Range:
    """A number between ``low`` and ``high``, both included unless ``open_low``, ``open_high``."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False

    def admits(self, value: float) -> bool:
        """Whether ``value`` lies inside.

        >>> Range(0, 1, open_low=True).admits(0)
        False
        """
        above = self.low is None or (value > self.low if self.open_low else value >= self.low)
        below = self.high is None or (value < self.high if self.open_high else value <= self.high)
        return above and below


@dataclass(frozen=True)
class Text:
    """A text of 1 to ``longest`` characters that matches ``pattern`` as a whole, where given."""

    pattern: str | None = None
    longest: int = 255
    example: str = ""


@dataclass(frozen=True)
class Items:
    """A list or table with at least ``fewest`` entries, without repeats."""

    fewest: int = 1


@dataclass(frozen=True)
class Fine:
    """An amount that may have up to four decimals, finer than its currency: a price per message."""


@dataclass(frozen=True)
class Doc:
    """One sentence about a key, for the schema and the reference page."""

    text: str
