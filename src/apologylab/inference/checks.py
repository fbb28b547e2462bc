"""Checks: tests of the experiment, not of the remedy. A failed one puts every effect in doubt.

A check fails at p below 0.001, not 0.05: it is read at every look and a false alarm stops a team
for days, while the faults it looks for (a lost log, a skewed draw) give far smaller p at any size
that matters (Fabijan and others 2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.blocks import block_of, blocks
from apologylab.inference.moments import (
    Counts,
    Floats,
    Moments,
    Request,
    cell_means,
    cell_scatters,
)
from apologylab.inference.results import Check
from apologylab.inference.special import chdtrc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHECK_ALPHA = 0.001


class Part(NamedTuple):
    """A chi-square statistic and its degrees of freedom; no degrees where nothing is compared."""

    statistic: float
    df: int


def sample_ratio(
    name: str,
    counts: Mapping[int, Mapping[str, int]],
    weights: Mapping[int, Mapping[str, int]],
    *,
    of: str = "units",
) -> Check:
    """Are there as many units in each arm as the design draws?

    Pearson's chi-square within each phase against the planned weights, summed over phases with
    their degrees of freedom (R3).

    Args:
        name: of the check: whether at assignment or on the analysed rows.
        counts: phase -> arm -> units.
        weights: phase -> arm -> planned weight.
        of: what was drawn each by itself.

    >>> sample_ratio("srm", {1: {"a": 9463, "b": 7681}}, {1: {"a": 1, "b": 1}}).passed
    False
    """
    if impossible := never_drawn(name, counts, weights, of=of):
        return impossible
    parts = [pearson(counts.get(phase, {}), drawn) for phase, drawn in weights.items()]
    return chi_square(name, parts, f"{of} by arm", "the planned weights")


def never_drawn(
    name: str,
    counts: Mapping[int, Mapping[str, int]],
    weights: Mapping[int, Mapping[str, int]],
    *,
    of: str = "units",
) -> Check | None:
    """The failed check of units where the design puts none; None where there are none."""
    stray = _strays(counts, weights)
    if not stray:
        return None
    return Check(
        name=name,
        statistic=float(sum(stray.values())),
        p_value=0.0,
        passed=False,
        says=f"{of} in arms that are never drawn there: {_listed(stray)}",
    )


def pearson(counts: Mapping[str, int], drawn: Mapping[str, int]) -> Part:
    """Chi-square of units by arm against planned weights."""
    planned = {arm: weight for arm, weight in drawn.items() if weight > 0}
    n = np.array([counts.get(arm, 0) for arm in planned], dtype=np.float64)
    if not n.sum():
        return Part(0.0, 0)
    expected = n.sum() * np.array(list(planned.values())) / sum(planned.values())
    return Part(float((np.square(n - expected) / expected).sum()), len(planned) - 1)


def _strays(
    counts: Mapping[int, Mapping[str, int]], weights: Mapping[int, Mapping[str, int]]
) -> dict[str, int]:
    """Units where the design puts none."""
    return {
        f"{arm} in phase {phase}": n
        for phase, arms in counts.items()
        for arm, n in arms.items()
        if n and not weights.get(phase, {}).get(arm, 0)
    }


def _listed(stray: Mapping[str, int]) -> str:
    return ", ".join(f"{n} in {where}" for where, n in stray.items())


def attrition(
    outcome: str,
    assigned: Mapping[int, Mapping[str, int]],
    analysed: Mapping[int, Mapping[str, int]],
) -> Check:
    """Is the outcome missing as often in every arm?

    Chi-square of homogeneity of missing against measured by arm, within phases, summed.

    Args:
        outcome: whose units are counted.
        assigned: phase -> arm -> units that could have been measured.
        analysed: phase -> arm -> units that have the outcome.

    Raises:
        InputError: more units are analysed than were assigned.
    """
    name, missing, parts = f"attrition: {outcome}", 0, []
    for phase, arms in assigned.items():
        n = np.array(list(arms.values()), dtype=np.float64)
        gone = n - [analysed.get(phase, {}).get(arm, 0) for arm in arms]
        if (gone < 0).any():
            raise InputError(
                f"phase {phase} has more units with {outcome} than units", do="count both again"
            )
        missing += int(gone.sum())
        parts.append(homogeneity(n[n > 0], gone[n > 0]))
    if not missing:
        says = f"no unit lacks {outcome}"
        return Check(name=name, statistic=0.0, p_value=None, passed=True, says=says)
    rate = f"one rate ({missing} units lack it)"
    return chi_square(name, parts, f"missing {outcome} by arm", rate)


def homogeneity(n: Floats, gone: Floats) -> Part:
    """Chi-square of ``gone`` among ``n``; nothing if none or all are gone."""
    rate = gone.sum() / max(n.sum(), 1)
    if not 0 < rate < 1:
        return Part(0.0, 0)
    statistic = (np.square(gone - n * rate) / (n * rate * (1 - rate))).sum()
    return Part(float(statistic), len(n) - 1)


def balance_request(covariates: Sequence[str]) -> Request:
    """The moments that :func:`balance` reads."""
    return Request(covariates[0], tuple(covariates[1:]))


def balance(moments: Moments) -> Check:
    """Were the arms alike before the draw, in all covariates together?

    Within each block, sum_a n_a d_a' S^- d_a with d_a the arm's means less the block's and S the
    covariance of all the block's units, which is what a random draw permutes; summed over blocks.
    It is (n - 1) times Pillai's trace, chi-square with rank(S) (arms - 1) degrees of freedom;
    Hansen and Bowers 2008 (Statistical Science 23) for two arms.
    """
    name, covariates = "covariate balance", ", ".join(moments.columns)
    if not np.isfinite(moments.products).all():
        return Check(
            name=name,
            statistic=0.0,
            p_value=None,
            passed=None,
            says=f"says nothing: {covariates} are missing or not finite for some units",
        )
    means, scatters, parts = cell_means(moments), cell_scatters(moments), []
    for block in blocks(moments.cells):
        mine = [i for i, cell in enumerate(moments.cells) if block_of(cell) == block]
        parts.append(pillai(moments.n[mine], means[mine], scatters[mine]))
    return chi_square(name, parts, f"means of {covariates} by arm", "a random draw")


def pillai(n: Counts, means: Floats, scatters: Floats) -> Part:
    """One block with g arms and k covariates."""
    d = means - n @ means / n.sum()
    total = scatters.sum(axis=0) + (d * n[:, None]).T @ d
    spread = np.sqrt(np.diag(total))
    varies = spread > 0
    if not varies.any() or len(n) < 2:
        return Part(0.0, 0)
    d, spread = d[:, varies] / spread[varies], spread[varies]
    correlation = total[np.ix_(varies, varies)] / np.outer(spread, spread)
    inverse = np.linalg.pinv(correlation, rcond=1e-10, hermitian=True)
    rank = int(np.linalg.matrix_rank(correlation, tol=1e-10, hermitian=True))
    quadratic = np.einsum("a,ai,ij,aj->", n, d, inverse, d)
    return Part(float((n.sum() - 1) * quadratic), rank * (len(n) - 1))


def chi_square(name: str, parts: Sequence[Part], seen: str, plan: str) -> Check:
    """The check on the sum of independent parts."""
    statistic, df = sum(part.statistic for part in parts), sum(part.df for part in parts)
    if df == 0:
        return Check(
            name=name,
            statistic=0.0,
            p_value=None,
            passed=None,
            says="says nothing: there are not units in two arms to compare",
        )
    p = float(chdtrc(df, statistic))
    passed = p >= CHECK_ALPHA
    verb = "agree with" if passed else "do not agree with"
    return Check(
        name=name,
        statistic=statistic,
        p_value=p,
        passed=passed,
        says=(
            f"{seen} {verb} {plan}: chi-square {statistic:.3f} on {df}, p {p:.3g} "
            f"(fails below {CHECK_ALPHA})"
        ),
    )
