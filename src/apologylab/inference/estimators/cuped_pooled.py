"""CUPED with one theta for all arms, as tea-tasting and many platforms have it.

With C the covariance of (y, x) over all units of a block, whatever their arm,

    theta = C_xx^-1 C_xy,    m_a = ybar_a - (xbar_a - xbar)' theta,
    V_aa = var_a(y - theta' x) / n_a,

and Satterthwaite's degrees of freedom from n_a - 1. theta is taken as given: its own error is of
second order, for it multiplies a difference that is 0 in expectation. One theta is the best where
slopes do not differ by arm, or arms are of one size; elsewhere :mod:`.cuped` and Lin's adjustment
are more precise (Freedman 2008; Lin 2013).

Sources: Deng, Xu, Kohavi and Walker 2013 (WSDM), equations 3 to 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.blocks import lay_out
from apologylab.inference.moments import (
    Floats,
    Moments,
    cell_means,
    cell_scatters,
    pooled_scatter,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def pooled_theta(n: Floats, means: Floats, scatters: Floats) -> Floats:
    """theta over all units, (..., k), from arms' n (..., a), means (..., a, 1 + k), scatters.

    >>> within = np.array([[[5.0, 1.0], [1.0, 2.0]]] * 2)
    >>> pooled_theta(np.array([9.0, 9.0]), np.zeros((2, 2)), within).tolist()
    [0.5]
    """
    scatter = pooled_scatter(n, means, scatters)
    theta = np.linalg.solve(scatter[..., 1:, 1:], scatter[..., 1:, :1])[..., 0]
    return np.asarray(theta, dtype=np.float64)


def cuped_pooled(moments: Moments, arms: Sequence[str]) -> ArmMeans:
    """Adjusted means of ``moments``' first column under each of ``arms``.

    They are neither ``unable`` nor ``unadjustable``.
    """
    layout = lay_out(moments, arms)
    n, share = moments.n[layout.rows], layout.share[:, None]
    means = cell_means(moments)[layout.rows]
    scatters = cell_scatters(moments)[layout.rows]
    theta = pooled_theta(n.astype(np.float64), means, scatters)
    g = np.concatenate([np.ones((len(theta), 1)), -theta], axis=1)
    moved = means - np.insert(layout.means[:, None, 1:], 0, 0.0, axis=2)
    return ArmMeans(
        outcome=moments.columns[0],
        estimator="cuped_pooled",
        arms=layout.arms,
        n=n.sum(axis=0),
        means=(share * np.einsum("bi,bai->ba", g, moved)).sum(axis=0),
        variances=np.square(share) * np.einsum("bi,baij,bj->ba", g, scatters, g) / (n - 1) / n,
        freedom=(n - 1).astype(np.float64),
    )
