"""The sample-ratio check of minimisation: the scheme is run again on the units as they came (R3).

Who came in which order is kept, the coins are tossed anew, and the arms' counts that were found are
ranked among those of the redraws (a randomisation test; Rosenberger and Lachin 2016, chapter 6).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from apologylab.assignment.minimisation import blindness
from apologylab.assignment.strata import split
from apologylab.inference.checks import CHECK_ALPHA
from apologylab.inference.results import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats
    from apologylab.inference.sets import Drawn

REDRAWS = 1_000
LAST = 5_000
"""Units of a phase that are drawn anew, the last ones; those before stand as they were drawn."""


class Rule:
    """Minimisation by weights and coin, for many redraws at once.

    Attributes:
        arms: a names, of the positive weights.
        weights: (a,) integers.
    """

    def __init__(self, weights: Mapping[str, int], coin: float) -> None:
        positive = {arm: weight for arm, weight in weights.items() if weight > 0}
        self.arms = tuple(positive)
        self.weights = np.array(list(positive.values()), dtype=np.int64)
        self._blind = float(blindness(Fraction(str(coin)), list(positive.values())))
        self._score = lcm(*positive.values()) // self.weights

    def draw(self, counts: NDArray[np.int64], uniform: Floats) -> NDArray[np.intp]:
        """An arm for each of r redraws.

        Args:
            counts: (f, r, a) units like this one, by field, redraw and arm.
            uniform: (r,) in [0, 1).
        """
        score = (2 * counts.sum(axis=0) + len(counts)) * self._score
        tied = score == score.min(axis=1, keepdims=True)
        pulled = tied * self.weights
        share = self._blind * self.weights / self.weights.sum() + (
            1 - self._blind
        ) * pulled / pulled.sum(axis=1, keepdims=True)
        upto = share.cumsum(axis=1)[:, :-1]
        place: NDArray[np.intp] = (uniform[:, None] >= upto).sum(axis=1)
        return place


def minimised_ratio(
    name: str,
    drawn: Mapping[int, Drawn],
    weights: Mapping[int, Mapping[str, int]],
    coin: float,
    *,
    seed: int = 1,
    redraws: int = REDRAWS,
) -> Check:
    """Are there as many units in each arm as minimisation gives those who came?

    The statistic is Pearson's distance from the weights, summed over phases; p is the rank of what
    was found among ``redraws``, (1 + as far or farther) / (1 + redraws).

    Args:
        name: of the check.
        drawn: phase -> its units.
        weights: phase -> arm -> planned weight.
        coin: how often the balancing arm of least weight is drawn.
        seed: of the coins, so that the same units give the same p.
        redraws: how many.
    """
    rng = np.random.default_rng(seed)
    found, again, units = 0.0, np.zeros(redraws), 0
    for phase, order in drawn.items():
        rule = Rule(weights.get(phase, {}), coin)
        if stray := sorted(set(order.arms) - set(rule.arms)):
            says = f"units in arms that are never drawn there: {', '.join(stray)} in phase {phase}"
            return Check(name=name, statistic=0.0, p_value=0.0, passed=False, says=says)
        units += len(order.arms)
        counts = Counter(order.arms)
        found += float(_distance(np.array([[counts[arm] for arm in rule.arms]]), rule)[0])
        again += _distance(_redrawn(order, rule, rng, redraws), rule)
    if not units:
        says = "says nothing: there are no units"
        return Check(name=name, statistic=0.0, p_value=None, passed=None, says=says)
    p = (1 + int((again >= found - 1e-9).sum())) / (1 + redraws)
    verb = "agree with" if p >= CHECK_ALPHA else "do not agree with"
    return Check(
        name=name,
        statistic=found,
        p_value=p,
        passed=p >= CHECK_ALPHA,
        says=f"units by arm {verb} minimisation of those who came: distance {found:.3f}, p {p:.3g} "
        f"by rank in {redraws:,} redraws (fails below {CHECK_ALPHA})",
    )


def _distance(counts: NDArray[np.int64], rule: Rule) -> Floats:
    """Pearson's chi-square of (r, a) counts from the weights, (r,)."""
    n = counts.sum(axis=1, keepdims=True)
    expected = n * rule.weights / rule.weights.sum()
    distance: Floats = (np.square(counts - expected) / np.maximum(expected, 1e-300)).sum(axis=1)
    return distance


def _redrawn(order: Drawn, rule: Rule, rng: np.random.Generator, redraws: int) -> NDArray[np.int64]:
    """Arms' counts of each redraw, (r, a)."""
    stand = max(len(order.arms) - LAST, 0)
    arms = np.array([rule.arms.index(arm) for arm in order.arms[:stand]], dtype=np.intp)
    total = np.zeros((redraws, len(rule.arms)), dtype=np.int64)
    total += np.bincount(arms, minlength=len(rule.arms))
    every = np.arange(redraws)
    for place in anew(order, rule, rng, redraws, stand=stand):
        total[every, place] += 1
    return total


def anew(
    order: Drawn, rule: Rule, rng: np.random.Generator, redraws: int, *, stand: int = 0
) -> Iterator[NDArray[np.intp]]:
    """The arms (r,) of each unit in turn, after the first ``stand``, which stay as they are."""
    levels = _levels(order.strata)
    counts = np.zeros((int(levels.max()) + 1, redraws, len(rule.arms)), dtype=np.int64)
    arms = np.array([rule.arms.index(arm) for arm in order.arms[:stand]], dtype=np.intp)
    before = np.zeros((len(counts), len(rule.arms)), dtype=np.int64)
    for level in levels[:stand].T:
        np.add.at(before, (level, arms), 1)
    counts += before[:, None, :]
    every = np.arange(redraws)
    for unit in range(stand, len(order.arms)):
        mine = levels[unit]
        place = rule.draw(counts[mine], rng.random(redraws))
        counts[mine[:, None], every, place] += 1
        yield place


def _levels(strata: Sequence[str]) -> NDArray[np.intp]:
    """(n, f) numbers of the units' levels: each field's values have numbers of their own."""
    numbers: dict[str, int] = {}

    @cache
    def of(stratum: str) -> list[int]:
        return [numbers.setdefault(level, len(numbers)) for level in split(stratum)]

    return np.array([of(stratum) for stratum in strata], dtype=np.intp)
