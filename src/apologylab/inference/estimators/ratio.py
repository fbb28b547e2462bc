"""A ratio of two means, such as spend per visit, by the delta method.

Let y be the numerator and d the denominator of a unit. With arm means M_a post-stratified over
blocks as in :mod:`.difference_in_means`,

    R_a = M_ay / M_ad,    g_a = (1, -R_a) / M_ad,
    V_aa = sum_b (n_b / n)^2 g_a' C_ba g_a / n_ba,    C_ba the covariance of (y, d) in the cell.

The units are those randomised, so the visits of one customer may depend on each other as they
like. R_1 - R_0 compares two ratios of means over **all** enrolled units. It is an effect on the
ratio, not "the effect on a visit": where the remedy changes who visits, the arms' visits are not
alike.

With a ratio of covariates x / w from before the draw, Q_a = M_ax / M_aw, pooled over arms Q, and
theta the slope of the linearised y / d on the linearised x / w over all units, m_a = R_a - theta
(Q_a - Q), and g_a has the entries -theta (1, -Q_a) / M_aw for (x, w).

Sources: Deng, Knoblich and Lu 2018 (KDD), equations 3 and 4; Deng, Xu, Kohavi and Walker 2013
(WSDM), section 4, for ratios as covariates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.blocks import lay_out
from apologylab.inference.moments import (
    Floats,
    Moments,
    cell_covariances,
    cell_means,
    cell_scatters,
    pooled_scatter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST = 4.0
"""Standard errors by which a denominator's mean differs from 0, at least."""


def unrateable(moments: Moments, arms: Sequence[str]) -> Mapping[str, str]:
    """Arms with a denominator that may be 0, and why: the delta method has no ground there."""
    layout = lay_out(moments, arms)
    share = layout.share[:, None, None]
    means = (share * cell_means(moments)[layout.rows]).sum(axis=0)
    squares = cell_covariances(moments)[layout.rows].diagonal(axis1=2, axis2=3)
    errors = np.sqrt((share**2 * squares / moments.n[layout.rows][..., None]).sum(axis=0))
    names, reasons = moments.columns[1::2], {}
    for arm, mean, error in zip(arms, means[:, 1::2], errors[:, 1::2], strict=True):
        weak = [x for x, m, s in zip(names, mean, error, strict=True) if not abs(m) >= LEAST * s]
        weak += [x for x, m in zip(names, mean, strict=True) if m == 0]
        if weak:
            reasons[arm] = f"the mean of {weak[0]} in {arm} is too near 0 to divide by"
    return reasons


def ratio(moments: Moments, arms: Sequence[str]) -> ArmMeans:
    """Ratios of means under each of ``arms``, none of them ``unable`` or ``unrateable``.

    Args:
        moments: columns (y, d), or (y, d, x, w) to adjust for x / w.
        arms: those analysed together.
    """
    layout = lay_out(moments, arms)
    n, share = moments.n[layout.rows], layout.share[:, None]
    covariances = cell_covariances(moments)[layout.rows]
    means = (share[..., None] * cell_means(moments)[layout.rows]).sum(axis=0)
    ratios, gradients = means[:, 0] / means[:, 1], _gradient(means[:, :2])
    if len(moments.columns) == 4:
        theta, centre = _slope(moments, arms)
        ratios = ratios - theta * (means[:, 2] / means[:, 3] - centre)
        gradients = np.concatenate([gradients, -theta * _gradient(means[:, 2:])], axis=1)
    each = np.einsum("ai,baij,aj->ba", gradients, covariances, gradients)
    return ArmMeans(
        outcome=moments.columns[0],
        estimator="ratio",
        arms=layout.arms,
        n=n.sum(axis=0),
        means=ratios,
        variances=np.square(share) * each / n,
        freedom=(n - 1).astype(np.float64),
    )


def _gradient(means: Floats) -> Floats:
    """(1, -R) / d for rows of means (y, d), in the same shape."""
    return np.stack([1 / means[..., 1], -means[..., 0] / np.square(means[..., 1])], axis=-1)


def _slope(moments: Moments, arms: Sequence[str]) -> tuple[float, float]:
    """theta and Q over all units of ``arms``, whatever their arm."""
    rows = lay_out(moments, arms).rows.ravel()
    n, means = moments.n[rows].astype(np.float64), cell_means(moments)[rows]
    centre = n @ means / n.sum()
    scatter = pooled_scatter(n, means, cell_scatters(moments)[rows])
    y, x = _gradient(centre[:2]), _gradient(centre[2:])
    theta = (y @ scatter[:2, 2:] @ x) / (x @ scatter[2:, 2:] @ x)
    return float(theta), float(centre[2] / centre[3])
