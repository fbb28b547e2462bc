"""Checks of who can be measured: is it the same in every arm?

An arm that changes when units mature, or whose outcomes are lost, makes the arms' analysed units
different people, and no estimate of the effect on all enrolled holds without bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.checks import CHECK_ALPHA, chi_square, homogeneity
from apologylab.inference.results import Check
from apologylab.inference.sets import too_few
from apologylab.inference.special import betainc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.scheme_checks import ByPhase
    from apologylab.inference.sets import SetTotals


def maturity(outcome: str, assigned: ByPhase, mature: ByPhase) -> Check | None:
    """Have as many units matured in every arm? None where all have, or none.

    A unit's maturity is decided by when it was enrolled, which no arm can change; if it differs,
    anchors or feeds depend on the arm. Chi-square of homogeneity within phases, summed.

    Args:
        outcome: whose window is waited for.
        assigned: phase -> arm -> units.
        mature: phase -> arm -> those whose window is over.

    >>> maturity("spend", {1: {"a": 900, "b": 900}}, {1: {"a": 500, "b": 300}}).passed
    False
    """
    parts = []
    for phase, arms in assigned.items():
        n = np.array(list(arms.values()), dtype=np.float64)
        done = np.array([mature.get(phase, {}).get(arm, 0) for arm in arms], dtype=np.float64)
        parts.append(homogeneity(n[n > 0], done[n > 0]))
    if not any(part.df for part in parts):
        return None
    return chi_square(f"maturity: {outcome}", parts, "mature units by arm", "one rate")


def cluster_attrition(
    outcome: str, lost: SetTotals, weights: Mapping[int, Mapping[str, int]]
) -> Check:
    """Is the outcome lost as often in every arm, where customers of a cluster go missing together?

    With the arms' shares lost m, their covariance V between clusters (CR2) and C the differences
    from the first arm, W = m'C'(C V C')^-1 C m; W (d - q + 1) / (d q) is F on q = arms - 1 and
    d - q + 1, d the fewest degrees of freedom of an arm (Hotelling's approximation; Cai and Hayes
    2008, Pustejovsky and Tipton 2018).

    Args:
        outcome: its name.
        lost: totals by cluster of the indicator that the outcome is lost.
        weights: phase -> arm -> planned weight.
    """
    from apologylab.inference.estimators.clustered import clustered

    name = f"attrition: {outcome}"
    if not (lost.total + lost.n * lost.shift).sum() > 0.5:
        says = f"no unit lacks {outcome}"
        return Check(name=name, statistic=0.0, p_value=None, passed=True, says=says)
    arms = tuple(dict.fromkeys(arm for phase in weights.values() for arm in phase))
    refused = too_few(lost, arms, weights, of_one_arm=True)
    kept = [arm for arm in arms if arm not in refused]
    statistic, p = _wald(clustered(lost, kept)) if len(kept) > 1 else (0.0, None)
    if p is None:
        says = "says nothing: too few clusters to compare the arms"
        return Check(name=name, statistic=0.0, p_value=None, passed=None, says=says)
    verb = "agrees with" if p >= CHECK_ALPHA else "does not agree with"
    seen = f"missing {outcome} by arm {verb} one rate, errors between clusters"
    return Check(
        name=name,
        statistic=statistic,
        p_value=p,
        passed=p >= CHECK_ALPHA,
        says=f"{seen}: F {statistic:.3f}, p {p:.3g} (fails below {CHECK_ALPHA})",
    )


def _wald(means: ArmMeans) -> tuple[float, float | None]:
    """F and p of "all means are equal"; p is None where the clusters are too few."""
    q = len(means.arms) - 1
    c = np.column_stack([-np.ones(q), np.eye(q)])
    covariance = c @ means.covariance @ c.T
    d = float(np.nanmin(means.freedom))
    if np.linalg.matrix_rank(covariance) < q or d - q + 1 <= 0:
        return 0.0, None
    off = c @ means.means
    wald = float(off @ np.linalg.solve(covariance, off))
    second = d - q + 1
    statistic = wald * second / (d * q)
    return statistic, float(betainc(second / 2, q / 2, second / (second + q * statistic)))
