"""Winsorised means: what an outlier may count is held at a threshold that all arms share.

    y_i(c) = min(y_i, c),    c fixed in the plan, or the smallest value with at least a share
                             ``at`` of **all** units, whatever their arm, at or below it.

The effect is that on the mean of y(c), by :mod:`.difference_in_means`, and is so called. A
threshold for each arm would cut more off the arm with the larger values and so take away part of
the effect; one over all arms cannot make one where there is none. c is taken as given: its error is
common to the arms and, where the remedy changes nothing, cancels.

Sources: Tukey and McLaughlin 1963 (Sankhya A 25) for winsorising; Kohavi, Tang and Xu 2020, chapter
22, for capped metrics with a threshold over all variants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from apologylab.inference.moments import Counts, Floats


def threshold(value: Floats, n: Counts, at: float) -> float:
    """The smallest of ``value`` (m,), ascending with ``n`` (m,) units each, that holds ``at``.

    >>> threshold(np.array([0.0, 5.0, 90.0]), np.array([7, 2, 1]), 0.9)
    5.0
    """
    upto = np.cumsum(n)
    # Rounding in at * n must not push a threshold to the next value.
    needed = at * float(upto[-1]) * (1 - 1e-12)
    return float(value[np.searchsorted(upto, needed)])
