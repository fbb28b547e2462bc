"""Survival of few days against R, through the door that a user takes.

Times from 0 on, ends and censoring tied on most days, an arm without events, and an arm whose last
unit is censored beside one whose last unit has the event. ``r/survival_ties.txt`` has 15 digits.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

import apologylab

R = json.loads((Path(__file__).parent / "r" / "survival_ties.txt").read_text("utf-8"))
DAY = 2
SPELLED = {
    "efron": "",
    "breslow": "(ties=breslow)",
    "efron_robust": "(errors=robust)",
    "breslow_robust": "(ties=breslow, errors=robust)",
}


def found(name: str, *estimators: str, covariates: tuple[str, ...] = ()) -> dict[str, object]:
    """Arm -> its row against arm 0."""
    rows = R[name]["data"]
    table = {key: [row[key] for row in rows] for key in ("time", "kind", "x")}
    table |= {"arm": [str(row["arm"]) for row in rows], "row": list(range(len(rows)))}
    answer = apologylab.analyse(
        pa.table(table),
        arm="arm",
        reference="0",
        outcomes=["row"],
        covariates=covariates,
        times={"time": "kind"},
        estimators=list(estimators),
    )
    return {each.treatment: each for each in answer.estimates}


def with_events(name: str) -> list[str]:
    """The arms beside arm 0 that had events until the day."""
    return [arm for arm, told in R[name]["by_arm"].items() if arm != "0" and told["se"] > 0]


def apart(name: str, arm: str, point: str, error: str) -> tuple[float, float]:
    one, other = (R[name]["by_arm"][each] for each in (arm, "0"))
    return one[point] - other[point], math.hypot(one[error], other[error])


def seen(row: object) -> tuple[float, float]:
    return row.point, row.std_error


@pytest.mark.parametrize("name", R)
def test_shares_and_areas_by_a_day(name):
    plain = found(name, f"kaplan_meier(at={DAY}, others=censored, interval=plain)")
    area = found(name, f"rmst(at={DAY}, others=censored)")
    assert sorted(plain) == sorted(area) == with_events(name)
    for arm in plain:
        assert seen(plain[arm]) == pytest.approx(apart(name, arm, "S", "se"), abs=1e-12)
        assert seen(area[arm]) == pytest.approx(apart(name, arm, "area", "area_se"), abs=1e-12)


@pytest.mark.parametrize("name", R)
def test_the_limits_are_movers_of_rs(name):
    for arm, row in found(name, f"kaplan_meier(at={DAY}, others=censored)").items():
        one, other = (R[name]["by_arm"][each] for each in (arm, "0"))
        below = math.hypot(one["S"] - one["low"], other["high"] - other["S"])
        above = math.hypot(one["high"] - one["S"], other["S"] - other["low"])
        assert row.ci_low == pytest.approx(row.point - below, abs=1e-12)
        assert row.ci_high == pytest.approx(row.point + above, abs=1e-12)


def test_shares_that_ended_are_prodlims():
    rows = found("tied", f"aalen_johansen(at={DAY}, interval=plain)")
    assert sorted(rows) == ["1", "2"]
    for arm, row in rows.items():
        assert seen(row) == pytest.approx(apart("tied", arm, "F", "F_se"), abs=1e-12)


@pytest.mark.parametrize("name", R)
def test_the_log_rank_test_of_two_arms(name):
    for arm, row in found(name, "log_rank").items():
        told = R[name]["log_rank"][int(arm) - 1]
        assert (row.point / row.std_error) ** 2 == pytest.approx(told, rel=1e-10)
        assert dict(row.details)["log-rank chi-squared"] == pytest.approx(told, rel=1e-10)


@pytest.mark.parametrize("errors", SPELLED)
@pytest.mark.parametrize("model", ["cox", "cox_adjusted"])
@pytest.mark.parametrize("name", R)
def test_hazard_ratios(name, model, errors):
    """Of an arm without events R gives NA; here it is refused."""
    covariates = ("x",) if model == "cox_adjusted" else ()
    rows = found(name, model + SPELLED[errors], covariates=covariates)
    told = R[name][model][errors]
    assert sorted(rows) == with_events(name)
    for arm, row in rows.items():
        place = int(arm) - 1
        expected = (told["b"][place], told["se"][place])
        assert seen(row) == pytest.approx(expected, rel=1e-9)


def test_times_that_are_missing_are_told():
    """Where an arm's times are lost more often the check fails, and each row says whom it is of."""
    table = {
        "arm": ["0", "1"] * 100,
        "time": [None if i % 4 == 1 else 1.0 + i % 9 for i in range(200)],
        "kind": [1] * 200,
        "row": list(range(200)),
    }
    answer = apologylab.analyse(
        pa.table(table),
        arm="arm",
        reference="0",
        outcomes=["row"],
        times={"time": "kind"},
        estimators=["cox", "log_rank", "rmst(at=5)"],
    )
    lost = next(each for each in answer.checks if each.name == "attrition: time")
    assert lost.passed is False
    assert "50 units lack it" in lost.says
    assert len(answer.estimates) == 3
    assert all("whose time is known (50 lack it)" in each.estimand for each in answer.estimates)


@pytest.mark.parametrize("estimator", ["cox", "cox_adjusted", "log_rank"])
def test_times_that_differ_by_rounding_are_one(estimator):
    """0.1 + 0.2 beside 0.3: R 4.2's coxph and survdiff print these, and do so of 0.3 twice."""
    time = [0.3, 0.1 + 0.2, 0.5, 0.7, 0.3, 0.9, 1.1, 0.2, 0.4, 0.6]
    table = {"arm": ["0", "1"] * 5, "time": time, "kind": [1] * 10, "row": list(range(10))}
    seen_of = []
    for times in (time, [round(each, 9) for each in time]):
        found = apologylab.analyse(
            pa.table(
                table | {"time": times, "x": [1.0, 2.0, 4.0, 3.0, 2.0, 5.0, 1.0, 2.0, 2.0, 4.0]}
            ),
            arm="arm",
            reference="0",
            outcomes=["row"],
            covariates=["x"],
            times={"time": "kind"},
            estimators=[estimator],
        )
        seen_of.append(seen(found.estimates[0]))
    assert seen_of[0] == pytest.approx(seen_of[1], rel=1e-12)
    if estimator == "cox":
        assert seen_of[0] == pytest.approx((0.04876505874, 0.68428687549), abs=1e-9)
    if estimator == "log_rank":
        assert (seen_of[0][0] / seen_of[0][1]) ** 2 == pytest.approx(0.01150731638, abs=1e-10)
