"""Bootstrap draws as weights: how often each row of a table is drawn.

A *row* is a unit, a distinct kind of unit that many are of, or a hash bucket of units. Any function
of sums needs no more of a draw than these weights w, (rows,): a resampled sum is w' times the
table. Another program's draws are replayed by the indices that it drew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Counts, Floats

CHUNK_BYTES = 4 * 2**20
"""Memory of the weights that are made at once."""
FEW = 20
"""Units a row from which a multinomial draw is quicker than drawing units one by one."""


def replayed(indices: NDArray[np.integer], n: int) -> Iterator[Floats]:
    """The draws of another program, (b, n) weights at a time.

    Args:
        indices: (draws, n) of units, from 0.
        n: units.

    Raises:
        InputError: an index is not a unit's, or no whole number.

    >>> next(replayed(np.array([[0, 0, 2]]), 3)).tolist()
    [[2.0, 0.0, 1.0]]
    """
    whole = np.issubdtype(indices.dtype, np.integer)
    if not whole or indices.ndim != 2 or indices.min(initial=0) < 0 or indices.max(initial=0) >= n:
        raise InputError(
            f"draws of {indices.dtype}, shape {indices.shape}, are not of {n} units",
            do=f"give (draws, units) whole numbers from 0 to {n - 1}",
        )
    yield from _counted((np.bincount(each, minlength=n) for each in indices), n, len(indices))


def resampled(rng: np.random.Generator, counts: Counts, draws: int) -> Iterator[Floats]:
    """As many units as there are, drawn with replacement, (b, rows) weights at a time.

    Args:
        rng: the randomness.
        counts: (rows,) units of each row; ones for rows that are units, or buckets.
        draws: how many samples.
    """
    n, rows = int(counts.sum()), len(counts)
    if rows * FEW < n:
        drawn = (rng.multinomial(n, counts / n) for _ in range(draws))
    elif rows == n:
        drawn = (np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(draws))
    else:
        row = np.repeat(np.arange(rows), counts)
        drawn = (np.bincount(row[rng.integers(n, size=n)], minlength=rows) for _ in range(draws))
    yield from _counted(drawn, rows, draws)


def _counted(drawn: Iterator[Counts], rows: int, draws: int) -> Iterator[Floats]:
    """Single draws gathered to arrays of weights that a processor's cache holds."""
    step = max(1, CHUNK_BYTES // (8 * rows))
    for start in range(0, draws, step):
        weights = np.empty((min(step, draws - start), rows))
        for row in weights:
            row[:] = next(drawn)
        yield weights
