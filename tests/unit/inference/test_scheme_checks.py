"""Sample-ratio checks of blocks, clusters and minimisation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from apologylab.inference.arrays import panel
from apologylab.inference.redraw import Rule, minimised_ratio
from apologylab.inference.scheme_checks import (
    blocks_ratio,
    clusters_ratio,
    clusters_size,
)
from apologylab.inference.sets import Drawn

PLACES = {1: {"a": 2, "b": 1, "c": 1}}
WEIGHTS = {1: {"a": 1, "b": 1}}


def sets(arms, numbers, strata=None):
    source = panel({"one": np.ones(len(arms))}, arm=arms, stratum=strata, drawn_set=numbers)
    return source.set_totals(["one"])[0]


def full(blocks):
    return [arm for _ in range(blocks) for arm in "aabc"], np.repeat(range(blocks), 4).tolist()


def test_full_blocks_pass_without_chance():
    check = blocks_ratio("srm", sets(*full(9)), PLACES, whole=True)
    assert (check.passed, check.p_value) == (True, None)
    assert "exactly" in check.says


def test_a_block_that_is_not_full_is_hypergeometric():
    arms, numbers = full(5)
    check = blocks_ratio("srm", sets([*arms, "b", "c"], [*numbers, 5, 5]), PLACES, whole=True)
    phi = 2 * 2 / 3
    expected = 1 / (0.5 * phi) + 2 * 0.25 / (0.25 * phi)
    assert check.statistic == pytest.approx(expected, rel=1e-12)
    assert check.p_value == pytest.approx(stats.chi2.sf(expected, 2), rel=1e-12)


def test_more_units_than_places_fail():
    arms, numbers = full(50)
    arms[0] = "b"
    check = blocks_ratio("srm", sets(arms, numbers), PLACES, whole=True)
    assert (check.passed, check.statistic) == (False, 1)
    assert "no place" in check.says
    stray = blocks_ratio("srm", sets([*arms, "d"], [*numbers, 50]), PLACES, whole=False)
    assert (stray.passed, stray.statistic) == (False, 2)


def test_room_in_two_blocks_of_a_stratum_says_that_units_are_lost():
    arms, numbers = full(6)
    strata = ["north"] * 12 + ["south"] * 12
    one_each = sets(arms[1:-1], numbers[1:-1], strata[1:-1])
    assert blocks_ratio("srm", one_each, PLACES, whole=True).passed
    two = sets(arms[1:-5] + arms[-4:], numbers[1:-5] + numbers[-4:], ["north"] * 22)
    check = blocks_ratio("srm", two, PLACES, whole=True)
    assert check.passed is False
    assert "units are lost" in check.says
    assert blocks_ratio("srm", two, PLACES, whole=False).passed


def test_losing_one_arm_from_full_blocks_is_seen_at_once():
    """The chi-square of independent draws sees nothing in 5% of one arm lost; blocks do."""
    arms, numbers = full(500)
    kept = [i for i, arm in enumerate(arms) if not (arm == "b" and numbers[i] % 20 == 0)]
    found = sets([arms[i] for i in kept], [numbers[i] for i in kept])
    check = blocks_ratio("srm", found, PLACES, whole=False)
    assert check.passed is False
    naive = stats.chisquare([1000, 475, 500], np.array([2, 1, 1]) * 1975 / 4)
    assert naive.pvalue > 0.5


def test_no_units_say_nothing():
    empty = sets(["a"], [0])
    nothing = panel({"one": np.array([np.nan])}, arm=["a"], drawn_set=[0]).set_totals(["one"])[0]
    assert blocks_ratio("srm", nothing, PLACES, whole=True).passed is None
    assert clusters_ratio("srm", nothing, WEIGHTS).passed is None
    assert minimised_ratio("srm", {}, WEIGHTS, 0.8).passed is None
    assert clusters_ratio("srm", empty, WEIGHTS).p_value == pytest.approx(stats.chi2.sf(1, 1))


def test_clusters_are_counted_and_not_their_customers():
    """Ten clusters an arm, ten times as many customers in one."""
    arms = ["a"] * 10 + ["b"] * 100
    numbers = [*range(10), *(10 + i % 10 for i in range(100))]
    check = clusters_ratio("srm", sets(arms, numbers), WEIGHTS)
    assert check.statistic == 0
    assert "clusters by arm agree" in check.says


def test_a_cluster_in_two_arms_fails():
    check = clusters_ratio("srm", sets(["a", "b", "b"], [0, 0, 1]), WEIGHTS)
    assert check.passed is False
    assert "1 clusters have customers in two arms" in check.says


def minimised(rng, n, weights, coin):
    """Units in three countries and two tiers, drawn by the scheme itself."""
    rule = Rule(weights, coin)
    country, tier = rng.integers(0, 3, n), rng.integers(0, 2, n)
    counts = np.zeros((5, 1, len(rule.arms)), dtype=np.int64)
    arms = []
    for c, t in zip(country, 3 + tier, strict=True):
        (place,) = rule.draw(counts[[c, t]], rng.random(1))
        counts[[c, t], 0, place] += 1
        arms.append(rule.arms[place])
    return Drawn(strata=[f"c={c},t={t}" for c, t in zip(country, tier, strict=True)], arms=arms)


def test_minimisation_is_compared_with_itself():
    rng = np.random.default_rng(1)
    weights = {"a": 2, "b": 1, "c": 0}
    for _ in range(5):
        check = minimised_ratio("srm", {1: minimised(rng, 300, weights, 0.8)}, {1: weights}, 0.8)
        assert check.passed
        assert check.p_value > 0.01


def test_independent_draws_do_not_pass_for_minimisation():
    """Pearson's test of independent draws is content; 60 of 100 is not what minimisation gives."""
    arms = ["a"] * 60 + ["b"] * 40
    drawn = {1: Drawn(strata=["c=1"] * 100, arms=arms)}
    check = minimised_ratio("srm", drawn, WEIGHTS, 0.8)
    assert check.passed is False
    assert check.p_value == pytest.approx(1 / 1001)
    assert stats.chisquare([60, 40]).pvalue > 0.04
    assert minimised_ratio("srm", drawn, WEIGHTS, 0.8) == check


def test_arms_that_are_not_drawn_fail():
    drawn = {1: Drawn(strata=["c=1"], arms=["z"])}
    assert minimised_ratio("srm", drawn, WEIGHTS, 0.8).passed is False


def test_only_the_last_units_are_drawn_anew(monkeypatch):
    """Those before stand as they were: 40 more in one arm are balanced by the coin after them."""
    monkeypatch.setattr("apologylab.inference.redraw.LAST", 100)
    arms = ["a"] * 60 + ["b"] * 20 + ["b", "a", "b"] * 33 + ["b"]
    drawn = {1: Drawn(strata=["c=1"] * len(arms), arms=arms)}
    check = minimised_ratio("srm", drawn, WEIGHTS, 0.8)
    assert check.passed


def test_arms_that_bring_more_customers_into_a_cluster_are_seen():
    """As many clusters an arm, so their ratio is content; and it is Kruskal and Wallis' test."""
    sizes = {"a": [1, 1, 2, 1, 3, 1, 1, 2] * 6, "b": [3, 2, 2, 4, 1, 3, 2, 5] * 6}
    each = [(arm, n) for arm, listed in sizes.items() for n in listed]
    arms = [arm for arm, n in each for _ in range(n)]
    numbers = [i for i, (_, n) in enumerate(each) for _ in range(n)]
    found = clusters_size("sizes", sets(arms, numbers))
    expected = stats.kruskal(*sizes.values())
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-12)
    assert found.passed is False
    assert clusters_ratio("srm", sets(arms, numbers), WEIGHTS).passed
    alike = clusters_size("sizes", sets(["a", "a", "b", "b"], [0, 0, 1, 1]))
    assert alike.passed is None
