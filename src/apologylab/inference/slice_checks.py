"""Checks within slices of the units: by day or stratum, at each stage of delivery, by cause.

A fault that lasts a day, or that hits one stratum, drowns in the total. Chi-squares of slices add,
with their degrees of freedom, so that each check stays one test (R3, R11, R13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.checks import CHECK_ALPHA, Part, chi_square, homogeneity, pearson, pillai
from apologylab.inference.results import Check
from apologylab.inference.special import ndtr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats
    from apologylab.inference.sets import SetTotals

EXPECTED = 5.0
"""Units that every arm of a slice should have for its chi-square to be one."""
FEWEST_CAUSES = 20


class Stage(NamedTuple):
    """How many units of each arm came to a stage of delivery, and how many passed it.

    ``groups`` are label -> arm -> (came, passed), of units that only the arm tells apart, such as
    those with one delay.
    """

    name: str
    groups: Mapping[str, Mapping[str, tuple[int, int]]]


class Sliced(NamedTuple):
    """The units of an experiment in slices.

    ``slices`` are slicing (day, stratum) -> slice, in order -> phase -> arm -> units;
    ``fallbacks`` are phase -> arm -> units drawn or proposed for it, and of these those given the
    fallback.
    """

    slices: Mapping[str, Mapping[str, Mapping[int, Mapping[str, int]]]]
    stages: tuple[Stage, ...]
    fallbacks: Mapping[int, Mapping[str, tuple[int, int]]]


def ratio_within(
    name: str,
    slices: Mapping[str, Mapping[int, Mapping[str, int]]],
    weights: Mapping[int, Mapping[str, int]],
) -> Check:
    """Are there as many units in each arm as the design draws, in every slice?

    Slices with so few units that no chi-square fits them are put together with the next.

    Args:
        name: of the check.
        slices: day or stratum, in order -> phase -> arm -> units.
        weights: phase -> arm -> planned weight.

    >>> lost = {"Monday": {1: {"a": 500, "b": 500}}, "Tuesday": {1: {"a": 90, "b": 10}}}
    >>> check = ratio_within("by day", lost, {1: {"a": 1, "b": 1}})
    >>> check.passed, check.says.split(";")[1]
    (False, ' most in Tuesday')
    """
    parts = list(_slices(slices, weights))
    check = chi_square(name, [part for _, part in parts], "units by arm", "the planned weights")
    if check.passed is not False:
        return check
    worst = max(parts, key=lambda each: each[1].statistic)[0]
    return Check(
        name=name,
        statistic=check.statistic,
        p_value=check.p_value,
        passed=False,
        says=f"{check.says}; most in {worst}",
    )


def _slices(
    slices: Mapping[str, Mapping[int, Mapping[str, int]]],
    weights: Mapping[int, Mapping[str, int]],
) -> Iterator[tuple[str, Part]]:
    for phase, drawn in weights.items():
        least = min((weight for weight in drawn.values() if weight), default=0)
        share = least / max(sum(drawn.values()), 1)
        kept: dict[str, int] = {}
        since = ""
        for label, phases in slices.items():
            since = since or label
            for arm, n in phases.get(phase, {}).items():
                kept[arm] = kept.get(arm, 0) + n
            if sum(kept.values()) * share >= EXPECTED:
                yield (label if since == label else f"{since} to {label}"), pearson(kept, drawn)
                kept, since = {}, ""


def stage_check(stage: Stage) -> Check:
    """Do units of every arm pass a stage of delivery as often, where only the arm differs?

    >>> came = {"1h": {"basic": (1_000, 990), "silence": (1_000, 900)}}
    >>> stage_check(Stage("re-check", came)).passed
    False
    """
    pairs = [pair for arms in stage.groups.values() for pair in arms.values()]
    if all(came == passed for came, passed in pairs):
        says = f"all {sum(came for came, _ in pairs):,} units pass"
        return Check(name=stage.name, statistic=0.0, p_value=None, passed=True, says=says)
    parts = [_rates(arms) for arms in stage.groups.values()]
    return chi_square(stage.name, parts, "units passing by arm", "one rate in all arms")


def fallback_rate(units: Mapping[int, Mapping[str, tuple[int, int]]]) -> Check:
    """Was the fallback given as often whatever arm was proposed?

    Args:
        units: phase -> arm -> units drawn or proposed for it, and of these those given the
            fallback (R11).
    """
    name = "fallback rate by proposed arm"
    fallen = sum(gone for arms in units.values() for _, gone in arms.values())
    if not fallen:
        says = "no fallback was reported"
        return Check(name=name, statistic=0.0, p_value=None, passed=True, says=says)
    drawn = sum(n for arms in units.values() for n, _ in arms.values())
    parts = [_rates(arms) for arms in units.values()]
    return chi_square(name, parts, "fallbacks by proposed arm", f"one rate ({fallen} of {drawn:,})")


def _rates(arms: Mapping[str, tuple[int, int]]) -> Part:
    """Homogeneity of the rates of those that came."""
    came = np.array([n for n, _ in arms.values() if n], dtype=np.float64)
    through = np.array([each for n, each in arms.values() if n], dtype=np.float64)
    return homogeneity(came, through)


def interference(totals: SetTotals, arm: str, *, of: str) -> Check:
    """Does the outcome of units in one arm depend on what others with the same cause were sent?

    Without interference it does not: with cause g of n_g units, of which m_g in ``arm`` with
    residuals e, and w_g = (n_g - m_g) / (n_g - 1) the share of a unit's fellows in other arms,

        z = sum_g w_g E_g / sqrt(sum_g (w_g - wbar)^2 E_g^2),    E_g = sum of e over the m_g,

    since w_g is drawn and E_g is not (the residuals sum to 0, so that wbar falls out above).
    Residuals and shares are those within a phase: a ramp changes both from phase to phase (R26).
    A smell, not a proof: it sees effects that grow with the share treated.

    Args:
        totals: of the outcome by cause; units without one are sets of one.
        arm: whose units are looked at, the reference.
        of: what the sets are called, such as "cause".
    """
    name = f"interference within a {of}: {totals.outcome}"
    phase, n, m, total = _by_set(totals, arm)
    several = (n > 1) & (m > 0)
    phase, n, m, total = phase[several], n[several], m[several], total[several]
    if several.sum() < FEWEST_CAUSES:
        says = f"says nothing: {int(several.sum())} of {FEWEST_CAUSES} {of}s that it needs"
        return Check(name=name, statistic=0.0, p_value=None, passed=None, says=says)
    share = (n - m) / (n - 1)
    units = np.bincount(phase, m)
    with np.errstate(invalid="ignore"):  # a phase without the arm
        mean, usual = (np.bincount(phase, each) / units for each in (total, m * share))
    around = (share - usual[phase]) * (total - m * mean[phase])
    spread = float(np.square(around).sum()) ** 0.5
    if not spread > 0:
        says = f"says nothing: {totals.outcome} or the share of others does not vary"
        return Check(name=name, statistic=0.0, p_value=None, passed=None, says=says)
    z = float(around.sum()) / spread
    p = float(2 * ndtr(-abs(z)))
    passed = p >= CHECK_ALPHA
    verb = "does not depend" if passed else "DEPENDS"
    return Check(
        name=name,
        statistic=z,
        p_value=p,
        passed=passed,
        says=f"{totals.outcome} in {arm} {verb} on how many with the same {of} got something else: "
        f"z {z:.2f} over {int(several.sum()):,} {of}s, p {p:.3g} (fails below {CHECK_ALPHA})",
    )


def _by_set(totals: SetTotals, arm: str) -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
    """Of each set in a phase, (s,) each: the phase, units, those in the arm, and their total."""
    drawn = sorted({(cell.version, cell.phase) for cell in totals.cells})
    of_cell = np.array([drawn.index((cell.version, cell.phase)) for cell in totals.cells], np.intp)
    keys = np.stack((of_cell[totals.cell], totals.code), axis=1)
    sets, place = np.unique(keys, axis=0, return_inverse=True)
    mine = np.array([cell.arm == arm for cell in totals.cells])[totals.cell]
    size = int(place.max(initial=-1)) + 1
    sums = (totals.n, totals.n * mine, totals.total * mine)
    n, m, total = (np.bincount(place, each, size).astype(np.float64) for each in sums)
    return sets[:, 0].astype(np.intp), n, m, total


def clusters_balance(covariates: Sequence[SetTotals]) -> Check:
    """Were the arms alike before the draw, where clusters were drawn and not units?

    The totals u_g of the units' deviations from the phase's mean, by cluster, take the place of
    units in :func:`apologylab.inference.checks.balance`: they are what the draw permutes (Hansen
    and Bowers 2008, section 3.2).
    """
    names = ", ".join(each.outcome for each in covariates)
    first = covariates[0]
    phase = np.array([cell.phase for cell in first.cells])[first.cell]
    arms = np.array([cell.arm for cell in first.cells])[first.cell]
    parts = []
    for each in np.unique(phase):
        mine = phase == each
        n = first.n[mine]
        totals = np.stack([one.total[mine] for one in covariates], axis=1)
        u = totals - n[:, None] * (totals.sum(axis=0) / n.sum())
        parts.append(_permuted(arms[mine], u))
    return chi_square("covariate balance", parts, f"totals of {names} by arm", "a random draw")


def _permuted(arms: NDArray[np.str_], u: Floats) -> Part:
    """Pillai's trace of points with values u (g, k), drawn each by itself."""
    labels, at = np.unique(arms, return_inverse=True)
    n = np.bincount(at, minlength=len(labels))
    means = np.stack([np.bincount(at, each, len(labels)) for each in u.T], axis=1) / n[:, None]
    off = u - means[at]
    scatters = np.stack([off[at == i].T @ off[at == i] for i in range(len(labels))])
    return pillai(n, means, scatters)
