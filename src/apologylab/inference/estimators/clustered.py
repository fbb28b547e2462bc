"""Means over customers whose clusters were drawn, or who fell into clusters: errors between these.

The estimand is over customers: a large outage counts as often as it has customers. An arm's mean is
a ratio of cluster totals: in phase p, with n_pa customers of arm a and n_gpa of them in cluster g,

    u_gpa = sum_{i in g, p, a} (y_i - ybar_pa) / n_pa,    m_a = sum_p (n_p / n) ybar_pa,

    V = sum_g w_g w_g',    w_ga = sum_p (n_p / n) u_gpa / sqrt(1 - h_gpa),    h_gpa = n_gpa / n_pa:

the cluster-robust variance CR2 of the regression on an indicator of each arm in each phase, where
the matrix (I - H_gg)^(-1/2) of :mod:`apologylab.inference.between_clusters` has this closed form.
It is unbiased where customers are alike and independent, at any cluster sizes. Degrees of freedom
of a contrast c are Bell and McCaffrey's, with gamma_pa = (n_p / n) c_a:

    Omega_gh = sum_pa (gamma_pa^2 / n_pa) (h_gpa [g = h] - h_gpa h_hpa)
               / sqrt((1 - h_gpa) (1 - h_hpa)),        df = tr(Omega)^2 / tr(Omega^2).

CR0 has no division by 1 - h; CR1 multiplies each arm's variance by G_a / (G_a - 1). They have
Satterthwaite's degrees of freedom from G_a - 1, are too small where clusters are few and their
sizes very unequal, and hold where a cluster has one arm only. With clusters of one size CR1 and CR2
are s^2 / G_a of the cluster means, Neyman's variance with the cluster as unit.

Sources: Liang and Zeger 1986 (Biometrika 73); Bell and McCaffrey 2002 (Survey Methodology 28);
Imbens and Kolesar 2016 (Review of Economics and Statistics 98); Pustejovsky and Tipton 2018
(Journal of Business and Economic Statistics 36); Middleton and Aronow 2015 (Statistics, Politics
and Policy 6) for what unequal clusters do to the point.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.sets import Phase, SetTotals, phases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats

Errors = Literal["CR0", "CR1", "CR2"]


def clustered(totals: SetTotals, arms: Sequence[str], errors: Errors = "CR2") -> ArmMeans:
    """Means of ``totals``' outcome under each of ``arms``, none of them ``too_few``.

    ``totals`` has a set for each cluster; under CR0 and CR1 each set has units in one arm.
    """
    found = list(phases(totals, arms))
    n = np.array([each.n for each in found])
    share = (n.sum(axis=1) / n.sum())[:, None]
    means = (share * np.array([each.means for each in found])).sum(axis=0)
    if errors == "CR2":
        return _cr2(totals.outcome, tuple(arms), found, share, means)
    g = np.array([(each.drawn > 0).sum(axis=0) for each in found], dtype=np.float64)
    squares = np.array([np.square(each.adds).sum(axis=0) for each in found])
    return ArmMeans(
        outcome=totals.outcome,
        estimator="clustered",
        arms=tuple(arms),
        n=n.sum(axis=0),
        means=means,
        variances=share**2 * (g / (g - 1) if errors == "CR1" else 1.0) * squares,
        freedom=g - 1,
    )


def _cr2(
    outcome: str, arms: tuple[str, ...], found: Sequence[Phase], share: Floats, means: Floats
) -> ArmMeans:
    """``share`` (p, 1) of each phase in all units."""
    codes = np.unique(np.concatenate([each.codes for each in found]))
    w = np.zeros((len(codes), len(arms)))
    part = np.zeros((len(codes), len(found), len(arms)))
    for p, each in enumerate(found):
        at = np.searchsorted(codes, each.codes)
        part[at, p] = each.drawn / each.n
        w[at] += share[p] * each.adds / np.sqrt(1 - part[at, p])
    n = np.array([each.n for each in found], dtype=np.float64)
    joint = w.T @ w
    freedom = partial(_satterthwaite, part, share / np.sqrt(n))
    return ArmMeans(
        outcome=outcome,
        estimator="clustered",
        arms=arms,
        n=n.sum(axis=0).astype(np.int64),
        means=means,
        variances=np.diag(joint)[None, :],
        freedom=np.array([[freedom(c) for c in np.eye(len(arms))]]),
        joint=joint[None, :, :],
        freedom_of=freedom,
    )


def _satterthwaite(part: Floats, scale: Floats, c: Floats) -> float:
    """tr(Omega)^2 / tr(Omega^2) of a contrast.

    Omega = diag(d) - B B' with b = scale c h / sqrt(1 - h), and d the sum over phases and arms of
    (scale c)^2 h / (1 - h).

    Args:
        part: (G, p, a) h, each cluster's share of the units of each phase and arm.
        scale: (p, a) each phase's share of all units, over the root of the arm's units in it.
        c: (a,) the contrast.
    """
    gamma = scale * c
    left = 1 - part
    d = (gamma**2 * part / left).sum(axis=(1, 2))
    b = (gamma * part / np.sqrt(left)).reshape(len(part), -1)
    own = np.square(b).sum(axis=1)
    trace = float((d - own).sum())
    square = float((np.square(d) - 2 * d * own).sum() + np.square(b.T @ b).sum())
    return trace**2 / square
