"""Intervals under blocks, minimisation and clusters cover, and the naive ones do not.

The truth is the mean potential-outcome difference over the enrolled units. Bounds are binomial
quantiles: with a fixed seed and coverage at its nominal value a bound fails once in 10,000 seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.redraw import Rule, minimised_ratio
from apologylab.inference.results import Estimate
from apologylab.inference.scheme_checks import Drawing, Scheme, blocks_ratio
from apologylab.inference.sets import Drawn

pytestmark = pytest.mark.slow
Counts = Callable[[int, int], int]
FALSE_ALARM = 1e-4
ARMS = ("a", "b", "c")
CELLS = tuple(Cell(1, 1, arm, "") for arm in ARMS)


@pytest.fixture
def seeded(record_property: Callable[[str, object], None]) -> Callable[[int], int]:
    """Records the seed beside the counts, for ``docs/verification.json``."""

    def record(seed: int) -> int:
        record_property("seed", seed)
        return seed

    return record


def least(replications: int, coverage: float = 0.95) -> int:
    return int(stats.binom.ppf(FALSE_ALARM, replications, coverage))


def most(replications: int, coverage: float = 0.95) -> int:
    return int(stats.binom.isf(FALSE_ALARM, replications, coverage))


DRAWN: Mapping[str, Scheme] = {"blocked": "blocks", "clustered": "clusters"}
"""Estimator -> the scheme whose errors it has."""


def read(y: np.ndarray, code: np.ndarray, drawn_set: np.ndarray | None, estimator: str) -> Estimate:
    """The contrast of b with a."""
    source = ArraySource(columns={"y": y}, cells=CELLS, code=code, drawn_set=drawn_set)
    asked = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(ARMS, "a")[:1],
        weights={1: {"a": 2, "b": 1, "c": 1}},
        assigned={},
        estimators=(estimator,),
        drawing=Drawing(scheme=DRAWN.get(estimator, "independent")),
    )
    (found,), refused = estimates(fit(source, asked), asked)
    assert refused == ()
    return found


def permuted(rng: np.random.Generator, n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``n`` places of permuted blocks 2:1:1."""
    blocks = -(-n // size)
    held = np.tile(np.array([0, 0, 1, 2])[np.arange(size) % 4], (blocks, 1))
    return np.repeat(np.arange(blocks), size)[:n], rng.permuted(held, axis=1).ravel()[:n]


def stratified(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Three strata whose last block is short: sets and arms of 70, 101 and 130 units."""
    parts = [permuted(rng, n, size) for n in (70, 101, 130)]
    sets = np.concatenate([block + 1_000 * i for i, (block, _) in enumerate(parts)])
    return sets, np.concatenate([arm for _, arm in parts])


def seasonal(
    rng: np.random.Generator, n: int, *, effects_differ: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Potential outcomes under a and b: strata and seasons move both."""
    level = 3 * np.sin(np.arange(n) / 25) + np.repeat([0.0, 2.0, 5.0], [70, 101, n - 171])
    a = level + rng.normal(size=n)
    gain = 0.4 + (rng.normal(size=n) + 0.2 * level if effects_differ else 0)
    return a, a + gain


@pytest.mark.parametrize("size", [4, 16])
def test_blocks_are_covered_at_the_level_and_narrower_than_as_if_independent(
    size: int, counts: Counts, seeded: Callable[[int], int]
) -> None:
    """Effects are constant, so nothing is conservative: one unit an arm in a block, or four."""
    replications, rng = counts(800, 10_000), np.random.default_rng(seeded(21))
    hits, ours, naive = 0, 0.0, 0.0
    for _ in range(replications):
        sets, code = stratified(rng, size)
        a, b = seasonal(rng, 301, effects_differ=False)
        y = np.where(code == 1, b, a)
        one = read(y, code, sets, "blocked")
        hits += one.ci_low <= 0.4 <= one.ci_high
        ours += one.std_error
        naive += read(y, code, None, "difference_in_means").std_error
    assert least(replications) <= hits <= most(replications)
    assert ours < 0.62 * naive


def test_blocks_with_missing_outcomes_and_effects_that_differ_are_covered(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    replications, rng = counts(800, 10_000), np.random.default_rng(seeded(22))
    hits = 0
    for _ in range(replications):
        sets, code = stratified(rng, 4)
        a, b = seasonal(rng, 301, effects_differ=True)
        has = rng.uniform(size=301) < 0.9
        one = read(np.where(has, np.where(code == 1, b, a), np.nan), code, sets, "blocked")
        hits += one.ci_low <= (b - a)[has].mean() <= one.ci_high
    assert hits >= least(replications)


def test_short_blocks_of_a_rare_arm_are_covered(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    """One unit of each of sixty strata, in blocks 8:1:1: some six of b, so as many blocks.

    With as many degrees of freedom as there are blocks, coverage is below 0.9.
    """
    replications, rng = counts(800, 10_000), np.random.default_rng(seeded(27))
    hits = 0
    for _ in range(replications):
        code = np.zeros(60, dtype=np.intp)
        while min(np.bincount(code, minlength=3)) < 2:
            code = rng.permuted(np.tile([0] * 8 + [1, 2], (60, 1)), axis=1)[:, 0]
        one = read(rng.normal(size=60), code, np.arange(60), "blocked")
        hits += one.ci_low <= 0 <= one.ci_high
    assert hits >= least(replications)


def outage(rng: np.random.Generator, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of 1 to some 60 customers who share a fate; the number and the level of each."""
    sizes = 1 + rng.geometric(1 / 15, clusters)
    cluster = np.repeat(np.arange(clusters), sizes)
    return cluster, rng.normal(size=clusters)[cluster] + 2 * rng.normal(size=len(cluster))


def test_clusters_are_covered_and_customers_as_if_apart_are_not(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    """With 120 clusters of unequal size the interval may be a point short of its level."""
    replications, rng = counts(800, 10_000), np.random.default_rng(seeded(23))
    hits = naive = 0
    for _ in range(replications):
        cluster, level = outage(rng, 120)
        arm = np.searchsorted([0.5, 0.75], rng.uniform(size=120), side="right")
        code = arm[cluster]
        y = level + 0.5 * (code == 1)
        one = read(y, code, cluster, "clustered")
        hits += one.ci_low <= 0.5 <= one.ci_high
        apart = read(y, code, None, "difference_in_means")
        naive += apart.ci_low <= 0.5 <= apart.ci_high
    assert hits >= least(replications, 0.935)
    assert hits <= most(replications)
    assert naive < 0.85 * replications


def minimised(
    rng: np.random.Generator, country: np.ndarray, tier: np.ndarray, rule: Rule
) -> np.ndarray:
    counts = np.zeros((6, 1, len(rule.arms)), dtype=np.int64)
    code = np.empty(len(country), dtype=np.intp)
    for unit, levels in enumerate(np.stack([country, 4 + tier], axis=1)):
        (place,) = rule.draw(counts[levels], rng.random(1))
        counts[levels, 0, place] += 1
        code[unit] = place
    return code


def test_minimised_units_are_covered_and_more_than_the_level_where_fields_foretell(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    """Neyman's error leaves out what the balance gained (Shao, Yu and Zhong 2010)."""
    replications, rng = counts(300, 4_000), np.random.default_rng(seeded(24))
    rule = Rule({"a": 2, "b": 1, "c": 1}, 0.8)
    idle = useful = 0
    for _ in range(replications):
        country, tier = rng.integers(0, 4, 240), rng.integers(0, 2, 240)
        code = minimised(rng, country, tier, rule)
        noise = rng.normal(size=240) + 0.3 * (code == 1)
        one = read(noise, code, None, "difference_in_means")
        idle += one.ci_low <= 0.3 <= one.ci_high
        one = read(noise + country + 2 * tier, code, None, "difference_in_means")
        useful += one.ci_low <= 0.3 <= one.ci_high
    assert least(replications) <= idle <= most(replications)
    assert useful > most(replications)


def test_sample_ratio_checks_of_schemes_cry_wolf_at_most_as_often_as_they_say(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    """p below 0.05 and 0.2 at most that often; a bound fails once in 10,000 seeds."""
    replications, rng = counts(200, 2_000), np.random.default_rng(seeded(25))
    places, weights = {1: {"a": 2, "b": 1, "c": 1}}, {"a": 2, "b": 1, "c": 1}
    rule = Rule(weights, 0.8)
    p: dict[str, list[float]] = {"blocks": [], "minimisation": []}
    for seed in range(replications):
        sets, code = stratified(rng, 4)
        has = rng.uniform(size=301) < 0.9
        column = np.where(has, 1.0, np.nan)
        source = ArraySource(columns={"y": column}, cells=CELLS, code=code, drawn_set=sets)
        check = blocks_ratio("r", source.set_totals(["y"])[0], places, whole=False)
        p["blocks"].append(check.p_value or 1.0)
        country, tier = rng.integers(0, 4, 60), rng.integers(0, 2, 60)
        arms = [rule.arms[i] for i in minimised(rng, country, tier, rule)]
        strata = [f"c={c},t={t}" for c, t in zip(country, tier, strict=True)]
        drawn = {1: Drawn(strata=strata, arms=arms)}
        again = minimised_ratio("r", drawn, {1: weights}, 0.8, seed=seed, redraws=199)
        p["minimisation"].append(again.p_value or 1.0)
    for name, values in p.items():
        for level in (0.05, 0.2):
            found = int((np.array(values) <= level).sum())
            assert found <= most(replications, level), (name, level, found)
        assert min(values) < 0.2, name
