"""What every benchmark module shares: a row of the table, and timing in interleaved rounds."""

from __future__ import annotations

import gc
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Row(NamedTuple):
    """One comparison; ``ratio`` above 1 means that we are better. None: it was not measured."""

    case: str
    against: str
    ours: float | None
    theirs: float | None
    unit: str
    ratio: float | None


def rate(case: str, against: str, *, ours: float, theirs: float, unit: str) -> Row:
    """A row in which more is better, such as draws a second."""
    return Row(case, against, ours, theirs, unit, ours / theirs)


def cost(case: str, against: str, *, ours: float, theirs: float, unit: str) -> Row:
    """A row in which less is better, such as seconds."""
    return Row(case, against, ours, theirs, unit, theirs / ours)


def skipped(case: str, against: str, why: str) -> Row:
    """A row that could not be measured here."""
    return Row(case, f"{against} (skipped: {why})", None, None, "", None)


def medians(tasks: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Median seconds of each task over ``rounds``, one after the other within each round.

    Interleaving spreads a noisy minute of the machine over all of them. One round before the
    first warms up and is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            seconds = _seconds(task)
            if number:
                taken[name].append(seconds)
    return {name: median(values) for name, values in taken.items()}


def _seconds(task: Callable[[], object]) -> float:
    gc.collect()
    begun = time.perf_counter()
    task()
    return time.perf_counter() - begun
