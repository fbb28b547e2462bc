"""Times to an event as a question names them."""

from __future__ import annotations

from dataclasses import dataclass

from apologylab.inference.survival.counts import Timed


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """How long it was until an event: two columns, and how they are reported.

    Attributes:
        name: of the outcome.
        role: its part in the plan.
        unit: of the time, such as "days".
        timed: the columns.
        window: the time after which nobody is followed; None: it differs.
        ends: what ends of kind 2, 3, .. are called.
    """

    name: str
    role: str
    timed: Timed
    unit: str = "days"
    window: float | None = None
    ends: tuple[str, ...] = ()
