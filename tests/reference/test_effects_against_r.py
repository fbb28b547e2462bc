"""Effects against R: estimatr, survey, msm, t.test and lm, to the digits printed (12)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource, panel
from apologylab.inference.estimators.cuped import theta
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

PRINTED = {
    found[1]: np.array(found[2].split(), dtype=float)
    for line in (Path(__file__).parent / "r" / "effects.txt").read_text().splitlines()
    if (found := re.fullmatch(r"(.*?)((?: -?[\d.]+(?:e-?\d+)?)+) ", line))
}


def close(expected):
    """To the twelve digits printed."""
    return pytest.approx(expected, rel=2e-11)


def units():
    """The script's data."""
    i = np.arange(1, 241)
    arm = np.array(["a", "b", "c"])[(i * 7 + i // 11) % 3]
    x = 3 + 2 * np.sin(i * i) + i % 5
    z = np.cos(i * 3) + (i % 7) / 3
    noise = 3 * np.sin(i * 1.7) ** 3 - 4 * (i % 4 == 0)
    y = np.maximum(0, 2 + 0.8 * x + 0.5 * z * (arm == "b") + noise)
    v = 1 + i % 6 + (arm == "c")
    stratum = np.where(np.sin(i * 2.3) > 0.2, "n", "s")
    return {"y": y, "x": x, "z": z, "v": v}, arm, stratum


def source(arms=("a", "b", "c"), *, strata=False) -> ArraySource:
    columns, arm, stratum = units()
    mine = np.isin(arm, arms)
    return panel(
        {name: column[mine] for name, column in columns.items()},
        arm=arm[mine].tolist(),
        stratum=stratum[mine].tolist() if strata else None,
    )


def answered(estimator, of, *, arms=("a", "b", "c"), covariates=("x", "z")):
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(arms, "a"),
        weights={1: dict.fromkeys(arms, 1)},
        assigned={},
        covariates=covariates,
        estimators=(estimator,),
    )
    fits = fit(of, question)
    found, refused = estimates(fits, question)
    assert refused == ()
    return found, fits


@pytest.mark.parametrize("errors", ["HC0", "HC1", "HC2", "HC3"])
@pytest.mark.parametrize("name", ["difference_in_means", "lin"])
def test_errors_are_those_of_estimatr(name, errors):
    """lm_robust on the arms and lm_lin with two covariates, three arms."""
    found, _ = answered(f"{name}(errors={errors})", source())
    points, std_errors, *df = PRINTED[f"{name}(errors={errors})"].reshape(-1, 2)
    assert [each.point for each in found] == close(points)
    assert [each.std_error for each in found] == close(std_errors)
    if df:
        assert [each.df for each in found] == df[0].tolist()


def test_post_stratified_is_estimatrs_blocked_difference():
    ((one,), _) = answered("difference_in_means", source(("a", "b"), strata=True), arms=("a", "b"))
    assert [one.point, one.std_error] == close(PRINTED["stratified"])
    assert one.interval_kind.endswith("post-stratified over 2 blocks")


def test_raw_and_post_stratified_differ_and_say_so():
    raw = "difference_in_means(strata=pooled)"
    ((one,), _) = answered(raw, source(("a", "b"), strata=True), arms=("a", "b"))
    ((same,), _) = answered("difference_in_means", source(("a", "b")), arms=("a", "b"))
    assert (one.point, one.std_error) == (close(same.point), close(same.std_error))
    assert one.point != pytest.approx(PRINTED["stratified"][0], rel=0.01)
    assert "post-stratified" not in one.interval_kind


def test_cuped_with_two_arms_is_lin_and_its_one_theta():
    """Its theta is (n0 b1 + n1 b0) / n by R's lm, its effect lm_lin's, its error from lm's."""
    of = source(("a", "b"))
    ((one,), _) = answered("cuped", of, arms=("a", "b"), covariates=("x",))
    expected_theta, by_theta, by_lin, std_error = PRINTED["cuped"]
    assert one.point == close(by_theta) == close(by_lin)
    assert one.std_error == close(std_error)
    y, x, code = of.columns["y"], of.columns["x"], of.code
    b = [float(np.polyfit(x[code == arm], y[code == arm], 1)[0]) for arm in (0, 1)]
    n = [int((code == arm).sum()) for arm in (0, 1)]
    assert theta((b[0], b[1]), (n[0], n[1])) == close(expected_theta)


@pytest.mark.parametrize("name", ["winsorised(at=0.9)", "capped(at=6)"])
def test_cut_means_are_rs_welch_test_of_cut_values(name):
    """The threshold is R's quantile of type 1 over both arms together."""
    ((one,), _) = answered(name, source(("a", "b")), arms=("a", "b"))
    threshold, *numbers = PRINTED[name]
    assert dict(one.details)["threshold"] == close(threshold)
    found = [one.point, one.std_error, one.df, one.ci_low, one.ci_high, one.p_value]
    assert found == pytest.approx(numbers, rel=1e-9)


def test_ratios_are_those_of_survey():
    found, fits = answered("ratio(over=v)", source())
    means = fits.of("y", "ratio(over=v)")
    for i, arm in enumerate(means.arms):
        ours = [means.means[i], means.covariance[i, i] ** 0.5]
        assert ours == close(PRINTED[f"ratio {arm}"])
    assert found[0].unit == "USD per unit of v"
    assert found[0].point == close(PRINTED["ratio b"][0] - PRINTED["ratio a"][0])


def test_two_parts_are_told_and_only_their_product_is_an_effect():
    found, _ = answered("two_part", source())
    plain, _ = answered("difference_in_means", source())
    for one, whole in zip(found, plain, strict=True):
        said = dict(one.details)
        assert (one.point, one.std_error) == (whole.point, whole.std_error)
        through = [value for name, value in said.items() if name.startswith("difference through")]
        assert sum(through) == close(one.point)
        for arm in (one.treatment, one.reference):
            parts = [
                said[f"share above 0, {arm}"],
                said[f"mean of those above 0, {arm} (NOT CAUSAL)"],
            ]
            assert parts == close(PRINTED[f"two_part {arm}"])


@pytest.mark.parametrize("interval", ["delta", "log", "fieller"])
def test_relative_lift_is_that_of_msm_and_of_the_inverted_t_test(interval):
    """Fieller's ends are where R's own Welch t of y1 against r y0 leaves the interval."""
    of = source(("a", "b"))
    ((one,), _) = answered(f"relative_lift(interval={interval})", of, arms=("a", "b"))
    assert [one.point, one.std_error] == close(PRINTED["lift delta"][3:])
    found = [one.ci_low, one.ci_high, one.p_value]
    assert found == pytest.approx(PRINTED[f"lift {interval}"][:3], rel=1e-9)


def test_known_propensities_weigh_as_in_survey():
    """One half each, then three in four: survey's mean by arm, and its error but for n / (n - 1).

    survey has one factor 60 / 59 for an arm, ours is 30 / 29 for each phase of it.
    """
    columns, _, _ = units()
    phase = np.repeat([1, 2], 60)
    arm = np.tile(np.repeat(["a", "b"], 30), 2)
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={1: {"a": 1, "b": 1}, 2: {"a": 1, "b": 3}},
        assigned={},
        estimators=("ipw",),
    )
    of = panel({"y": columns["y"][:120] + 2 * phase}, arm=arm.tolist(), phase=phase.tolist())
    means = fit(of, question).of("y", "ipw")
    for i, name in enumerate(("a", "b")):
        mean, error, n = PRINTED[f"ipw {name}"]
        assert n == 60
        assert means.means[i] == close(mean)
        factor = (30 / 29) / (60 / 59)
        assert means.covariance[i, i] == close(error**2 * factor)
