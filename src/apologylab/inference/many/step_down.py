"""Step-down p-values from resampled statistics: Romano and Wolf; List, Shaikh and Xu.

T_i is a statistic, T*_bi the same in draw b about the value it has in the sample. Hypotheses are
taken in order, and S_j are those from the j-th on.

**Romano and Wolf** 2005, 2016: in order of T, with B draws,

    p_(i) = max over j <= i of (1 + #{b: max_{S_j} T*_b >= T_(j)}) / (B + 1).

**List, Shaikh and Xu** 2019: statistics are first put on one scale, so that no outcome leads by
having heavier tails. With F_i(t) = 1 - #{b: T*_bi >= t} / B, hypotheses are taken in order of their
single p-values and

    single  (Remark 3.2)   p_i = (1 + #{b: F_i(T*_bi) > F_i(T_i)}) / B,
    step    (Theorem 3.1)  p_(j) = (1 + #{b: max_{S_j} F(T*_b) > F(T_(j))}) / B,
    transitive (Remark 3.7, in later versions 3.8)
                           the largest of these over the sets K in S_j that can be true together.

Where pairs of arms are compared, "all in K are true" says that arms are equal along K, so a pair
that was rejected cannot have both ends in one chain of K. The largest such K are kept: in each
outcome and subgroup a partition of the arms into sets without a rejected pair.

The authors print the value of each step; it can fall from one step to the next. ``adjusted`` is its
running maximum, with which "reject if p <= alpha" is the step-down test of Theorem 3.1.

Sources: Romano and Wolf 2005 (JASA 100) and 2016 (Statistics and Probability Letters 113); List,
Shaikh and Xu 2019 (Experimental Economics 22).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.many.p_values import down

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

MOST_SETS = 2_000
"""Sets K that are tried at one step; beyond, S_j itself is taken, which is never too small."""

MOST_ARMS = 9
"""Arms whose partitions are gone through; with more, S_j is taken too."""


class Compared(NamedTuple):
    """What one hypothesis compares: two arms, within an outcome and subgroup."""

    within: tuple[str, ...]
    arms: tuple[str, str]


class Stepped(NamedTuple):
    """p-values of List, Shaikh and Xu, (m,) each; ``step`` as the authors print it."""

    single: Floats
    step: Floats
    adjusted: Floats
    transitive_step: Floats
    transitive: Floats


def romano_wolf(t: Floats, drawn: Floats) -> Floats:
    """Adjusted p-values, (m,), of statistics ``t`` (m,) with draws (B, m); both not negative.

    >>> romano_wolf(np.array([3.0, 1.0]), np.array([[0.5, 2.0], [1.5, 0.5], [0.1, 0.2]])).tolist()
    [0.25, 0.5]
    """
    order = np.argsort(-t, kind="stable")
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    beyond = (largest >= t[order]).sum(axis=0)
    return down((1 + beyond) / (len(drawn) + 1), order)


def single_step_quantile(drawn: Floats, alpha: float) -> float:
    """The critical value of the largest of m statistics: of B maxima the ceil((B+1)(1-alpha))-th.

    >>> single_step_quantile(np.arange(1.0, 20.0)[:, None], 0.05)
    19.0
    """
    largest = np.sort(drawn.max(axis=1))
    at = int(np.ceil((len(largest) + 1) * (1 - alpha) - 1e-9)) - 1
    return float(largest[at]) if at < len(largest) else float("inf")


def list_shaikh_xu(t: Floats, drawn: Floats, compared: Sequence[Compared]) -> Stepped:
    """p-values by Theorem 3.1 and by transitivity.

    Args:
        t: (m,) statistics, not negative.
        drawn: (B, m) the same of each draw.
        compared: (m,) what each compares.
    """
    scale, own = _one_scale(t, drawn)
    draws = len(drawn)
    single = _p(np.count_nonzero(scale > own, axis=0), draws)
    order = np.argsort(single, kind="stable")
    largest = np.maximum.accumulate(scale[:, order[::-1]], axis=1)[:, ::-1]
    step = _p(np.count_nonzero(largest > own[order], axis=0), draws)
    by_sets = [
        _p(_most_beyond(scale, own[i], order[j:], order[:j], compared), draws)
        for j, i in enumerate(order)
    ]
    transitive = np.array(by_sets)
    return Stepped(
        single=single,
        step=_restored(step, order),
        adjusted=down(step, order),
        transitive_step=_restored(transitive, order),
        transitive=down(transitive, order),
    )


def _one_scale(t: Floats, drawn: Floats) -> tuple[Floats, Floats]:
    """F_i(T*_bi) (B, m) and F_i(T_i) (m,)."""
    ordered = np.sort(drawn, axis=0)
    scale, own = np.empty_like(drawn), np.empty_like(t)
    for i in range(len(t)):
        scale[:, i] = np.searchsorted(ordered[:, i], drawn[:, i], side="left")
        own[i] = np.searchsorted(ordered[:, i], t[i], side="left")
    return scale / len(drawn), own / len(drawn)


def _p(beyond: NDArray[np.intp] | int, draws: int) -> Floats:
    return np.minimum((np.asarray(beyond) + 1) / draws, 1)


def _restored(ordered: Floats, order: NDArray[np.intp]) -> Floats:
    back = np.empty_like(ordered)
    back[order] = ordered
    return back


def _most_beyond(
    scale: Floats,
    own: float,
    left: NDArray[np.intp],
    rejected: NDArray[np.intp],
    compared: Sequence[Compared],
) -> int:
    """The largest number of draws whose maximum over a possible set is beyond ``own``."""
    beyond = scale > own
    return max(
        int(np.count_nonzero(beyond[:, list(each)].any(axis=1)))
        for each in possible_sets(left.tolist(), rejected.tolist(), compared)
    )


def possible_sets(
    left: Sequence[int], rejected: Sequence[int], compared: Sequence[Compared]
) -> list[tuple[int, ...]]:
    """The largest sets of hypotheses in ``left`` that can be true while ``rejected`` are false.

    >>> pairs = [Compared(("y",), pair) for pair in (("a", "b"), ("a", "c"), ("b", "c"))]
    >>> possible_sets([1, 2], [0], pairs)
    [(1,), (2,)]
    """
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in left:
        groups[compared[i].within].append(i)
    choices = [_within(members, rejected, compared) for members in groups.values()]
    if np.prod([float(len(each)) for each in choices]) > MOST_SETS:
        return [tuple(left)]
    return [tuple(sorted(sum(each, ()))) for each in product(*choices)]


def _within(
    members: Sequence[int], rejected: Sequence[int], compared: Sequence[Compared]
) -> list[tuple[int, ...]]:
    """The largest possible sets of one outcome and subgroup."""
    within = compared[members[0]].within
    apart = {frozenset(compared[i].arms) for i in rejected if compared[i].within == within}
    arms = sorted({arm for i in members for arm in compared[i].arms})
    if not apart or len(arms) > MOST_ARMS:
        return [tuple(members)]
    found: set[tuple[int, ...]] = set()
    for partition in _partitions(arms, apart):
        inside = {arm: i for i, part in enumerate(partition) for arm in part}
        true = [i for i in members if len({inside[arm] for arm in compared[i].arms}) == 1]
        found.add(tuple(true))
    return [each for each in found if not any(set(each) < set(other) for other in found)] or [()]


def _partitions(
    arms: Sequence[str], apart: set[frozenset[str]]
) -> Iterable[tuple[tuple[str, ...], ...]]:
    """Partitions of ``arms`` with no pair of ``apart`` in one part."""
    if not arms:
        yield ()
        return
    first, rest = arms[0], arms[1:]
    for partition in _partitions(rest, apart):
        yield ((first,), *partition)
        for i, part in enumerate(partition):
            if not any(frozenset((first, other)) in apart for other in part):
                yield (*partition[:i], (first, *part), *partition[i + 1 :])
