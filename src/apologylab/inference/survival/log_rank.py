"""The log-rank test, stratified by block.

At each distinct time of an event, with n_aj units of arm a at risk, n_j in all, and d_aj, d_j
events,

    U_a  = sum_j (d_aj - n_aj d_j / n_j),
    V_ab = sum_j d_j (n_j - d_j) / (n_j - 1) (n_aj / n_j) (1{a = b} - n_bj / n_j),

both summed over blocks; U' V^- U is chi-squared with arms - 1 degrees of freedom where the arms'
hazards of the event are the same at all times. For two arms U / V is Peto's one-step estimate of
the log hazard ratio, with variance 1 / V: its test is the log-rank test, and near a ratio of 1 its
value is Cox's. Other ends count as censoring: hazards are cause-specific.

Sources: Mantel 1966; Peto and Peto 1972; Yusuf, Peto et al. 1985 (Progress in Cardiovascular
Diseases 27) for U / V; Klein and Moeschberger 2003, equations 7.3.3 and 7.3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.blocks import block_of, blocks
from apologylab.inference.special import chdtrc
from apologylab.inference.survival.counts import EVENT, lives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats
    from apologylab.inference.survival.counts import EventCounts, Life


class LogRank(NamedTuple):
    """``score`` (a,) and its covariance ``variance`` (a, a), in the order of ``arms``."""

    arms: tuple[str, ...]
    score: Floats
    variance: Floats

    def test(self) -> tuple[float, int, float]:
        """Chi-squared, its degrees of freedom, and p.

        Raises:
            NotEstimable: no time of an event has units of two arms at risk.
        """
        df = int(np.linalg.matrix_rank(self.variance))
        if not df:
            raise NotEstimable("no event fell while two arms had units at risk")
        statistic = float(self.score @ np.linalg.pinv(self.variance) @ self.score)
        return statistic, df, float(chdtrc(df, statistic))


def log_rank(counts: EventCounts, arms: Sequence[str]) -> LogRank:
    """The log-rank scores of ``arms`` among themselves, over the blocks of ``counts``."""
    score, variance = np.zeros(len(arms)), np.zeros((len(arms), len(arms)))
    each = dict(zip(counts.cells, lives(counts), strict=True))
    for block in blocks(counts.cells):
        mine = {cell.arm: life for cell, life in each.items() if block_of(cell) == block}
        u, v = _block([mine.get(arm) for arm in arms])
        score += u
        variance += v
    return LogRank(tuple(arms), score, variance)


def _block(of: Sequence[Life | None]) -> tuple[Floats, Floats]:
    """U and V of one block, whose arms' lives are given."""
    events = [life.time[life.ended[:, EVENT] > 0] for life in of if life is not None]
    time = np.unique(np.concatenate(events)) if events else np.zeros(0)
    found = [_at(life, time) for life in of]
    n = np.stack([at_risk for at_risk, _ in found])
    d = np.stack([ended for _, ended in found])
    total, ended = n.sum(axis=0), d.sum(axis=0)
    share = n / total
    with np.errstate(invalid="ignore", divide="ignore"):  # one unit alone has no spread
        spread = np.where(total > 1, ended * (total - ended) / (total - 1), 0.0)
    score = (d - share * ended).sum(axis=1)
    variance = np.diag(share @ spread) - (share * spread) @ share.T
    return score, variance


def _at(life: Life | None, time: Floats) -> tuple[Floats, Floats]:
    """Units at risk and events at each of ``time``, (m,) each."""
    if life is None:
        return np.zeros(len(time)), np.zeros(len(time))
    at = np.searchsorted(life.time, time)
    at_risk = np.append(life.at_risk, 0.0)[at]
    same = np.append(life.time, np.inf)[at] == time
    return at_risk, np.where(same, np.append(life.ended[:, EVENT], 0.0)[at], 0.0)
