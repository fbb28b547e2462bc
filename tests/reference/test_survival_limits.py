"""Limits of shares over time: R's (survival, etm), Newcombe's table, and p against interval."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.survival.counts import Timed, lives
from apologylab.inference.survival.limits import Shares, contrast_limits, contrast_p, mover
from apologylab.inference.survival.product_limit import (
    aalen_johansen,
    kaplan_meier,
    restricted_mean,
)
from apologylab.inference.times import Lasting

HERE = Path(__file__).parent / "r"
UNITS = json.loads((HERE / "survival.txt").read_text())["data"]
R = json.loads((HERE / "survival_limits.txt").read_text())
ARMS = ("0", "1", "2")
Z = stats.norm.ppf(0.975)
DAYS = Timed("time", "kind")


def source():
    columns = {name: np.array([row[name] for row in UNITS], float) for name in DAYS}
    return panel(columns, arm=[row["arm"] for row in UNITS])


def answered(estimator, alpha=0.05):
    question = Question(
        outcomes=(Measured(name="time", role="descriptive", unit="days"),),
        arm_contrasts=against(ARMS, "0"),
        weights={1: dict.fromkeys(ARMS, 1)},
        assigned={},
        alpha=alpha,
        estimators=(estimator,),
        times=(Lasting(name="left", role="primary", timed=DAYS, ends=("closed",)),),
    )
    made, refused = estimates(fit(source(), question), question)
    assert not refused
    return [each for each in made if each.estimator == estimator]


@pytest.mark.parametrize("arm", ARMS)
def test_limits_of_one_arm_are_rs(arm):
    (counts,) = source().events([DAYS])
    life = list(lives(counts))[int(arm)]
    for which, value, ended in (("km", kaplan_meier, False), ("aj", aalen_johansen, True)):
        found = [value(life, at) for at in (10.0, 30.0)]
        shares = Shares(*(np.array(each) for each in zip(*found, strict=True)), ended)
        low, high = shares.limits(Z)
        # etm has Aalen's variance where ours is Marubini and Valsecchi's: 0.1 to 2% apart.
        near = {"rel": 1e-9} if which == "km" else {"abs": 1e-3}
        assert low == pytest.approx(R[which][arm]["low"], **near)
        assert high == pytest.approx(R[which][arm]["high"], **near)
        if ended:
            theirs = Shares(*(np.array(R["aj"][arm][name]) for name in ("F", "var")), ended)
            low, high = theirs.limits(Z)
            assert low == pytest.approx(R["aj"][arm]["low"], rel=1e-9)
            assert high == pytest.approx(R["aj"][arm]["high"], rel=1e-9)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ],
)
def test_limits_of_a_difference_are_newcombes(one, other, low, high):
    """Newcombe 1998, table II, method 10: the same sum from Wilson's limits of each share."""
    wilson = [stats.binomtest(*each).proportion_ci(0.95, method="wilson") for each in (one, other)]
    share = np.array([x / n for x, n in (one, other)])
    limits = (np.array([each[i] for each in wilson]) for i in (0, 1))
    assert mover(np.array([1.0, -1.0]), share, *limits) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("name", ["kaplan_meier(at=10)", "aalen_johansen(at=10)"])
@pytest.mark.parametrize("place", [0, 1])
def test_the_interval_at_its_own_p_ends_at_nothing(name, place):
    name = name.replace(")", ", others=censored)") if "kaplan" in name else name
    p = answered(name)[place].p_value
    assert 1e-6 < p < 0.5
    each = answered(name, alpha=p)[place]
    assert min(abs(each.ci_low), abs(each.ci_high)) < 1e-9
    assert each.ci_low * each.ci_high <= 1e-12


def test_any_contrast_has_a_p_of_its_own_interval():
    c, share = np.array([1.0, -0.5, -0.5]), np.array([0.6, 0.5, 0.55])
    of = Shares(share, share * (1 - share) / 80)
    p = contrast_p(c, of)
    assert contrast_limits(c, of, p)[0] == pytest.approx(0, abs=1e-12)
    assert contrast_limits(c, of, p * 0.99)[0] < 0 < contrast_limits(c, of, p * 1.01)[0]


def test_plain_is_the_normal_interval():
    for name in ("kaplan_meier(at=10, others=censored", "aalen_johansen(at=10"):
        plain, other = answered(f"{name}, interval=plain)")[0], answered(f"{name})")[0]
        reach = Z * plain.std_error
        assert plain.ci_high - plain.ci_low == pytest.approx(2 * reach, rel=1e-12)
        z = abs(plain.point) / plain.std_error
        assert plain.p_value == pytest.approx(2 * stats.norm.sf(z), rel=1e-9)
        assert (plain.point, plain.std_error) == (other.point, other.std_error)
        assert plain.ci_low != other.ci_low
        assert abs(plain.ci_low - other.ci_low) < 0.05 * reach


def test_the_corrected_area_is_a_mean_without_censoring():
    """With every event seen by then, the error is that of the mean: divisor n - 1."""
    days = np.array([3.0, 8.0, 1.0, 4.0, 4.0, 9.0])
    counts = panel({"t": days, "e": np.ones(6)}, arm=["a"] * 6).events([Timed("t", "e")])[0]
    found = restricted_mean(next(iter(lives(counts))), 10.0, corrected=True)
    assert found.point == pytest.approx(days.mean(), rel=1e-12)
    assert found.variance == pytest.approx(days.var(ddof=1) / 6, rel=1e-12)
