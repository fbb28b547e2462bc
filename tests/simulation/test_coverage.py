"""Intervals cover and p-values are uniform, in worlds whose truth is known.

The truth is the mean potential-outcome difference over the enrolled units. Every bound is a
binomial quantile: with a fixed seed and a true coverage at its nominal value, a bound fails once in
10,000 seeds. Full counts (``make verify``) are 10,000 replications, of which coverage has a
standard error of 0.0022.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.checks import attrition, balance, balance_request, sample_ratio
from apologylab.inference.moments import Cell, Request
from apologylab.inference.multiplicity import simultaneous
from apologylab.inference.plan import Fits, estimates, fit
from apologylab.inference.question import Measured, Question

pytestmark = pytest.mark.slow
Counts = Callable[[int, int], int]
Y = Measured(name="y", role="primary", unit="USD")
ARMS = ("a", "b", "c")
FALSE_ALARM = 1e-4


@pytest.fixture
def seeded(record_property: Callable[[str, object], None]) -> Callable[[int], int]:
    """Records the seed beside the counts, for ``docs/verification.json``."""

    def record(seed: int) -> int:
        record_property("seed", seed)
        return seed

    return record


def question(weights: dict[int, dict[str, int]], *, lin: bool) -> Question:
    return Question(
        outcomes=(Y,),
        arm_contrasts=against(ARMS, "a"),
        weights=weights,
        assigned={},
        covariates=("x",),
        estimators=("lin", "difference_in_means") if lin else ("difference_in_means",),
    )


def draw(rng: np.random.Generator, n: int, shares: list[float]) -> np.ndarray:
    """Arms one by one, as a hash draws them: the counts are random."""
    return np.searchsorted(np.cumsum(shares)[:-1], rng.uniform(size=n), side="right")


CELLS = tuple(Cell(1, 1, arm, "") for arm in ARMS)
PLAIN = {1: {"a": 2, "b": 1, "c": 1}}


def constant(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Every unit gains the same: 0, 0.3, -0.2. Coverage is exact, no more."""
    x = rng.normal(size=n)
    return x + rng.normal(size=n) + np.array([[0.0], [0.3], [-0.2]]), x


def heterogeneous(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gains grow with the covariate and beside it: Neyman's variance is conservative."""
    x = rng.gamma(2.0, size=n)
    base = x + rng.normal(size=n)
    return np.stack([base, base + 0.5 * x, base + 3 * rng.normal(size=n)]), x


def spend(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Seven in ten spend nothing, the rest lognormal (coefficient of variation about 4)."""
    x = rng.normal(size=n)
    buys = rng.uniform(size=n)
    amount = np.exp(1.0 + 0.5 * x + 1.2 * rng.normal(size=n))
    return np.stack([(buys < share) * amount for share in (0.30, 0.33, 0.30)]), x


def hits(
    world: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]],
    *,
    n: int,
    replications: int,
    seed: int,
) -> dict[tuple[str, str], int]:
    """How often the interval of (arm, estimator) holds the truth."""
    rng = np.random.default_rng(seed)
    asked = question(PLAIN, lin=True)
    found: dict[tuple[str, str], int] = {}
    for _ in range(replications):
        y, x = world(rng, n)
        code = draw(rng, n, [0.5, 0.25, 0.25])
        source = ArraySource(columns={"y": y[code, np.arange(n)], "x": x}, cells=CELLS, code=code)
        truth = dict(zip(ARMS, y.mean(axis=1) - y[0].mean(), strict=True))
        answers, refused = estimates(fit(source, asked), asked)
        assert refused == ()
        for one in answers:
            key = one.treatment, one.estimator
            found[key] = found.get(key, 0) + (one.ci_low <= truth[one.treatment] <= one.ci_high)
    assert len(found) == 4
    return found


def least(replications: int, coverage: float = 0.95) -> int:
    return int(stats.binom.ppf(FALSE_ALARM, replications, coverage))


def most(replications: int, coverage: float = 0.95) -> int:
    return int(stats.binom.isf(FALSE_ALARM, replications, coverage))


def test_constant_effects_are_covered_at_the_level_and_no_more(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    replications = counts(800, 10_000)
    found = hits(constant, n=1_000, replications=replications, seed=seeded(11))
    for count in found.values():
        assert least(replications) <= count <= most(replications)


def test_effects_that_differ_are_covered(counts: Counts, seeded: Callable[[int], int]) -> None:
    replications = counts(800, 10_000)
    found = hits(heterogeneous, n=1_000, replications=replications, seed=seeded(12))
    assert min(found.values()) >= least(replications)
    if replications >= 10_000:
        assert found["c", "difference_in_means"] > most(replications)


def test_skewed_spend_is_covered(counts: Counts, seeded: Callable[[int], int]) -> None:
    """At 2,000 units the t interval is a little short of its level: 0.945 is asked, not 0.95."""
    replications = counts(600, 10_000)
    found = hits(spend, n=2_000, replications=replications, seed=seeded(13))
    assert min(found.values()) >= least(replications, 0.945)


RAMP = {1: {"a": 18, "b": 1, "c": 1}, 2: {"a": 2, "b": 1, "c": 1}, 3: {"a": 1, "b": 2, "c": 1}}
RAMP_CELLS = tuple(Cell(1, phase, arm, "") for phase in RAMP for arm in ARMS)


def ramp(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes fall with the season while arm b is ramped up; its effect is 0.2 for all."""
    time = np.sort(rng.uniform(size=n))
    phase = np.searchsorted([0.4, 0.7], time)
    shares = np.array([list(RAMP[p + 1].values()) for p in range(3)], dtype=float)
    bounds = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)[phase]
    arm = (rng.uniform(size=n)[:, None] > bounds[:, :2]).sum(axis=1)
    x = rng.normal(size=n)
    y = 2 * np.cos(3 * time) + x + rng.normal(size=n) + np.array([0.0, 0.2, 0.0])[arm]
    return y, x, phase * 3 + arm


def test_a_ramp_in_a_season_is_covered_and_naive_pooling_is_not(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    """R26: pooled over phases, the arms' units come from different times."""
    replications, n = counts(400, 10_000), 2_000
    rng = np.random.default_rng(seeded(14))
    asked = question(RAMP, lin=True)
    ours = {"lin": 0, "difference_in_means": 0}
    naive = 0
    for _ in range(replications):
        y, x, code = ramp(rng, n)
        source = ArraySource(columns={"y": y, "x": x}, cells=RAMP_CELLS, code=code)
        for one in estimates(fit(source, asked), asked)[0]:
            if one.treatment == "b":
                ours[one.estimator] += one.ci_low <= 0.2 <= one.ci_high
        pooled = stats.ttest_ind(y[code % 3 == 1], y[code % 3 == 0], equal_var=False)
        low, high = pooled.confidence_interval(0.95)
        naive += low <= 0.2 <= high
    for count in ours.values():
        assert least(replications) <= count <= most(replications)
    assert naive < 0.2 * replications


def null_fits(rng: np.random.Generator, n: int) -> tuple[Fits, ArraySource, np.ndarray]:
    """No effect on y, which is nearly normal, and a skewed covariate z.

    With spend as skewed as in :func:`spend` the t statistic is not yet quite Student's at 2,000
    units: 5.2% of p lie below 0.05 and 53% below 0.5.
    """
    y, x = constant(rng, n)
    code = draw(rng, n, [0.5, 0.25, 0.25])
    source = ArraySource(
        columns={"y": y[0], "x": x, "z": np.exp(0.5 * x + 0.5 * rng.normal(size=n))},
        cells=CELLS,
        code=code,
    )
    return fit(source, question(PLAIN, lin=True)), source, code


def test_p_values_are_uniform_where_nothing_happens(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    """Kolmogorov-Smirnov at 1e-4 for each of five p-values: false alarm 5e-4 in all."""
    replications, n = counts(600, 10_000), 2_000
    rng = np.random.default_rng(seeded(15))
    p: dict[str, list[float | None]] = {}
    for _ in range(replications):
        fits, source, code = null_fits(rng, n)
        found, _ = estimates(fits, question(PLAIN, lin=True))
        for one in found:
            if one.treatment == "b":
                p.setdefault(one.estimator, []).append(one.p_value)
        units = dict(zip(ARMS, np.bincount(code).tolist(), strict=True))
        seen = np.bincount(code[rng.uniform(size=n) < 0.7]).tolist()
        analysed = dict(zip(ARMS, seen, strict=True))
        moments = source.moments([balance_request(("x", "z")), Request("y")])[0]
        for check in (
            sample_ratio("sample ratio", {1: units}, PLAIN),
            attrition("y", {1: units}, {1: analysed}),
            balance(moments),
        ):
            p.setdefault(check.name, []).append(check.p_value)
    assert sorted(p) == [
        "attrition: y", "covariate balance", "difference_in_means", "lin", "sample ratio",
    ]  # fmt: skip
    for name, values in p.items():
        assert stats.kstest(np.array(values, dtype=float), "uniform").pvalue > FALSE_ALARM, name


def test_holm_and_simultaneous_intervals_hold_the_family_together(
    counts: Counts, seeded: Callable[[int], int]
) -> None:
    """In the null world any arm is called different at most in alpha of the replications."""
    replications, n = counts(600, 10_000), 1_000
    rng = np.random.default_rng(seeded(16))
    asked = question(PLAIN, lin=True)
    by_p = by_interval = 0
    for _ in range(replications):
        fits, _, _ = null_fits(rng, n)
        found, _ = estimates(fits, asked)
        adjusted = [one.p_adjusted for one in found if one.estimator == "lin"]
        by_p += any(p is not None and p <= 0.05 for p in adjusted)
        means = fits.of("y", "lin")
        intervals = simultaneous(means, asked.arm_contrasts, alpha=0.05, of=2)
        by_interval += any(not i.low <= 0 <= i.high for i in intervals)
    allowed = stats.binom.isf(FALSE_ALARM, replications, 0.05)
    assert 0 < by_interval <= allowed
    assert 0 < by_p <= allowed
