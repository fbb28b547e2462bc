"""Effects in subgroups are those of the subgroup's own units; differences and Welch's test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from apologylab.design.contrasts import against
from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.subgroups import same_effect
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

LEVELS = ("north", "south", "west")


def asked(outcome="y", subgroups=None):
    return Question(
        outcomes=(Measured(name=outcome, role="primary", unit="USD"),),
        arm_contrasts=against(("basic", "silence"), "silence"),
        weights={1: {"basic": 1, "silence": 1}},
        assigned={},
        estimators=("subgroups",),
        subgroups={"region": LEVELS} if subgroups is None else subgroups,
    )


def units(seed=5, n=400, location=0.0):
    """(panel, y, arm, region): effects 0, 0.5 and 1; some units lack y, some have no level."""
    rng = np.random.default_rng(seed)
    region = rng.choice([*LEVELS, "elsewhere"], n)
    arm = rng.choice(["basic", "silence"], n)
    lift = np.array([{"north": 0.0, "south": 0.5, "west": 1.0}.get(r, 9.0) for r in region])
    y = location + rng.normal(size=n) * np.where(region == "west", 2, 1) + lift * (arm == "basic")
    y[::31] = np.nan
    columns = {"y": y} | {f"region={name}": (region == name).astype(float) for name in LEVELS}
    return panel(columns, arm=arm.tolist()), y, arm, region


def found(source):
    made, refused = estimates(fit(source, asked()), asked())
    assert not refused
    return made


def of(y, arm, region, level):
    inside = (region == level) & ~np.isnan(y)
    return y[inside & (arm == "basic")], y[inside & (arm == "silence")]


@pytest.mark.parametrize("location", [0.0, 1e9])
def test_an_effect_in_a_subgroup_is_welchs_of_its_own_units(location):
    source, y, arm, region = units(location=location)
    made = {each.outcome: each for each in found(source)}
    for level in LEVELS:
        treated, untreated = of(y, arm, region, level)
        theirs = stats.ttest_ind(treated, untreated, equal_var=False)
        mine = made[f"y, region={level}"]
        # A mean of 1e9 leaves seven digits of a unit's deviation in the data themselves.
        close = 1e-10 if location == 0 else 1e-6
        assert mine.point == pytest.approx(treated.mean() - untreated.mean(), abs=close)
        assert mine.df == pytest.approx(theirs.df, rel=close)
        interval = theirs.confidence_interval(0.95)
        assert (mine.ci_low, mine.ci_high) == pytest.approx(tuple(interval), abs=10 * close)
        assert mine.p_value is None
        assert (mine.n_treatment, mine.n_reference) == (len(treated), len(untreated))


def test_a_difference_of_effects_has_the_errors_of_both():
    source, *_ = units()
    made = {each.outcome: each for each in found(source)}
    row = made["y, effect at region=west less that at region=north"]
    one, other = made["y, region=west"], made["y, region=north"]
    assert row.point == pytest.approx(one.point - other.point, rel=1e-12)
    assert row.std_error == pytest.approx(np.hypot(one.std_error, other.std_error), rel=1e-12)
    assert row.p_value is not None
    assert row.n_treatment == one.n_treatment + other.n_treatment
    assert dict(row.details)["its p"] < 0.05  # effects of 0, 0.5 and 1 in 100 units each


def test_welchs_test_is_statsmodels():
    """Of means of groups instead of effects: the same formula."""
    rng = np.random.default_rng(3)
    groups = [rng.normal(m, s, n) for m, s, n in ((0, 1, 12), (0.4, 2, 30), (1, 0.5, 9), (0, 3, 7))]
    mine = same_effect(
        np.array([g.mean() for g in groups]),
        np.array([g.var(ddof=1) / len(g) for g in groups]),
        np.array([len(g) - 1.0 for g in groups]),
    )
    theirs = anova_oneway(groups, use_var="unequal", welch_correction=True)
    assert mine.f == pytest.approx(theirs.statistic, rel=1e-12)
    assert mine.within == pytest.approx(theirs.df_denom, rel=1e-12)
    assert mine.p == pytest.approx(theirs.pvalue, rel=1e-10)


def test_a_subgroup_without_units_in_an_arm_is_refused_by_name():
    source, *_ = units()
    question = asked(subgroups={"region": ("north", "east")})
    with pytest.raises(InputError, match="region=east"):
        fit(source, question)
    empty = panel(
        {"y": np.arange(8.0), "region=north": np.ones(8), "region=south": np.zeros(8)},
        arm=["basic", "silence"] * 4,
    )
    question = asked(subgroups={"region": ("north", "south")})
    made, refused = estimates(fit(empty, question), question)
    assert not made
    assert "region=south" in refused[0].because


def test_without_subgroups_it_says_how_to_declare_them():
    source, *_ = units()
    with pytest.raises(InputError, match="needs subgroups and none is declared"):
        fit(source, asked(subgroups={}))


def test_its_estimand_is_over_the_units_of_the_subgroup():
    said = {each.outcome: each.estimand for each in found(units()[0])}
    assert "over all enrolled units with region=north, intention" in said["y, region=north"]
    difference = said["y, effect at region=south less that at region=north"]
    assert "over all enrolled units with region=north or region=south" in difference
