"""Bad input to every estimator of means: a clear refusal, never a silent number (R24)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from apologylab.design.contrasts import Contrast, against
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

ESTIMATORS = (
    "difference_in_means",
    "difference_in_means(errors=HC0)",
    "difference_in_means(errors=HC1)",
    "difference_in_means(errors=HC3)",
    "lin",
    "lin(errors=HC0)",
    "lin(errors=HC3)",
    "lin(leverage=series)",
    "cuped",
    "cuped_pooled",
    "ipw",
    "winsorised",
    "capped(at=2)",
    "two_part",
    "ratio(over=v)",
    "relative_lift",
    "relative_lift(interval=delta)",
    "relative_lift(interval=log)",
    "relative_lift(of=lin)",
)
ADJUSTED = tuple(each for each in ESTIMATORS if "lin" in each or "cuped" in each)
ARMS = ("a", "b", "c")


def columns(n=90):
    rng = np.random.default_rng(1)
    return {
        "y": rng.gamma(2.0, size=n),
        "x": rng.normal(size=n),
        "v": 1.0 + rng.poisson(2.0, n),
    }


def labels(n=90):
    return [ARMS[i % 3] for i in range(n)]


def ask(estimator, made, arm, *, weights=None, phase=None):
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(ARMS, "a"),
        weights=weights or {1: dict.fromkeys(ARMS, 1)},
        assigned={},
        covariates=("x",),
        estimators=(estimator,),
    )
    with np.errstate(invalid="ignore", over="ignore"):
        found, refused = estimates(fit(panel(made, arm=arm, phase=phase), question), question)
    for each in found:
        numbers = (each.point, each.std_error, each.df, each.ci_low, each.ci_high, each.p_value)
        assert all(number is not None and math.isfinite(number) for number in numbers), each
        assert each.std_error > 0
        assert 0 < each.p_value <= 1
    return {each.treatment for each in found}, {each.treatment: each.because for each in refused}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_good_input_is_answered(estimator):
    assert ask(estimator, columns(), labels()) == ({"b", "c"}, {})


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_arm_without_units_is_refused_alone(estimator):
    arm = ["b" if each == "c" else each for each in labels()]
    found, refused = ask(estimator, columns(), arm)
    assert found == {"b"}
    assert "c has 0 units in phase 1" in refused["c"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_unit_in_an_arm_is_refused(estimator):
    arm = ["b" if each == "c" else each for each in labels()]
    arm[2] = "c"
    found, refused = ask(estimator, columns(), arm)
    assert found == {"b"}
    assert "1 unit" in refused["c"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_outcome_that_never_varies_is_refused(estimator, value):
    made = columns() | {"y": np.full(90, value)}
    if estimator.startswith("ratio") and value:
        return  # its denominator varies: the ratio does too
    found, refused = ask(estimator, made, labels())
    assert found == set()
    assert set(refused) == {"b", "c"}
    assert all("varia" in why or "0" in why for why in refused.values())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_outcome_that_no_unit_has_is_refused(estimator):
    found, refused = ask(estimator, columns() | {"y": np.full(90, np.nan)}, labels())
    assert found == set()
    assert all("no unit has y" in why for why in refused.values())


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_outcome_is_refused(estimator, value):
    made = columns()
    made["y"][1] = value
    found, refused = ask(estimator, made, labels())
    assert "b" not in found
    assert "not finite" in refused["b"] or "below 0" in refused["b"] or "infin" in refused["b"]


@pytest.mark.parametrize("estimator", ADJUSTED)
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_covariate_that_is_not_known_is_refused(estimator, value):
    made = columns()
    made["x"][1] = value
    found, refused = ask(estimator, made, labels())
    assert found == set()
    assert all("x is missing or not finite" in why for why in refused.values())


@pytest.mark.parametrize("estimator", ADJUSTED)
def test_a_covariate_that_does_not_vary_is_refused(estimator):
    found, refused = ask(estimator, columns() | {"x": np.ones(90)}, labels())
    assert found == set()
    assert all("x does not vary" in why for why in refused.values())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_arm_that_a_phase_does_not_draw_is_refused(estimator):
    """Its units there would be an error of the draw: no propensity, no mean."""
    weights = {1: {"a": 1, "b": 1, "c": 1}, 2: {"a": 1, "b": 1, "c": 0}}
    phase = [1 + (i >= 45) for i in range(90)]
    found, refused = ask(estimator, columns(), labels(), weights=weights, phase=phase)
    assert found == {"b"}
    assert "c is not drawn in phase 2" in refused["c"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_units_in_arms_that_nobody_named_are_left_out(estimator):
    """They are counted by the checks, and change no number."""
    made, arm = columns(), labels()
    more = {name: np.append(column, 1e6 * np.ones(9)) for name, column in made.items()}
    assert ask(estimator, more, [*arm, *["qa"] * 9]) == ask(estimator, made, arm)


def test_a_denominator_near_0_is_refused():
    made = columns() | {"v": np.random.default_rng(2).normal(size=90)}
    found, refused = ask("ratio(over=v)", made, labels())
    assert found == set()
    assert "too near 0 to divide by" in refused["b"]


def test_a_denominator_that_some_units_lack_is_refused():
    made = columns()
    made["v"][4] = np.nan
    found, refused = ask("ratio(over=v)", made, labels())
    assert found == set()
    assert "v is missing or not finite" in refused["b"]


def test_two_parts_of_what_may_be_below_0_are_refused():
    made = columns()
    made["y"][1] = -0.01
    found, refused = ask("two_part", made, labels())
    assert found == set()
    assert "below 0" in refused["b"]


@pytest.mark.parametrize("interval", ["fieller", "log", "delta"])
def test_a_lift_over_nothing_is_refused(interval):
    rng = np.random.default_rng(3)
    made = columns() | {"y": rng.normal(size=90) - np.array([1.0, 0.0, 0.0] * 30) * 0.1}
    made["y"][0::3] -= made["y"][0::3].mean() + 0.01
    made["y"][1::3] += 1 - made["y"][1::3].mean()
    found, refused = ask(f"relative_lift(interval={interval})", made, labels())
    assert "b" not in found
    assert "not told from 0" in refused["b"]


def interaction(estimator):
    """Weights that sum to 2 and -2: a difference of differences."""
    made, arm = columns(120), [("a", "b", "c", "d")[i % 4] for i in range(120)]
    cells = (("d", 1.0), ("a", 1.0), ("b", -1.0), ("c", -1.0))
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=(),
        named_contrasts=(
            Contrast(name="both", treatment="both", reference="each", cells=cells, order=2),
        ),
        weights={1: dict.fromkeys("abcd", 1)},
        assigned={},
        estimators=(estimator,),
    )
    return estimates(fit(panel(made, arm=arm), question), question)


def test_an_interaction_has_no_relative_lift():
    found, (refused,) = interaction("relative_lift")
    assert found == ()
    assert "not of an interaction" in refused.because


def test_an_interaction_has_no_two_sides_to_take_apart():
    ((one,), refused) = interaction("two_part")
    assert refused == ()
    assert one.details == ()


@pytest.mark.parametrize(
    "estimator", ["lee_bounds", "lee_bounds(seen=positive)", "missing_bounds(high=9)"]
)
def test_bounds_of_an_outcome_that_never_varies_are_refused(estimator):
    made = columns() | {"y": np.full(90, 5.0), "y:lost": np.zeros(90)}
    found, refused = ask(estimator, made, labels())
    assert found == set()
    assert all("does not vary" in refused[arm] for arm in ("b", "c"))
