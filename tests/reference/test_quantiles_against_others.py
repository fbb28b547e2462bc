"""Quantile effects against R (quantreg), scipy and statsmodels; fixed seeds, no chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.quantile import Distribution, Limits, contrast, limits
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

PRINTED = Path(__file__).parent / "r" / "quantiles.txt"


def asked(estimator, phases=(1,)):
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={phase: {"a": 1, "b": 1} for phase in phases},
        assigned={},
        estimators=(estimator,),
    )


def answers(source, estimator, phases=(1,)):
    question = asked(estimator, phases)
    return estimates(fit(source, question), question)


def distribution(x):
    value, n = np.unique(x, return_counts=True)
    return Distribution(value, np.cumsum(n) / len(x), len(x))


@pytest.mark.parametrize("line", PRINTED.read_text().splitlines())
def test_points_are_those_of_r(line):
    """R's quantile of type 1, and quantreg's coefficient; tolerance is the digits printed."""
    p, own, regressed = map(float, line.split())
    i = np.arange(1, 122)
    y = 10 * np.abs(np.sin(i * i)) + (i % 3 == 0) * np.sqrt(i)
    source = panel({"y": y}, arm=["b" if k % 3 == 0 else "a" for k in i])
    ((one,), refused) = answers(source, f"quantile(at={p:g})")
    assert not refused
    assert one.point == pytest.approx(own, abs=1e-9)
    assert one.point == pytest.approx(regressed, abs=1e-9)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
@pytest.mark.parametrize("n", [40, 101])
def test_an_arms_limits_are_scipys_order_statistics(p, n):
    x = np.random.default_rng(n).lognormal(size=n)
    low, high = limits(distribution(x), p, 0.05)
    theirs = stats.quantile_test(x, q=1, p=p).confidence_interval(0.95)
    assert (low, high) == (theirs.low, theirs.high)


def test_ties_keep_scipys_order_statistics():
    x = np.random.default_rng(3).poisson(6, 90).astype(float)
    theirs = stats.quantile_test(x, q=1, p=0.5).confidence_interval(0.9)
    assert limits(distribution(x), 0.5, 0.1) == (theirs.low, theirs.high)


def test_limits_beyond_the_sample_are_infinite():
    assert limits(distribution(np.arange(20.0)), 0.99, 0.05).high == np.inf
    assert limits(distribution(np.arange(20.0)), 0.01, 0.05).low == -np.inf


def test_combining_limits_is_newcombes_interval_of_two_proportions():
    """Newcombe 1998 is Zou and Donner's combination of Wilson intervals."""
    ends = [Limits(*proportion_confint(x, n, method="wilson")) for x, n in ((56, 70), (48, 80))]
    theirs = confint_proportions_2indep(56, 70, 48, 80, method="newcomb")
    assert contrast([56 / 70, 48 / 80], ends, [1, -1]) == pytest.approx(theirs, abs=1e-12)


def test_p_and_interval_agree():
    rng = np.random.default_rng(4)
    arm = np.repeat(["a", "b"], 60)
    for shift in (0.2, 0.5, 0.9):
        y = rng.normal(size=120) + shift * (arm == "b")
        ((one,), _) = answers(panel({"y": y}, arm=arm.tolist()), "quantile")
        assert (one.p_value < 0.05) == (not one.ci_low <= 0 <= one.ci_high)


def test_phases_are_weighted_by_their_units():
    """The distribution of arm b over all units: 30% of them came in phase 2."""
    rng = np.random.default_rng(5)
    phase = np.repeat([1, 2], [700, 300])
    arm = np.where(rng.uniform(size=1000) < np.where(phase == 1, 0.5, 0.9), "b", "a")
    y = rng.normal(size=1000) + 3 * (phase == 2)
    source = panel({"y": y}, arm=arm.tolist(), phase=phase.tolist())
    ((one,), _) = answers(source, "quantile(at=0.8)", phases=(1, 2))

    def pooled(label):
        mine = arm == label
        weight = np.array([(phase == k).mean() / (mine & (phase == k)).sum() for k in (1, 2)])
        order = np.argsort(y[mine])
        upto = np.cumsum(weight[phase[mine] - 1][order])
        return y[mine][order][np.searchsorted(upto, 0.8)]

    assert one.point == pytest.approx(pooled("b") - pooled("a"), abs=1e-12)
    assert one.ci_low < one.point < one.ci_high


def test_an_atom_is_refused():
    rng = np.random.default_rng(6)
    y = np.where(rng.uniform(size=2_000) < 0.6, 0.0, rng.lognormal(size=2_000))
    source = panel({"y": y}, arm=["a", "b"] * 1_000)
    found, (why,) = answers(source, "quantile")
    assert not found
    assert "atom" in why.because
    assert "have the value 0" in why.because
    found, refused = answers(source, "quantile(at=0.9)")
    assert len(found) == 1
    assert not refused


def test_too_few_units_are_refused():
    y = np.random.default_rng(7).normal(size=60)
    found, (why,) = answers(panel({"y": y}, arm=["a", "b"] * 30), "quantile(at=0.95)")
    assert not found
    assert "too few units (30)" in why.because
