"""100,000 units drawn by minimisation: each stored propensity is the rule's, and is kept.

The rule is written again here from its definition: the variance of the weighted counts by arm,
summed over the unit's fields, for each arm that it might join (Pocock and Simon 1975), and the coin
of Han, Enas and McEntegart (2009). The draws are those of the code: words of the units' hashes. All
tests are at 1e-4; with fixed salts the whole file fails by chance once in 1,000 seeds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from apologylab.assignment.assigner import Assigner
from apologylab.design.experiment import Allocation, Experiment
from apologylab.wire.declaration import read

Counts = Callable[[int, int], int]
FALSE_ALARM = 1e-4
DECLARATION = """
name = "minimised"
question = "Which words?"
owner = "tests"
[incident]
kind = "late"
recurs = false
[factors]
wording = ["none", "basic", "status"]
[allocation]
scheme = "minimisation"
strata = ["country", "tier", "app"]
weights = {weights}
coin = {coin}
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "today"
[today]
wording = "template"
[[outcomes]]
name = "orders_28d"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""
ARMS = ("silence", "basic", "status")
CASES = [
    ("equal", np.array([1, 1, 1]), 0.8, '"equal"'),
    ("unequal", np.array([3, 2, 1]), 0.75, "{ silence = 3, basic = 2, status = 1 }"),
]


def by_definition(counts: np.ndarray, weights: np.ndarray, coin: float) -> np.ndarray:
    """P(arm): ``counts`` (f, a) units that share the unit's values; all in floats."""
    target = weights / weights.sum()
    imbalance = np.zeros(len(weights))
    for arm in range(len(weights)):
        joined = counts + (np.arange(len(weights)) == arm)
        share = joined - joined.sum(axis=1, keepdims=True) * target
        imbalance[arm] = (share**2 / weights).sum()
    best = np.abs(imbalance - imbalance.min()) < 1e-9
    blind = (1 - coin) / (1 - target.min())
    pulled = best * weights / (best * weights).sum()
    law: np.ndarray = blind * target + (1 - blind) * pulled
    return law


def people(n: int, seed: int) -> np.ndarray:
    """Values of three fields, unequally frequent, (n, 3); each field's with numbers of its own."""
    rng = np.random.default_rng(seed)
    country = rng.choice(5, n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    return np.stack([country, 5 + rng.integers(0, 2, n), 7 + rng.binomial(1, 0.1, n)], axis=1)


class Life:
    """All draws of one case: arms, the rule's probabilities, and the propensities stored."""

    def __init__(self, weights: np.ndarray, coin: float, declared: str, n: int) -> None:
        experiment: Experiment = read(
            DECLARATION.format(weights=declared, coin=coin), where="minimised"
        )
        assert isinstance(experiment.allocation, Allocation)
        placing = Assigner(experiment).placing(1)
        assert placing.arms == ARMS
        self.levels, self.counts = people(n, 1), np.zeros((9, 3), dtype=np.int64)
        self.arms, self.law = np.empty(n, dtype=np.intp), np.empty((n, 3))
        self.stored = np.empty(n)
        for unit, levels in enumerate(self.levels):
            self.law[unit] = by_definition(self.counts[levels], weights, coin)
            alike = [dict(zip(ARMS, self.counts[level].tolist(), strict=True)) for level in levels]
            answer = placing.by_coin(f"customer-{unit}", alike)
            self.arms[unit] = ARMS.index(answer.arm)
            self.stored[unit] = answer.propensity
            self.counts[levels, self.arms[unit]] += 1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "weights", "coin", "declared"), CASES)
def test_propensities_and_frequencies_are_the_rules(
    name: str,
    weights: np.ndarray,
    coin: float,
    declared: str,
    counts: Counts,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("seed", 1)
    n = counts(30_000, 100_000)
    life = Life(weights, coin, declared, n)
    every = np.arange(n)
    np.testing.assert_allclose(life.stored, life.law[every, life.arms], rtol=1e-12)
    assert calibration(life) > FALSE_ALARM, name
    target = weights / weights.sum()
    found = np.bincount(life.arms)
    assert stats.chisquare(found, n * target).pvalue > 0.5, "counts vary less than by chance"
    for level in range(9):
        mine = life.counts[level]
        alone = np.sqrt(mine.sum() * target * (1 - target))
        assert np.abs(mine - mine.sum() * target).max() < 0.25 * alone.max(), (level, mine)


def calibration(life: Life) -> float:
    """p of "an arm that was drawn with probability p comes up in a share p of such draws"."""
    drawn: dict[tuple[float, ...], Counter[int]] = defaultdict(Counter)
    for law, arm in zip(np.round(life.law, 12).tolist(), life.arms.tolist(), strict=True):
        drawn[tuple(law)][arm] += 1
    statistic, freedom = 0.0, 0
    for law, arms in drawn.items():
        expected = arms.total() * np.array(law)
        if expected.min() < 5:
            continue
        seen = np.array([arms[i] for i in range(3)])
        statistic += float((np.square(seen - expected) / expected).sum())
        freedom += 2
    assert freedom >= 6
    return float(stats.chi2.sf(statistic, freedom))


@pytest.mark.parametrize(("name", "weights", "coin", "declared"), CASES)
def test_the_first_two_thousand_are_the_rules(
    name: str, weights: np.ndarray, coin: float, declared: str
) -> None:
    life = Life(weights, coin, declared, 2_000)
    np.testing.assert_allclose(
        life.stored, life.law[np.arange(2_000), life.arms], rtol=1e-12, err_msg=name
    )
    assert calibration(life) > FALSE_ALARM
