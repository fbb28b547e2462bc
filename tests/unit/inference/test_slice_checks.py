"""Checks in slices see what a total hides, and are silent where nothing is wrong."""

import numpy as np
import pytest
from scipy import stats

from apologylab.inference.arrays import ArraySource, panel
from apologylab.inference.checks import balance, balance_request
from apologylab.inference.moments import Cell
from apologylab.inference.sets import SetTotals
from apologylab.inference.slice_checks import (
    Stage,
    clusters_balance,
    fallback_rate,
    interference,
    ratio_within,
    stage_check,
)

EVEN = {1: {"a": 1, "b": 1}}
SEED = 41


def test_a_bad_day_is_seen_where_the_total_is_even():
    days = {
        "2026-01-01": {1: {"a": 900, "b": 1_100}},
        "2026-01-02": {1: {"a": 1_100, "b": 900}},
        "2026-01-03": {1: {"a": 510, "b": 490}},
    }
    total = {"all": {1: {"a": 2_510, "b": 2_490}}}
    assert ratio_within("by day", total, EVEN).passed
    check = ratio_within("by day", days, EVEN)
    assert check.passed is False
    assert check.says.endswith("most in 2026-01-01")
    theirs = [stats.chisquare(list(each[1].values())).statistic for each in days.values()]
    assert check.statistic == pytest.approx(sum(theirs), rel=1e-12)
    assert check.p_value == pytest.approx(stats.chi2.sf(sum(theirs), 3), rel=1e-9)


def test_slices_of_few_units_are_put_together():
    """Twelve days with one unit each make one slice of ten and a rest that is left out."""
    days = {f"day {i:02}": {1: {"ab"[i % 2]: 1}} for i in range(12)}
    check = ratio_within("by day", days, EVEN)
    assert check.passed
    assert "chi-square 0.000 on 1," in check.says
    none = ratio_within("by day", {"day 1": {1: {"a": 1}}}, EVEN)
    assert none.passed is None


def test_each_phase_is_held_against_its_own_weights():
    weights = {1: {"a": 9, "b": 1}, 2: {"a": 1, "b": 1}}
    days = {"1": {1: {"a": 900, "b": 100}}, "2": {2: {"a": 500, "b": 500}}}
    assert ratio_within("by day", days, weights).statistic == 0
    swapped = {"1": {1: {"a": 500, "b": 500}}, "2": {2: {"a": 900, "b": 100}}}
    assert ratio_within("by day", swapped, weights).passed is False


def test_a_stage_is_chi_square_of_homogeneity_within_groups():
    groups = {
        "1h": {"a": (1_000, 950), "b": (1_000, 940), "silence": (500, 480)},
        "4h": {"a": (300, 250), "b": (300, 255)},
    }
    check = stage_check(Stage("re-check", groups))
    tables = [[[p, n - p] for n, p in arms.values()] for arms in groups.values()]
    theirs = sum(stats.chi2_contingency(each, correction=False).statistic for each in tables)
    assert check.statistic == pytest.approx(theirs, rel=1e-12)
    assert check.p_value == pytest.approx(stats.chi2.sf(theirs, 3), rel=1e-9)
    assert check.passed
    everybody = Stage("sending", {"1h": {"a": (10, 10), "b": (10, 10)}})
    assert stage_check(everybody).passed
    assert stage_check(everybody).says == "all 20 units pass"


def test_fallbacks_of_one_proposed_arm_are_seen():
    assert fallback_rate({1: {"a": (500, 0), "b": (500, 0)}}).passed
    even = fallback_rate({1: {"a": (500, 11), "b": (500, 9)}, 2: {"a": (10, 0), "b": (10, 1)}})
    assert even.passed
    assert "one rate (21 of 1,020)" in even.says
    assert fallback_rate({1: {"a": (500, 40), "b": (500, 5)}}).passed is False


def outages(rng, *, causes, spill):
    """Totals by cause of outcome y: other units' treatment adds ``spill`` to those in silence."""
    size = rng.integers(2, 30, causes)
    cause = np.repeat(np.arange(causes), size)
    treated = rng.random(len(cause)) < 0.5
    others = np.bincount(cause, treated)[cause] - treated
    share = others / (size[cause] - 1)
    mood = rng.normal(size=causes)[cause]
    y = mood + 0.05 * size[cause] + 3 * treated + spill * share + rng.exponential(2, len(cause))
    cells = (Cell(1, 1, "basic", ""), Cell(1, 1, "silence", ""))
    source = ArraySource(
        columns={"y": y, "cause": cause.astype(float)}, cells=cells, code=(~treated).astype(np.intp)
    )
    (totals,) = source.set_totals(["y"], by="cause")
    return totals


def test_interference_is_smelled():
    rng = np.random.default_rng(SEED)
    found = interference(outages(rng, causes=400, spill=3.0), "silence", of="cause")
    assert found.passed is False
    assert "DEPENDS" in found.says
    assert found.statistic > 4


def test_without_interference_its_p_is_uniform():
    """Moods and sizes of outages move everybody alike: no false smell. False alarm 1e-4."""
    rng = np.random.default_rng(SEED)
    p = [
        interference(outages(rng, causes=80, spill=0.0), "silence", of="cause").p_value
        for _ in range(400)
    ]
    assert stats.kstest(p, "uniform").pvalue > 1e-4


def test_few_causes_say_nothing():
    found = interference(outages(np.random.default_rng(1), causes=10, spill=3.0), "silence", of="x")
    assert found.passed is None
    assert "of 20 xs that it needs" in found.says


def clusters(rng, *, alike):
    """Covariates x and z of customers in 60 households, drawn by household."""
    size = rng.integers(1, 12, 60)
    house = np.repeat(np.arange(60), size)
    arm = rng.integers(0, 2, 60)[house]
    x = rng.normal(size=60)[house] + 0.1 * rng.normal(size=len(house)) + (0 if alike else 2 * arm)
    return panel(
        {"x": x, "z": rng.normal(size=len(house))},
        arm=["silence" if each else "basic" for each in arm],
        drawn_set=house.tolist(),
    )


def test_balance_of_clusters_is_not_fooled_by_customers_of_one_household():
    """Households resemble themselves: by customer balance fails often, by household it is uniform.

    Kolmogorov-Smirnov at 1e-4 for the second.
    """
    rng = np.random.default_rng(SEED)
    by_customer, by_household = [], []
    for _ in range(300):
        source = clusters(rng, alike=True)
        by_customer.append(balance(source.moments([balance_request(("x", "z"))])[0]).p_value)
        by_household.append(clusters_balance(source.set_totals(["x", "z"])).p_value)
    assert np.mean(np.array(by_customer) < 0.05) > 0.3
    assert stats.kstest(by_household, "uniform").pvalue > 1e-4
    lopsided = clusters_balance(clusters(rng, alike=False).set_totals(["x", "z"]))
    assert lopsided.passed is False


def test_balance_of_clusters_of_one_is_balance_of_units():
    rng = np.random.default_rng(SEED)
    n = 200
    x, z = rng.normal(size=(2, n))
    arm = np.where(rng.random(n) < 0.5, "silence", "basic").tolist()
    source = panel({"x": x, "z": z}, arm=arm, drawn_set=list(range(n)))
    by_unit = balance(source.moments([balance_request(("x", "z"))])[0])
    by_set = clusters_balance(source.set_totals(["x", "z"]))
    assert isinstance(source.set_totals(["x"])[0], SetTotals)
    assert by_set.statistic == pytest.approx(by_unit.statistic, rel=1e-9)
    assert by_set.p_value == pytest.approx(by_unit.p_value, rel=1e-9)
