"""Sample-ratio checks that follow the scheme which drew the arms (R3).

Under blocks and minimisation the arms' counts hardly vary, so the chi-square of independent draws
would see nothing; under clusters they vary far more, so it would see ghosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from apologylab.inference.checks import Part, chi_square, sample_ratio
from apologylab.inference.results import Check
from apologylab.inference.sets import Phase, phases

if TYPE_CHECKING:
    from apologylab.inference.moments import Counts
    from apologylab.inference.sets import Drawn, SetTotals

Scheme = Literal["independent", "blocks", "minimisation", "clusters"]
ByPhase = Mapping[int, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How the arms were drawn.

    Attributes:
        scheme: what drew them; ``clusters`` draws sets of customers each by itself.
        places: of blocks, phase -> arm -> places in one block.
        coin: of minimisation, how often the balancing arm of least weight is drawn.
        order: of minimisation, phase -> its units as they came, once they are known.
    """

    scheme: Scheme = "independent"
    places: ByPhase = field(default_factory=dict)
    coin: float = 0.0
    order: Mapping[int, Drawn] = field(default_factory=dict)


def blocks_ratio(name: str, sets: SetTotals, places: ByPhase, *, whole: bool) -> Check:
    """Does every block hold its arms as it was permuted?

    A full block has no choice. Of one with r of its B units, b_a of them in arm a when full, the
    order is random, so n_a is hypergeometric with mean r b_a / B; over blocks

        sum_a (O_a - E_a)^2 / (p_a phi),   phi = sum r (B - r) / (B - 1),   p_a = b_a / B

    is chi-square with arms - 1 degrees of freedom. Which units are missing from a block says
    nothing of their arms, unless arms are lost.

    Args:
        name: of the check.
        sets: units by block and arm.
        places: phase -> arm -> places in one block.
        whole: whether all units are here, so that only the last block of a stratum may have room.
    """
    if wrong := _impossible(sets, places, whole=whole):
        return Check(name=name, statistic=float(wrong[0]), p_value=0.0, passed=False, says=wrong[1])
    parts = []
    for phase, planned in places.items():
        arms = tuple(planned)
        parts += [
            _hypergeometric(found.drawn, np.array(list(planned.values()), dtype=np.float64))
            for found in phases(sets, arms)
            if found.phase == phase
        ]
    if len(sets.n) and not any(part.df for part in parts):
        says = "units by arm fill their blocks exactly"
        return Check(name=name, statistic=0.0, p_value=None, passed=True, says=says)
    return chi_square(name, parts, "units by arm", "the order of their blocks")


def _hypergeometric(drawn: Counts, places: np.ndarray) -> Part:
    """``drawn`` (k, a) units of each block by arm, against ``places`` (a,)."""
    size, r = places.sum(), drawn.sum(axis=1)
    phi = float((r * (size - r)).sum() / (size - 1))
    if phi <= 0:
        return Part(0.0, 0)
    share = places / size
    off = drawn.sum(axis=0) - r.sum() * share
    return Part(float((np.square(off) / (share * phi)).sum()), len(places) - 1)


def _impossible(sets: SetTotals, places: ByPhase, *, whole: bool) -> tuple[int, str] | None:
    """How many units stand where no block has a place for them, or blocks where units must be."""
    taken = np.array([places.get(cell.phase, {}).get(cell.arm, 0) for cell in sets.cells])
    over = int(np.maximum(sets.n - taken[sets.cell], 0).sum()) if len(sets.n) else 0
    if over:
        return over, f"{over} units stand in arms for which their blocks have no place"
    gaps = _gaps(sets, places) if whole and len(sets.n) else 0
    if gaps:
        return gaps, f"{gaps} blocks have room though later ones were begun: units are lost"
    return None


def _gaps(sets: SetTotals, places: ByPhase) -> int:
    """Blocks with room beyond the one that each stratum may have."""
    codes, row = np.unique(sets.code, return_inverse=True)
    filled = np.bincount(row, weights=sets.n)
    listed = sorted({(cell.phase, cell.stratum) for cell in sets.cells})
    stratum_of = np.array([listed.index((c.phase, c.stratum)) for c in sets.cells], dtype=np.intp)
    stratum = np.zeros(len(codes), dtype=np.intp)
    stratum[row] = stratum_of[sets.cell]
    size = np.array([sum(places.get(phase, {}).values()) for phase, _ in listed])
    room = np.bincount(stratum, weights=filled < size[stratum], minlength=len(listed))
    return int(np.maximum(room - 1, 0).sum())


def clusters_ratio(name: str, sets: SetTotals, weights: ByPhase) -> Check:
    """Are there as many clusters in each arm as the design draws, and none in two?"""
    counts: dict[int, dict[str, int]] = {}
    torn = 0
    for phase in phases(sets, _arms(sets)):
        counts[phase.phase] = dict(zip(_arms(sets), _held(phase), strict=True))
        torn += int(((phase.drawn > 0).sum(axis=1) > 1).sum())
    if torn:
        says = f"{torn} clusters have customers in two arms"
        return Check(name=name, statistic=float(torn), p_value=0.0, passed=False, says=says)
    return sample_ratio(name, counts, weights, of="clusters")


def clusters_size(name: str, sets: SetTotals) -> Check:
    """Do clusters hold as many customers in every arm?

    Customers come to a cluster after its arm is known. If the arm decides how many come, the arms'
    customers are not comparable, though as many clusters are in each arm as were drawn. Kruskal
    and Wallis' statistic of the clusters' sizes within each phase, ties at their middle rank,

        (G - 1) sum_a G_a (rbar_a - rbar)^2 / sum_g (r_g - rbar)^2,

    is chi-square with arms - 1 degrees of freedom; summed over phases. Ranks, because a few outages
    are far larger than all others.

    Args:
        name: of the check.
        sets: customers by cluster and arm.
    """
    parts = [_ranked(phase.drawn) for phase in phases(sets, _arms(sets))]
    return chi_square(name, parts, "customers per cluster by arm", "one size in every arm")


def _ranked(drawn: Counts) -> Part:
    """``drawn`` (k, a) customers of each cluster by arm, each cluster in its main one."""
    _, level, ties = np.unique(drawn.sum(axis=1), return_inverse=True, return_counts=True)
    held = np.bincount(drawn.argmax(axis=1)) if len(drawn) else np.zeros(0, dtype=np.intp)
    arms = int((held > 0).sum())
    if arms < 2 or len(ties) < 2:
        return Part(0.0, 0)
    off = (np.cumsum(ties) - (ties - 1) / 2)[level] - (len(drawn) + 1) / 2
    sums = np.bincount(drawn.argmax(axis=1), weights=off)[held > 0]
    between = (np.square(sums) / held[held > 0]).sum()
    return Part(float((len(drawn) - 1) * between / np.square(off).sum()), arms - 1)


def _arms(sets: SetTotals) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.arm for cell in sets.cells))


def _held(phase: Phase) -> list[int]:
    """Clusters of each arm."""
    held: list[int] = (phase.drawn > 0).sum(axis=0).tolist()
    return held
