"""Difference in means: its defining equations, from rows; and weighting over blocks (R26)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import Contrast, against
from apologylab.errors import NotEstimable
from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.moments import Request

VS = against(["b"], "a")[0]


def fit(y: np.ndarray, arms: list[str], **keys: list[object]) -> ArmMeans:
    source = panel({"y": y}, **keys)  # type: ignore[arg-type]
    return difference_in_means(source.moments([Request("y")])[0], arms)


def test_two_arms_are_welch() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2.0, size=40), rng.normal(3, 5, size=7)
    reading = fit(np.concatenate([a, b]), ["a", "b"], arm=["a"] * 40 + ["b"] * 7).read(VS)
    welch = stats.ttest_ind(b, a, equal_var=False)
    assert reading.point == pytest.approx(b.mean() - a.mean(), rel=1e-13)
    assert reading.point / reading.std_error == pytest.approx(welch.statistic, rel=1e-12)
    assert reading.df == pytest.approx(welch.df, rel=1e-12)
    assert reading.reference_mean == pytest.approx(a.mean(), rel=1e-13)


def test_over_phases_the_differences_are_weighted_by_units() -> None:
    rng = np.random.default_rng(2)
    sizes = {(1, "a"): 90, (1, "b"): 10, (2, "a"): 30, (2, "b"): 40}
    y = {key: rng.normal(10.0 * key[0], key[0], n) for key, n in sizes.items()}
    reading = fit(
        np.concatenate(list(y.values())),
        ["a", "b"],
        arm=[arm for (_, arm), n in sizes.items() for _ in range(n)],
        phase=[phase for (phase, _), n in sizes.items() for _ in range(n)],
    ).read(VS)
    share = {1: 100 / 170, 2: 70 / 170}
    point = sum(share[p] * (y[p, "b"].mean() - y[p, "a"].mean()) for p in share)
    parts = {key: share[key[0]] ** 2 * y[key].var(ddof=1) / n for key, n in sizes.items()}
    df = sum(parts.values()) ** 2 / sum(q**2 / (sizes[key] - 1) for key, q in parts.items())
    assert reading.point == pytest.approx(point, rel=1e-13)
    assert reading.std_error**2 == pytest.approx(sum(parts.values()), rel=1e-12)
    assert reading.df == pytest.approx(df, rel=1e-12)


def test_the_variance_is_unbiased_over_all_draws() -> None:
    """Neyman: with one effect for all, the mean of V over every possible draw is the variance
    of the difference over every draw, exactly."""
    from itertools import combinations

    y, effect = np.array([0.0, 1.0, 4.0, 9.0, 2.0, 6.0]), 1.5
    points, variances = [], []
    for chosen in combinations(range(6), 2):
        treated = np.isin(np.arange(6), chosen)
        reading = fit(y + effect * treated, ["a", "b"], arm=np.where(treated, "b", "a").tolist())
        points.append(reading.read(VS).point)
        variances.append(reading.read(VS).std_error ** 2)
    assert np.mean(points) == pytest.approx(effect, abs=1e-12)
    assert np.mean(variances) == pytest.approx(np.var(points), rel=1e-12)


def test_any_contrast_has_the_variance_of_one_covariance() -> None:
    rng = np.random.default_rng(3)
    arm = rng.choice(list("abcd"), 200).tolist()
    means = fit(rng.normal(size=200), list("abcd"), arm=arm)
    factor = Contrast(
        name="f", treatment="", reference="",
        cells=(("a", 0.5), ("b", 0.5), ("c", -0.25), ("d", -0.75)),
    )  # fmt: skip
    c = np.array([0.5, 0.5, -0.25, -0.75])
    reading = means.read(factor)
    assert reading.point == pytest.approx(c @ means.means)
    assert reading.std_error**2 == pytest.approx(c @ means.covariance @ c, rel=1e-13)
    assert reading.reference_mean == pytest.approx(0.25 * means.means[2] + 0.75 * means.means[3])


def test_a_large_mean_costs_no_digits() -> None:
    rng = np.random.default_rng(4)
    small = rng.normal(size=2_000)
    arm = rng.choice(["a", "b"], 2_000).tolist()
    y = 1e9 + small
    one = fit(y, ["a", "b"], arm=arm).read(VS)
    rows = {level: (y - 1e9)[np.array(arm) == level] for level in "ab"}
    exact = rows["b"].mean() - rows["a"].mean()
    error = sum(v.var(ddof=1) / len(v) for v in rows.values()) ** 0.5
    assert one.std_error == pytest.approx(error, rel=1e-10)
    assert one.point == pytest.approx(exact, abs=1e-6)  # 1e9 has a grid of 1.2e-7


def test_what_does_not_vary_is_refused() -> None:
    means = fit(np.array([1.0, 1.0, 2.0, 2.0]), ["a", "b"], arm=list("aabb"))
    with pytest.raises(NotEstimable, match="the variance is 0"):
        means.read(VS)
