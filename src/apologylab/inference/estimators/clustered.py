"""Difference in means over customers whose clusters were drawn, with the variance between clusters.

The estimand is over customers: a large outage counts as often as it has customers. An arm's mean is
a ratio of cluster totals, so with G_a clusters g in arm a and n_a customers

    u_g = sum_{i in g} (y_i - ybar_a) / n_a,      V_aa = G_a / (G_a - 1) sum_{g in a} u_g^2,

post-stratified over phases as in :mod:`.difference_in_means`, with Satterthwaite's degrees of
freedom from G_a - 1. With clusters of one size V_aa is s^2 / G_a of the cluster means, Neyman's
variance with the cluster as unit; otherwise it is the cluster-robust (CR1) variance of a ratio,
which is somewhat too small where clusters are few and their sizes very unequal.

Sources: Liang and Zeger 1986 (Biometrika 73); Middleton and Aronow 2015 (Statistics, Politics and
Policy 6) for what unequal clusters do; Cameron and Miller 2015 (Journal of Human Resources 50).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.sets import SetTotals, phases

if TYPE_CHECKING:
    from collections.abc import Sequence


def clustered(totals: SetTotals, arms: Sequence[str]) -> ArmMeans:
    """Means of ``totals``' outcome under each of ``arms``, none of them ``too_few``.

    ``totals`` has a set for each cluster, and each set units in one arm.
    """
    found = list(phases(totals, arms))
    n = np.array([each.n for each in found])
    share = (n.sum(axis=1) / n.sum())[:, None]
    g = np.array([(each.drawn > 0).sum(axis=0) for each in found], dtype=np.float64)
    squares = np.array([np.square(each.adds).sum(axis=0) for each in found])
    return ArmMeans(
        outcome=totals.outcome,
        estimator="clustered",
        arms=tuple(arms),
        n=n.sum(axis=0),
        means=(share * np.array([each.means for each in found])).sum(axis=0),
        variances=share**2 * g / (g - 1) * squares,
        freedom=g - 1,
    )
