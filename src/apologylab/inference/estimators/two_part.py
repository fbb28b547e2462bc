"""Two parts of a mean: who spends at all, and how much those spend who do.

With p_a the share of arm a above 0 and q_a the mean of those above 0,

    m_a = p_a q_a,
    m_1 - m_0 = (p_1 - p_0) (q_1 + q_0) / 2 + (q_1 - q_0) (p_1 + p_0) / 2.

Only the product is an effect of the remedy on everybody who was enrolled, and its estimate and
error are those of :mod:`.difference_in_means`. q_1 - q_0 is **not** causal: the remedy changes who
spends, so the spenders of two arms are different customers (R28). The two terms describe where a
difference lies and are given without errors; Lee bounds say what can be said of those who would
spend under either arm.

Sources: Duan, Manning, Morris and Newhouse 1983 (Journal of Business & Economic Statistics 1) for
the two parts; Kitagawa 1955 (Journal of the American Statistical Association 50) for the terms;
Angrist and Pischke 2009, section 3.4.2, for why the second part is not causal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from apologylab.inference.moments import Floats


class Parts(NamedTuple):
    """Shares above 0 and means of those above 0 on two sides, (2,) each, treatment first."""

    shares: Floats
    means_above: Floats

    @property
    def through_shares(self) -> float:
        """What more or fewer spenders bring, at the two sides' average spender."""
        return float((self.shares[0] - self.shares[1]) * self.means_above.mean())

    @property
    def through_amounts(self) -> float:
        """What spenders of other amounts bring, at the two sides' average share."""
        return float((self.means_above[0] - self.means_above[1]) * self.shares.mean())


def parts(means: Floats, shares: Floats) -> Parts:
    """The parts of two sides' ``means`` (2,) with ``shares`` (2,) above 0; nan where none is.

    >>> found = parts(np.array([6.0, 4.0]), np.array([0.5, 0.4]))
    >>> found.means_above.tolist(), round(found.through_shares + found.through_amounts, 12)
    ([12.0, 10.0], 2.0)
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # where computes both sides
        return Parts(shares, np.where(shares > 0, means / shares, np.nan))
