"""Means weighted by the inverse of the known propensities (Hajek).

In a phase p the arm a is drawn with the planned propensity pi_pa. Over the arm's units i

    m_a = sum_i y_i / pi_i / N_a,    N_a = sum_i 1 / pi_i,
    V_aa = sum_p n_pa / (n_pa - 1) sum_{i in p} ((y_i - m_a) / (pi_i N_a))^2,

with Satterthwaite's degrees of freedom from n_pa - 1. With one phase this is Neyman's difference in
means. With several, post-stratification (:mod:`.difference_in_means`) is nearly always more
precise: it knows how many units each phase enrolled, and here the phases' levels are in the error.
It is the estimator where phases are too many, or too thin, to be strata (R26).

Augmenting it by a regression within each cell (AIPW) adds nothing of its own here: those
regressions leave residuals that sum to 0, and what is left is Lin's adjustment.

Sources: Hajek 1971; Horvitz and Thompson 1952 (Journal of the American Statistical Association 47);
Lunceford and Davidian 2004 (Statistics in Medicine 23), their second estimator, for the variance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.blocks import blocks, lay_out
from apologylab.inference.moments import Moments, cell_covariances, cell_means

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def ipw(
    moments: Moments, arms: Sequence[str], weights: Mapping[int, Mapping[str, int]]
) -> ArmMeans:
    """Weighted means of ``moments``' first column under each of ``arms``, none of them ``unable``.

    Args:
        moments: of the outcome, strata pooled.
        arms: those analysed.
        weights: phase -> arm -> planned integer weight.
    """
    layout = lay_out(moments, arms)
    n = moments.n[layout.rows].astype(np.float64)
    planned = [weights[block.phase] for block in blocks(moments.cells)]
    pi = np.array([[each[arm] / sum(each.values()) for arm in arms] for each in planned])
    total = (n / pi).sum(axis=0)
    means = cell_means(moments)[layout.rows, 0]
    m = (n / pi * means).sum(axis=0) / total
    squares = (n - 1) * cell_covariances(moments)[layout.rows, 0, 0] + n * np.square(means - m)
    return ArmMeans(
        outcome=moments.columns[0],
        estimator="ipw",
        arms=layout.arms,
        n=moments.n[layout.rows].sum(axis=0),
        means=m,
        variances=n / (n - 1) * squares / np.square(pi * total),
        freedom=n - 1,
    )
