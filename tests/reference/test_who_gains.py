"""Best linear predictor and sorted groups against statsmodels, rank_weighted against econml and grf's
half-sample errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from apologylab.inference.heterogeneity.best_linear import best_linear, sorted_groups
from apologylab.inference.heterogeneity.judged import Judged, Number, halves, median, scores
from apologylab.inference.heterogeneity.learners import Half, Proxy, linear
from apologylab.inference.heterogeneity.rank_weighted import area

PRINTED = Path(__file__).parent / "peers" / "uplift.txt"


def judged(n: int = 600, seed: int = 3) -> Judged:
    """Two phases with propensities of their own, a guess that is half right."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    e = np.where(np.arange(n) < n // 3, 0.3, 0.5)
    treated = rng.uniform(size=n) < e
    y = x + treated * (1 + x) + rng.standard_t(5, size=n)
    return Judged(y, treated, e, Proxy(0.5 * x + 0.2 * rng.normal(size=n), x))


def fitted(half: Judged, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The regression as the paper writes it, by statsmodels: WLS with HC1."""
    e, S = half.propensity, half.proxy.effect
    controls = np.column_stack([np.ones_like(S), half.proxy.untreated, S, e, e * S])
    found = sm.WLS(half.y, np.column_stack([asked, controls]), weights=1 / (e * (1 - e))).fit(
        cov_type="HC1"
    )
    return found.params[: asked.shape[1]], found.cov_params()[: asked.shape[1], : asked.shape[1]]


def test_the_best_linear_predictor_is_the_papers_regression() -> None:
    half = judged()
    S = half.proxy.effect
    away = half.treated - half.propensity
    point, V = fitted(half, np.column_stack([away, away * (S - S.mean())]))
    found = best_linear(half)
    assert [found.average.point, found.slope.point] == pytest.approx(point, rel=1e-9)
    assert [found.average.std_error, found.slope.std_error] == pytest.approx(
        np.sqrt(np.diag(V)), rel=1e-9
    )


def test_sorted_groups_are_the_papers_regression() -> None:
    half = judged()
    S = half.proxy.effect
    of = np.argsort(np.argsort(S)) * 4 // len(S)
    away = half.treated - half.propensity
    point, V = fitted(half, away[:, None] * (of[:, None] == np.arange(4)))
    found = sorted_groups(half, 4)
    assert [each.point for each in found.groups] == pytest.approx(point, rel=1e-9)
    assert [each.std_error for each in found.groups] == pytest.approx(np.sqrt(np.diag(V)), rel=1e-9)
    assert found.spread.point == pytest.approx(point[3] - point[0], rel=1e-9)
    difference = V[0, 0] + V[3, 3] - 2 * V[0, 3]
    assert found.spread.std_error == pytest.approx(difference**0.5, rel=1e-9)


def test_a_constant_propensity_is_collinear_and_does_no_harm() -> None:
    half = judged()._replace(propensity=np.full(600, 0.45))
    S, away = half.proxy.effect, half.treated - half.propensity
    wanted = np.column_stack([away, away * (S - S.mean()), np.ones(600), half.proxy.untreated, S])
    found = sm.OLS(half.y, wanted).fit(cov_type="HC1")
    ours = best_linear(half)
    assert ours.slope.point == pytest.approx(found.params[1], rel=1e-9)
    assert ours.slope.std_error == pytest.approx(found.bse[1], rel=1e-9)


def test_areas_are_econmls() -> None:
    printed = dict(line.split() for line in PRINTED.read_text().splitlines())
    i = np.arange(1, 401)
    priority = np.sin(i * i) + 1e-3 * np.cos(3 * i)
    score = 0.4 + 0.6 * priority + 2 * np.cos(i * i * 1.7)
    assert area(score, priority, "autoc").point == pytest.approx(float(printed["toc"]), rel=1e-9)
    assert area(score, priority, "qini").point == pytest.approx(float(printed["qini"]), rel=1e-9)


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("target", ["autoc", "qini"])
def test_errors_of_areas_are_those_of_half_samples(target: str, levels: int | None) -> None:
    """The error that grf prints: the spread of the area over half-samples, 1,500 of them here.

    Their own error is 2 percent; the influence function is of large samples: 7 percent is asked.
    """
    rng = np.random.default_rng(5)
    priority = rng.normal(size=3_000)
    if levels:
        priority = np.floor(priority * levels / 4)
    score = 1 + 0.7 * priority + rng.normal(scale=2, size=3_000)
    found = area(score, priority, target)
    spread = np.std(
        [
            area(score[half], priority[half], target).point
            for half in (rng.permutation(3_000)[:1_500] for _ in range(1_500))
        ]
    )
    assert found.std_error == pytest.approx(spread, rel=0.07)


def test_areas_do_not_depend_on_the_order_of_ties() -> None:
    rng = np.random.default_rng(6)
    priority = rng.integers(0, 4, size=500).astype(float)
    score = priority + rng.normal(size=500)
    order = rng.permutation(500)
    for target in ("autoc", "qini"):
        one, other = area(score, priority, target), area(score[order], priority[order], target)
        assert one.point == pytest.approx(other.point, rel=1e-12)
        assert one.std_error == pytest.approx(other.std_error, rel=1e-9)


def test_scores_average_to_the_effect_whatever_was_guessed() -> None:
    """Unbiased with any guess: over all assignments of ten units the mean is the effect itself."""
    rng = np.random.default_rng(7)
    y0, y1 = rng.normal(size=(2, 10))
    e = rng.uniform(0.2, 0.8, size=10)
    guess = Proxy(rng.normal(size=10), rng.normal(size=10))
    expected = np.zeros(10)
    for code in range(1024):
        W = (code >> np.arange(10) & 1).astype(bool)
        chance = np.prod(np.where(W, e, 1 - e))
        expected += chance * scores(Judged(np.where(W, y1, y0), W, e, guess))
    assert expected == pytest.approx(y1 - y0, abs=1e-12)


def test_halves_learn_from_the_others_only() -> None:
    rng = np.random.default_rng(8)
    X = np.arange(40.0)[:, None]
    whole = Half(X, rng.normal(size=40), np.arange(40) % 2 == 0, np.full(40, 0.5))
    seen: list[tuple[set[float], set[float]]] = []

    def spy(half: Half, others: np.ndarray, seed: int) -> Proxy:
        seen.append((set(half.X[:, 0].tolist()), set(others[:, 0].tolist())))
        return linear(half, others, seed)

    found = list(halves(whole, spy, splits=6, rng=rng))
    assert len(found) == 6
    for learned, told in seen:
        assert not learned & told
        assert learned | told == set(range(40))
    assert all(each.treated.sum() == 10 for each in found)


def test_medians_are_of_ends_at_half_of_alpha() -> None:
    numbers = [Number(1.0, 1.0), Number(2.0, 0.5), Number(9.0, 4.0)]
    found = median(numbers, alpha=0.05)
    z = 2.2414027276049473  # the 0.9875 quantile of the normal distribution
    assert found.point == 2.0
    assert found.low == pytest.approx(np.median([1 - z, 2 - 0.5 * z, 9 - 4 * z]))
    assert found.high == pytest.approx(np.median([1 + z, 2 + 0.5 * z, 9 + 4 * z]))
