"""Effects against numbers that others published: tea-tasting, GrowthBook, Lin 2013, Stata."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arm_means import ArmMeans
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.relative_lift import relative_lift
from apologylab.inference.moments import Cell, Moments
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

PEER = {
    name: np.array(numbers, dtype=float)
    for line in (Path(__file__).parent / "peers/tea_tasting_cuped.txt").read_text().splitlines()
    for name, *numbers in [line.split()]
}


def table(folder, name):
    with (folder / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {column: [row[column] for row in rows] for column in rows[0]}


def ask(columns, arm, outcome, estimators, covariates=()):
    """Each estimator's one estimate of arm "1" against arm "0"."""
    question = Question(
        outcomes=(Measured(name=outcome, role="primary", unit="USD"),),
        arm_contrasts=against(("0", "1"), "0"),
        weights={1: {"0": 1, "1": 1}},
        assigned={},
        covariates=covariates,
        estimators=estimators,
    )
    found, refused = estimates(fit(panel(columns, arm=arm), question), question)
    assert refused == ()
    assert len(found) == len(estimators)
    return found


def numbers(estimate):
    return [estimate.point, estimate.ci_low, estimate.ci_high]


@pytest.mark.parametrize(
    ("name", "estimator"),
    [
        ("plain", "difference_in_means"),
        ("cuped", "cuped_pooled"),
        ("ratio", "ratio(over=visits)"),
        ("ratio_cuped", "ratio(over=visits, before=before, before_over=visits_before)"),
    ],
)
def test_tea_tasting(name, estimator):
    """Effects, intervals and p to the twelve digits printed; relative ones on the log scale."""
    i = np.arange(1, 401)
    treated = (i * 7 + i // 11) % 3 % 2
    before = 3 + 2 * np.sin(i * i) + i % 5
    spend = np.maximum(0, 1 + 0.8 * before + 3 * np.sin(i * 1.7) ** 3) * (1 + 0.1 * treated)
    columns = {
        "spend": spend, "visits": 1 + i % 6 + treated, "before": before, "visits_before": 1 + i % 4
    }  # fmt: skip
    lift = f"relative_lift(of={estimator}, interval=log)"
    arm = [str(each) for each in treated]
    effect, relative = ask(columns, arm, "spend", (estimator, lift), ("before",))
    assert numbers(effect) == pytest.approx(PEER[name][:3], rel=1e-10)
    assert numbers(relative) == pytest.approx(PEER[name][3:6], rel=1e-10)
    assert effect.p_value == pytest.approx(PEER[name][6], rel=1e-9)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("outcome", "estimator", "expected", "relative"),
    [
        (
            "revenue", "difference_in_means",
            [0.4890831037404677, -0.13261881482743365, 1.110785022308369],
            [0.09331815958981449, -0.02373770894856031, 0.2244092689490922],
        ),
        (
            "orders", "ratio(over=sessions)",
            [0.02330500550889003, -0.002459433667909499, 0.049069444685689564],
            [0.0877032732944063, -0.008944184133335975, 0.19377576095526305],
        ),
        (
            "revenue", "cuped_pooled",
            [0.7310144482693364, 0.20228702469056448, 1.2597418718481084],
            [0.14273573561085628, 0.03772857689110598, 0.2583685084150029],
        ),
        (
            "orders",
            "ratio(over=sessions, before=orders_covariate, before_over=sessions_covariate)",
            [0.03173426303678112, 0.011344477017760871, 0.05212404905580137],
            [0.121327564842302, 0.04164883252897922, 0.20710115387201378],
        ),
    ],
)  # fmt: skip
def test_tea_tastings_guide(real_data, outcome, estimator, expected, relative):
    """Its user guide's table of 4,000 users, run with 1.14.0."""
    rows = table(real_data, "teatasting_users_rng42_cov.csv")
    columns = {name: np.array(rows[name], dtype=float) for name in rows if name != "variant"}
    lift = f"relative_lift(of={estimator}, interval=log)"
    asked = (estimator, lift)
    effect, lifted = ask(columns, rows["variant"], outcome, asked, (f"{outcome}_covariate",))
    assert numbers(effect) == pytest.approx(expected, rel=1e-9)
    assert numbers(lifted) == pytest.approx(relative, rel=1e-9)


def growthbook() -> ArmMeans:
    """growthbook, packages/stats/tests/frequentist/test_tests.py."""
    n = np.array([3407, 3461])
    sums, squares = np.array([1396.87, 2422.7]), np.array([52377.9767, 134698.29])
    moments = Moments(
        columns=("y",),
        cells=(Cell(1, 1, "control", ""), Cell(1, 1, "treatment", "")),
        shift=np.zeros(1),
        n=n,
        sums=sums[:, None],
        products=squares[:, None, None],
    )
    return difference_in_means(moments, ("control", "treatment"))


def test_growthbooks_absolute_effect():
    """To the five digits that its test rounds to."""
    reading = growthbook().read(against(["treatment"], "control")[0])
    assert round(reading.std_error, 5) == 0.12478
    assert round(reading.point, 2) == 0.29


def test_growthbooks_relative_effect():
    """To the five digits that its test rounds to."""
    lift = relative_lift(growthbook(), np.array([-1.0, 1.0]), alpha=0.05, kind="delta")
    assert round(lift.point, 5) == 0.70732
    assert round(lift.std_error, 5) == 0.37879
    assert (round(lift.low, 5), round(lift.high, 5)) == (-0.03526, 1.44989)
    assert round(lift.p_value, 5) == 0.06191


@pytest.mark.realdata
def test_regression_adjustment_of_stata(real_data):
    """Stata 17, teffects ra on Cattaneo's birth weights, as statsmodels' tests cite it.

    Effect and level to its digits; the error to 2e-4 only: smokers were not randomised, and
    Stata's has one term more, which randomisation makes 0.
    """
    rows = table(real_data, "cattaneo2_birthweight.csv")
    names = ("prenatal1_", "mmarried_", "mage", "fbaby_")
    columns = {name: np.array(rows[name], dtype=float) for name in (*names, "bweight")}
    arm = [str(int(float(each))) for each in rows["mbsmoke_"]]
    asked = ("lin(errors=HC0, over=population)",)
    (one,) = ask(columns, arm, "bweight", asked, names)
    found = (one.point, one.reference_mean)
    assert found == pytest.approx((-239.63921146434, 3403.2422719355), abs=1e-9)
    assert one.std_error == pytest.approx(23.82402100183, rel=2e-4)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("errors", "plain", "lin"),
    [
        ("HC0", 0.157538250611, 0.145700282882),
        ("HC1", 0.158551368773, 0.147592573626),
        ("HC2", 0.158697818078, 0.14786805469),
        ("HC3", 0.159866902958, 0.150090048795),
    ],
)
def test_lin_2013_table_2_with_every_kind_of_errors(real_data, errors, plain, lin):
    """Angrist, Lang and Oreopoulos, men; digits from estimatr 1.0.0."""
    rows = table(real_data, "alo_star_men.csv")
    known = [i for i, y in enumerate(rows["GPA_year1"]) if y not in {"", "NA"}]
    arm = [str(int(float(rows["sfsp"][i]))) for i in known]
    columns = {
        name: np.array([float(rows[of][i]) for i in known])
        for name, of in (("y", "GPA_year1"), ("x", "gpa0"))
    }
    asked = (f"difference_in_means(errors={errors})", f"lin(errors={errors})")
    raw, adjusted = ask(columns, arm, "y", asked, ("x",))
    assert raw.std_error == pytest.approx(plain, abs=1e-12)
    assert adjusted.std_error == pytest.approx(lin, abs=1e-11)
    assert adjusted.point == pytest.approx(-0.0812197974908, abs=1e-12)
