"""Difference in means: Neyman's variance, Welch's degrees of freedom, post-stratified.

Within a block the arm's mean is ybar and its variance s^2 / n, which is unbiased for units drawn
from a population and conservative for the units at hand when effects differ among them. Over
blocks, with n_b units in block b of n in all,

    m_a = sum_b (n_b / n) ybar_ba,    V_aa = sum_b (n_b / n)^2 s_ba^2 / n_ba.

A contrast has Satterthwaite's degrees of freedom, (sum_j q_j)^2 / sum_j (q_j^2 / (n_j - 1)) over
its cells' contributions q_j; for two arms in one block these are Welch's.

The shares n_b / n are taken as given: the estimand is the mean over the units that were enrolled.

s^2 / n is HC2 of the regression on cells. HC0 has (n - 1) s^2 / n^2, HC1 that times N / (N - P)
over the N units and P cells of the regression, HC3 s^2 / (n - 1) (MacKinnon and White 1985).

Sources: Neyman 1923 (translated in Statistical Science 5, 1990); Welch 1947; Satterthwaite 1946;
Miratrix, Sekhon and Yu 2013 for post-stratification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.blocks import lay_out
from apologylab.inference.hc import small_sample
from apologylab.inference.moments import Errors, Moments, cell_covariances, cell_means

if TYPE_CHECKING:
    from collections.abc import Sequence


def difference_in_means(moments: Moments, arms: Sequence[str], errors: Errors = "HC2") -> ArmMeans:
    """Post-stratified means of ``moments``' first column under each of ``arms``.

    Every arm has two or more units in every block (:func:`apologylab.inference.blocks.unable`).
    """
    layout = lay_out(moments, arms)
    n = moments.n[layout.rows]
    share = layout.share[:, None]
    s2 = cell_covariances(moments)[layout.rows, 0, 0]
    residual = {"HC2": np.ones(n.shape), "HC3": n / (n - 1.0)}.get(errors, (n - 1.0) / n)
    factor = residual * small_sample(errors, int(n.sum()), n.size)
    return ArmMeans(
        outcome=moments.columns[0],
        estimator="difference_in_means",
        arms=layout.arms,
        n=n.sum(axis=0),
        means=(share * cell_means(moments)[layout.rows, 0]).sum(axis=0),
        variances=np.square(share) * s2 / n * factor,
        freedom=(n - 1).astype(np.float64),
    )
