"""Difference in means under permuted blocks, with the variance between blocks.

Within a phase every stratum fills blocks of one composition, so an arm's mean over the phase is its
mean over blocks. Let u_ba be what block b adds to the error of arm a's mean,

    u_ba = sum_{i in b, a} (y_i - ybar_a) / n_a.

Blocks are permuted independently, so over the K blocks of a phase

    V = K / (K - 1) sum_b u_b u_b',      m_a = sum_p (n_p / n) ybar_pa over phases p,

and a contrast c'm has variance sum_p (n_p / n)^2 c'V_p c with Satterthwaite's degrees of freedom
from min_a 1 / sum_b (n_ba / n_a)^2 - 1: as many blocks as an arm would be in were its units spread
evenly, K_p if all are full. A rare arm that is in few of many short blocks has no K_p - 1 degrees
(Carter, Schnepel and Steigerwald 2017). Where all blocks are full, c'Vc is the variance of the
blocks' own contrasts over K, the estimator for pairs and for small blocks of one size (Imai 2008;
Pashley and Miratrix 2021): it needs no second unit of an arm in a block. In expectation it is too
large by the variance of the blocks' effects over K, never too small: levels cancel inside a block,
effects do not. A block that is not full adds what its units add; it is the cluster-robust variance
with the block as cluster (de Chaisemartin and Ramirez-Cuellar 2024).

Sources: Imai 2008 (Statistics in Medicine 27); Pashley and Miratrix 2021 (Journal of Educational
and Behavioral Statistics 46); Carter, Schnepel and Steigerwald 2017 (Review of Economics and
Statistics 99) for the effective number of clusters; de Chaisemartin and Ramirez-Cuellar 2024
(American Economic Journal: Applied Economics 16).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.sets import SetTotals, phases, spread_over

if TYPE_CHECKING:
    from collections.abc import Sequence


def blocked(totals: SetTotals, arms: Sequence[str]) -> ArmMeans:
    """Means of ``totals``' outcome under each of ``arms``, none of them ``too_few``.

    ``totals`` has a set for each block.
    """
    found = list(phases(totals, arms))
    n = np.array([each.n for each in found])
    share = (n.sum(axis=1) / n.sum())[:, None]
    k = np.array([len(each.adds) for each in found], dtype=np.float64)
    between = np.array([each.adds.T @ each.adds for each in found])
    joint = (share**2 * (k / (k - 1))[:, None])[:, :, None] * between
    spread = np.array([spread_over(each).min() for each in found])
    return ArmMeans(
        outcome=totals.outcome,
        estimator="blocked",
        arms=tuple(arms),
        n=n.sum(axis=0),
        means=(share * np.array([each.means for each in found])).sum(axis=0),
        variances=np.diagonal(joint, axis1=1, axis2=2),
        freedom=(spread - 1)[:, None],
        joint=joint,
    )
