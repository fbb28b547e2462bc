"""CUPED with each arm's own theta: covariate adjustment from the one scan, without a second pass.

With slopes b_a = C_xx^-1 C_xy within the arm and xbar over all arms analysed together (R29),

    m_a = ybar_a + (xbar - xbar_a)' b_a,
    cov(m_a, m_c) = [a = c] s_a^2 / n_a + b_a' C b_c / n,

where s_a^2 is the variance of y - b_a' x within the arm (divisor n_a - 1 - k for k covariates) and
C the covariance of x within arms. For two arms and one covariate the effect is

    (ybar_1 - ybar_0) - theta (xbar_1 - xbar_0),    theta = (n_0 b_1 + n_1 b_0) / n,

which is two-arm Lin: xbar - xbar_1 = n_0 (xbar_0 - xbar_1) / n, and alike for arm 0. Its variance
is var(y - theta x) / n_1 + var(y - theta x) / n_0, as usual for CUPED: the n = n_0 + n_1 units are
a sample of those that the remedy is for, so that slopes which differ add (b_1 - b_0)' C (b_1 - b_0)
/ n to the two s_a^2 / n_a. Lin's errors leave that out; they are for the mean over these units.

Over blocks the means are post-stratified as in :mod:`.difference_in_means`. Degrees of freedom are
Satterthwaite's from n_a - 1 - k.

Sources: Deng, Xu, Kohavi and Walker 2013 (WSDM); Lin 2013 for slopes by arm; Negi and Wooldridge
2021 (Econometric Reviews 40) for the shared term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.blocks import Layout, lay_out
from apologylab.inference.moments import Floats, Moments, cell_means, cell_scatters

if TYPE_CHECKING:
    from collections.abc import Sequence


def theta(b: tuple[float, float], n: tuple[int, int]) -> float:
    """The one theta of two arms that has the same effect as a slope for each: (n0 b1 + n1 b0) / n.

    >>> theta(b=(1.0, 3.0), n=(10, 30))
    1.5
    """
    return (n[0] * b[1] + n[1] * b[0]) / sum(n)


def cuped(moments: Moments, arms: Sequence[str]) -> ArmMeans:
    """Adjusted means of ``moments``' first column under each of ``arms``.

    They are neither ``unable`` nor ``unadjustable``.
    """
    layout = lay_out(moments, arms)
    n = moments.n[layout.rows].astype(np.float64)
    share = layout.share[:, None]
    scatters = cell_scatters(moments)[layout.rows]
    means = cell_means(moments)[layout.rows]
    slopes = np.linalg.solve(scatters[..., 1:, 1:], scatters[..., 1:, 0][..., None])[..., 0]
    away = layout.means[:, None, 1:] - means[..., 1:]
    freedom = n - len(moments.columns)
    left = scatters[..., 0, 0] - np.einsum("bak,bak->ba", slopes, scatters[..., 1:, 0])
    adjusted = means[..., 0] + np.einsum("bak,bak->ba", away, slopes)
    return ArmMeans(
        outcome=moments.columns[0],
        estimator="cuped",
        arms=layout.arms,
        n=moments.n[layout.rows].sum(axis=0),
        means=(share * adjusted).sum(axis=0),
        variances=np.square(share) * left / freedom / n,
        freedom=freedom,
        shared=_shared(layout, n, slopes.astype(np.float64), scatters[..., 1:, 1:]),
    )


def _shared(layout: Layout, n: Floats, slopes: Floats, scatters: Floats) -> Floats:
    """What the enrolled units' own xbar adds: share^2 b_a' C b_c / n in each block, (b, a, a)."""
    units = n.sum(axis=1)
    within = (scatters * (n / (n - 1))[..., None, None]).sum(axis=1) / units[:, None, None]
    each: Floats = np.einsum("bak,bkl,bcl->bac", slopes, within, slopes)
    shared: Floats = each * (np.square(layout.share) / units)[:, None, None]
    return shared
