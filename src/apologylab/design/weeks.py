"""The weeks since the incident in which an outcome is measured, and their columns in the panel."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.design.experiment import Outcome

DAYS = 7


def week_columns(outcome: Outcome) -> tuple[str, ...]:
    """The panel's columns of an outcome's weeks, first to last; none if it has none."""
    number = len(outcome.weeks) or (len(week_windows(outcome)) if outcome.weekly else 0)
    return tuple(f"{outcome.name}:week{i + 1}" for i in range(number))


def week_windows(outcome: Outcome) -> tuple[tuple[int, int], ...]:
    """[start, end) of each week in days from the anchor; the last may be shorter."""
    end = outcome.window_days or 0
    return tuple(pairwise([*range(outcome.from_days, end, DAYS), end]))
