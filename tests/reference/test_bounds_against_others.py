"""Lee's bounds against pyleebounds, lost outcomes against scipy and statsmodels; fixed seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy import optimize, stats

import apologylab
from apologylab.design.contrasts import against
from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.bounds import imbens_manski
from apologylab.inference.estimators.lee_bounds import Seen, lee_bounds
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

PRINTED = {
    name: float(number)
    for name, number in (
        line.split()
        for line in (Path(__file__).parent / "peers" / "lee_bounds.txt").read_text().splitlines()
    )
}
ROW = np.arange(1, 1001)
D = ROW > 500
Y = 10 + 3 * np.sin(ROW * ROW) + 2 * np.cos(3 * ROW) + 0.5 * D
PLACE = (ROW - 1) % 500
S = np.where(D, PLACE % 5 < 4, PLACE % 5 < 3)


def asked(estimator, phases=(1,)):
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={phase: {"a": 1, "b": 1} for phase in phases},
        assigned={},
        estimators=(estimator,),
    )


def answers(y, arm, estimator, **keys):
    question = asked(estimator, tuple(sorted(set(keys.get("phase", [1])))))
    columns = {"y": y, "y:lost": np.isnan(y).astype(float)}
    source = panel(columns, arm=["b" if each else "a" for each in arm], **keys)
    found, refused = estimates(fit(source, question), question)
    return found, refused


def test_the_bounds_are_pyleebounds():
    (low, high), refused = answers(np.where(S, Y, np.nan), D, "lee_bounds")
    assert not refused
    assert low.point == pytest.approx(PRINTED["lower_bound"], rel=1e-10)
    assert high.point == pytest.approx(PRINTED["upper_bound"], rel=1e-10)
    assert low.estimator == "lee_bounds, lower bound"
    assert dict(low.details)["trimmed"] == pytest.approx(0.25)


def test_lees_errors_are_near_pyleebounds_bootstrap():
    """2,000 bootstrap draws have a relative error of 1.6%: 4 of these, and 2% of the bootstrap's own
    rounding of the number that is cut."""
    (low, high), _ = answers(np.where(S, Y, np.nan), D, "lee_bounds")
    assert low.std_error == pytest.approx(PRINTED["lower_bound_se"], rel=0.085)
    assert high.std_error == pytest.approx(PRINTED["upper_bound_se"], rel=0.085)


def test_lees_errors_are_those_of_the_winsorised_excess():
    """The trimmed mean is q + E[(Y - q)+] / (1 - p), in which q has no first-order part: so its
    variance is that of the excess, beside that of p = 1 - s_0 / s_1 and of the reference."""
    (low, high), _ = answers(np.where(S, Y, np.nan), D, "lee_bounds")
    seen, other = Y[D & S], Y[~D & S]
    p, moved = 0.25, 0.2 / (500 * 0.8) + 0.4 / (500 * 0.6)
    for one, sign in ((high, 1), (low, -1)):
        y = sign * seen
        q = np.sort(y)[100]
        mu = y[y >= q].mean()
        excess = np.maximum(y - q, 0).var() / (1 - p) ** 2 / len(y)
        variance = excess + (q - mu) ** 2 * moved + other.var() / len(other)
        assert one.std_error == pytest.approx(variance**0.5, rel=1e-9)


def test_the_interval_is_imbens_and_manskis():
    (low, high), _ = answers(np.where(S, Y, np.nan), D, "lee_bounds")
    apart = (high.point - low.point) / max(low.std_error, high.std_error)
    c = optimize.brentq(lambda c: stats.norm.cdf(c + apart) - stats.norm.cdf(-c) - 0.95, 1, 3)
    assert low.ci_low == pytest.approx(low.point - c * low.std_error, rel=1e-9)
    assert high.ci_high == pytest.approx(high.point + c * high.std_error, rel=1e-9)
    assert (low.ci_low, low.ci_high) == (high.ci_low, high.ci_high)
    assert low.p_value is None


@pytest.mark.parametrize("apart", [0.0, 0.4, 3.0])
def test_the_critical_value_solves_its_equation(apart):
    low, high = imbens_manski(0.0, apart * 2, (2.0, 1.0), alpha=0.1)
    c = high - apart * 2
    assert low == pytest.approx(-2 * c)
    assert stats.norm.cdf(c + apart) - stats.norm.cdf(-c) == pytest.approx(0.9, abs=1e-9)


def test_the_arm_with_more_seen_is_trimmed_whichever_it_is():
    (low, high), _ = answers(np.where(S, Y, np.nan), ~D, "lee_bounds")
    assert low.point == pytest.approx(-PRINTED["upper_bound"], rel=1e-10)
    assert high.point == pytest.approx(-PRINTED["lower_bound"], rel=1e-10)


def test_a_unit_at_the_cut_counts_in_part():
    """5 seen in one arm, 4 in the other of ten each: 1 of 5 is cut, of ties too."""
    five = Seen(np.array([1.0, 2.0]), np.array([0.3, 0.2]), 10)
    four = Seen(np.array([0.0]), np.array([0.4]), 10)
    found = lee_bounds(five, four)
    assert found.low == pytest.approx((3 * 1 + 1 * 2) / 4)
    assert found.high == pytest.approx((2 * 1 + 2 * 2) / 4)


def test_spend_of_those_who_are_back():
    """R28: the arm brings back poor spenders too and changes nobody else: the truth is 0, at the
    upper bound, and the plain comparison of those who spend is far below."""
    rng = np.random.default_rng(1)
    n = 4_000
    arm = np.arange(n) % 2 == 1
    always, moved = rng.uniform(size=n) < 0.4, rng.uniform(size=n) < 0.2
    spend = np.where(always, 10 + rng.gamma(2.0, size=n), np.where(moved & arm, 5.0, 0.0))
    (low, high), refused = answers(spend, arm, "lee_bounds(seen=positive)")
    assert not refused
    naive = spend[arm & (spend > 0)].mean() - spend[~arm & (spend > 0)].mean()
    assert low.point < naive < -1
    assert high.point == pytest.approx(0, abs=0.3)
    assert "positive under both arms" in low.estimand


def test_phases_are_weighted_as_the_units_came():
    """Twice the units in two phases of equal weights are the bounds of one, with less error."""
    y = np.where(S, Y, np.nan)
    once, _ = answers(y, D, "lee_bounds")
    twice, refused = answers(
        np.tile(y, 2), np.tile(D, 2), "lee_bounds", phase=[1] * 1000 + [2] * 1000
    )
    assert not refused
    for a, b in zip(once, twice, strict=True):
        assert b.point == pytest.approx(a.point, rel=1e-9)
        assert b.std_error == pytest.approx(a.std_error / 2**0.5, rel=1e-9)


def test_lost_outcomes_at_their_worst_are_scipys_test_of_filled_ones():
    rng = np.random.default_rng(2)
    y = np.where(rng.uniform(size=400) < 0.9, rng.uniform(0, 8, 400), np.nan)
    arm = rng.uniform(size=400) < 0.5
    (low, high), refused = answers(y, arm, "missing_bounds(high=10)")
    assert not refused
    for one, worst_b, worst_a in ((low, 0.0, 10.0), (high, 10.0, 0.0)):
        b = np.nan_to_num(y[arm], nan=worst_b)
        a = np.nan_to_num(y[~arm], nan=worst_a)
        theirs = stats.ttest_ind(b, a, equal_var=False)
        assert one.point == pytest.approx(b.mean() - a.mean(), rel=1e-10)
        assert one.std_error == pytest.approx(one.point / theirs.statistic, rel=1e-10)


def test_nothing_lost_leaves_the_plain_interval():
    """The bounds meet, and Imbens and Manski's interval is the normal one."""
    (low, high), _ = answers(Y, D, "missing_bounds(low=-50, high=50)")
    assert low.point == pytest.approx(high.point)
    assert low.ci_high - low.point == pytest.approx(1.959964 * low.std_error, rel=1e-5)


def test_a_range_that_outcomes_leave_is_refused():
    found, refused = answers(np.where(S, Y, np.nan), D, "missing_bounds(high=10)")
    assert not found
    assert "lies between" in refused[0].because
    with pytest.raises(InputError, match="low"):
        answers(Y, D, "missing_bounds(low=5, high=3)")


def test_a_table_says_by_itself_which_outcomes_are_lost():
    table = pa.table({"arm": ["b" if each else "a" for each in D], "y": np.where(S, Y, np.nan)})
    found = apologylab.analyse(
        table, arm="arm", reference="a", outcomes=["y"], estimators=["lee_bounds"]
    )
    assert found.estimates[0].point == pytest.approx(PRINTED["lower_bound"], rel=1e-10)
    assert any("seen under both" in note for note in found.notes)
