"""Survival against R (survival 3.5, prodlim, cmprsk), statsmodels, and published numbers.

``r/survival.txt`` has 15 digits of every number; R stops Cox's Newton steps at a relative change of
1e-9 in the likelihood, so its coefficients carry 1e-7, and all else is asserted to 1e-9.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.survival.counts import Timed, counted, lives
from apologylab.inference.survival.cox import Rows, cox
from apologylab.inference.survival.log_rank import log_rank
from apologylab.inference.survival.product_limit import (
    aalen_johansen,
    kaplan_meier,
    restricted_mean,
)
from apologylab.inference.times import Lasting

R = json.loads((Path(__file__).parent / "r" / "survival.txt").read_text())
DAYS = Timed("time", "kind")
ARMS = ("0", "1", "2")
TIES = ("efron", "breslow")
UNITS = {name: np.array([row[name] for row in R["data"]]) for name in ("time", "kind", "x")}
CASES = Path(__file__).parents[3] / "shared" / "data" / "reference_cases.json"
realdata = [
    pytest.mark.realdata,
    pytest.mark.skipif(not CASES.exists(), reason=f"{CASES} is not there"),
]


def source(*, strata):
    phases = [row["phase"] for row in R["data"]] if strata else None
    return panel(UNITS, arm=[str(row["arm"]) for row in R["data"]], phase=phases)


def asked(*estimators, strata=False):
    weights = dict.fromkeys(ARMS, 1)
    return Question(
        outcomes=(Measured(name="time", role="descriptive", unit="days"),),
        arm_contrasts=against(ARMS, "0"),
        weights={1: weights, 2: weights} if strata else {1: weights},
        assigned={},
        covariates=("x",) if "cox_adjusted" in estimators[0] else (),
        estimators=estimators,
        times=(Lasting(name="left", role="primary", timed=DAYS),),
    )


def found(estimator, *, strata=False):
    question = asked(estimator, strata=strata)
    made, refused = estimates(fit(source(strata=strata), question), question)
    assert not refused
    return [each for each in made if each.estimator == estimator]


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize(
    ("name", "estimator", "strata"),
    [
        ("cox", "cox", False),
        ("cox_strata", "cox", True),
        ("cox_robust", "cox(errors=robust)", True),
        ("cox_x", "cox_adjusted", True),
        ("cox_x_robust", "cox_adjusted(errors=robust)", True),
    ],
)
def test_coxs_model_is_rs(name, estimator, strata, ties):
    options = [f"ties={ties}"] * (ties != "efron") + ["errors=robust"] * ("robust" in estimator)
    spelled = estimator.split("(")[0] + (f"({', '.join(options)})" if options else "")
    mine, theirs = found(spelled, strata=strata), R[f"{name}_{ties}"]
    assert [each.point for each in mine] == pytest.approx(theirs["coef"][:2], abs=1e-7)
    assert [each.std_error for each in mine] == pytest.approx(theirs["se"][:2], rel=1e-7)
    assert dict(mine[0].details)["log partial likelihood"] == pytest.approx(
        theirs["loglik"][1], rel=1e-10
    )
    gained = 2 * (theirs["loglik"][1] - theirs["loglik"][0])
    assert dict(mine[0].details)["likelihood ratio of the whole model"] == pytest.approx(
        gained, abs=1e-6
    )


@pytest.mark.parametrize("ties", TIES)
def test_coxs_model_is_statsmodels(ties):
    """PHReg has model errors only; it stops at a gradient near 1e-5."""
    arm = np.array([int(row["arm"]) for row in R["data"]])
    x = np.stack([arm == 1, arm == 2, UNITS["x"]], axis=1).astype(float)
    event = UNITS["kind"] == 1
    n, stratum = np.ones(len(arm), np.int64), np.zeros(len(arm), np.intp)
    mine = cox(Rows(UNITS["time"], event, x, n, stratum), ties=ties)
    theirs = sm.PHReg(UNITS["time"], x, event, ties=ties).fit()
    assert mine.b == pytest.approx(theirs.params, abs=1e-6)
    assert np.sqrt(np.diag(mine.covariance)) == pytest.approx(theirs.bse, rel=1e-6)
    assert mine.fitted == pytest.approx(theirs.llf, rel=1e-10)


def test_the_ratio_in_each_half_of_the_events_is_rs():
    """What tells that hazards are not proportional: two fits that share no event."""
    theirs = R["halves"]
    for place, each in enumerate(found("cox")):
        details = dict(each.details)
        early, late = (theirs[half]["coef"][place] for half in ("early", "late"))
        assert np.log(details[f"hazard ratio up to {theirs['time']:g}"]) == pytest.approx(
            early, abs=1e-7
        )
        assert np.log(details[f"hazard ratio after {theirs['time']:g}"]) == pytest.approx(
            late, abs=1e-7
        )
        errors = [theirs[half]["se"][place] for half in ("early", "late")]
        z = (late - early) / np.hypot(*errors)
        assert details["p that these two are one"] == pytest.approx(
            2 * stats.norm.sf(abs(z)), rel=1e-5
        )


def test_rows_of_many_units_are_the_units_themselves():
    """One row for every distinct time and arm, however many units stand behind it."""
    few = source(strata=True).events([DAYS])[0]
    arm = np.array([cell.arm for cell in few.cells])[few.cell]
    block = np.array([cell.phase for cell in few.cells])[few.cell]
    x = np.stack([arm == "1", arm == "2"], axis=1).astype(float)
    rows = Rows(few.time, few.kind == 1, x, few.n, block)
    single = Rows(*(np.repeat(each, few.n, axis=0) for each in rows[:5]))._replace(
        n=np.ones(few.n.sum(), np.int64)
    )
    a, b = cox(rows), cox(single)
    assert a.b == pytest.approx(b.b, rel=1e-10)
    assert a.robust == pytest.approx(b.robust, rel=1e-10)


def test_kaplan_meier_and_the_restricted_mean_are_rs():
    (counts,) = source(strata=False).events([DAYS])
    values = [kaplan_meier(life, at) for life in lives(counts) for at in (10, 30)]
    assert [each.point for each in values] == pytest.approx(R["km"]["S"], rel=1e-12)
    assert [each.variance**0.5 for each in values] == pytest.approx(R["km"]["se"], rel=1e-12)
    areas = [restricted_mean(life, 30) for life in lives(counts)]
    assert [each.point for each in areas] == pytest.approx(R["rmst"]["mean"], rel=1e-12)
    assert [each.variance**0.5 for each in areas] == pytest.approx(R["rmst"]["se"], rel=1e-12)


@pytest.mark.parametrize("strata", [False, True])
def test_the_log_rank_test_is_rs(strata):
    (counts,) = source(strata=strata).events([DAYS])
    statistic, df, _ = log_rank(counts, ARMS).test()
    assert statistic == pytest.approx(R["logrank_strata" if strata else "logrank"], rel=1e-9)
    assert df == 2
    two = log_rank(counts, ("1", "0"))
    if not strata:
        assert two.score[0] == pytest.approx(R["logrank_two"]["o_minus_e"], rel=1e-9)
        assert two.variance[0, 0] == pytest.approx(R["logrank_two"]["v"], rel=1e-9)


@pytest.mark.parametrize("arm", ARMS)
def test_aalen_johansen_is_rs(arm):
    """prodlim's error is Marubini and Valsecchi's; cmprsk's is Aalen's, which is 0.1-1% larger."""
    (counts,) = source(strata=False).events([DAYS])
    life, theirs = list(lives(counts))[int(arm)], R["aj"][arm]
    for kind in (1, 2):
        mine = [aalen_johansen(life, at, kind) for at in (10, 30)]
        assert [each.point for each in mine] == pytest.approx(theirs[f"F{kind}"], rel=1e-10)
        errors = [each.variance**0.5 for each in mine]
        assert errors == pytest.approx(theirs[f"se{kind}"], rel=1e-9)
    gray = [aalen_johansen(life, at).variance ** 0.5 for at in (10, 30)]
    assert gray == pytest.approx(theirs["gray_se1"], rel=0.02)


def test_ends_and_survival_add_up_to_one():
    """The defining equation: all F_k and the probability of no end sum to 1."""
    (counts,) = source(strata=False).events([DAYS])
    for life in lives(counts):
        gone = sum(aalen_johansen(life, 25.0, kind).point for kind in (1, 2))
        upto = life.time <= 25.0
        left = np.prod(1 - life.ended[upto, 1:].sum(axis=1) / life.at_risk[upto])
        assert gone + left == pytest.approx(1, abs=1e-14)


def case(name):
    listed = json.loads(CASES.read_text())
    return next(each for each in listed if each["id"] == name)


def table(name):
    with (CASES.parent / name).open() as file:
        return list(csv.DictReader(file))


def by_group(name, time, end, group):
    rows = table(name)
    arms = sorted({row[group] for row in rows})
    place = np.array([arms.index(row[group]) for row in rows])
    times = np.array([float(row[time]) for row in rows])
    ends = np.array([int(row[end]) for row in rows])
    cells = [Cell(1, 1, arm, "") for arm in arms]
    one = np.ones(len(rows), np.int64)
    return counted(Timed(time, end), cells, place, times, ends, one), arms


class TestPublished:
    pytestmark = realdata

    def test_recidivism(self):
        """Rossi, Berk and Lenihan 1980, as R and lifelines print it."""
        rossi, rows = case("cox_rossi"), table("rossi.csv")
        x = np.array([[float(row[name]) for name in rossi["inputs"]["x"]] for row in rows])
        time = np.array([float(row["week"]) for row in rows])
        event = np.array([row["arrest"] == "1" for row in rows])
        n, stratum = np.ones(len(rows), np.int64), np.zeros(len(rows), np.intp)
        for ties in TIES:
            mine = cox(Rows(time, event, x, n, stratum), ties=ties)
            theirs = rossi["expected"][ties]
            assert mine.b == pytest.approx(theirs["coef"], abs=1e-8)
            assert [mine.null, mine.fitted] == pytest.approx(theirs["loglik"], rel=1e-11)
            if ties == "efron":
                robust = np.sqrt(np.diag(mine.robust))
                assert np.sqrt(np.diag(mine.covariance)) == pytest.approx(theirs["se"], rel=1e-8)
                assert robust == pytest.approx(rossi["expected"]["robust_se"], rel=1e-8)
                assert mine.likelihood_ratio()[0] == pytest.approx(theirs["lr"], abs=0.005)

    def test_lung_cancer(self):
        """Kaplan-Meier, restricted means and the log-rank test (survminer prints 7 digits)."""
        theirs = case("km_rmst_lung")["expected"]
        counts, arms = by_group("lung.csv", "time", "status", "sex")
        for life, arm in zip(lives(counts), arms, strict=True):
            values = [kaplan_meier(life, at) for at in theirs["km"]["t"]]
            assert [v.point for v in values] == pytest.approx(
                theirs["km"][f"S_sex{arm}"], abs=1e-11
            )
            errors = [v.variance**0.5 for v in values]
            assert errors == pytest.approx(theirs["km"][f"se_sex{arm}"], abs=1e-11)
            area = restricted_mean(life, 965)
            expected = theirs["rmst_tau965"][f"sex{arm}"]
            assert [area.point, area.variance**0.5] == pytest.approx(expected, rel=1e-10)
        statistic, _, _ = log_rank(counts, arms).test()
        assert statistic == pytest.approx(theirs["logrank_chisq"], abs=1e-6)

    def test_lung_cancer_as_an_analysis(self):
        rows = table("lung.csv")
        columns = {
            name: np.array([float(row[name]) for row in rows]) for name in ("time", "status")
        }
        weights = {"1": 1, "2": 1}
        question = Question(
            outcomes=(Measured(name="status", role="secondary", unit="share"),),
            arm_contrasts=against(("1", "2"), "1"),
            weights={1: weights},
            assigned={},
            estimators=("rmst",),
            times=(Lasting(name="death", role="primary", timed=Timed("time", "status")),),
        )
        made, _ = estimates(
            fit(panel(columns, arm=[row["sex"] for row in rows]), question), question
        )
        each = made[-1]
        theirs = case("km_rmst_lung")["expected"]["rmst_tau965"]
        numbers = [each.point, each.std_error, each.ci_low, each.ci_high]
        assert numbers == pytest.approx(theirs["diff"], rel=1e-6)
        assert each.p_value == pytest.approx(theirs["p"], rel=1e-6)

    def test_the_restricted_mean_that_lifelines_gets_wrong(self):
        """Its variance leaves out what comes after the last event (lifelines issue 1682)."""
        theirs = case("rmst_waltons")["expected"]
        counts, arms = by_group("waltons.csv", "T", "E", "group")
        for life, arm in zip(lives(counts), arms, strict=True):
            area = restricted_mean(life, 10)
            assert [area.point, area.variance**0.5] == pytest.approx(theirs["rmst"][arm], rel=1e-11)
        statistic, _, _ = log_rank(counts, arms).test()
        assert statistic == pytest.approx(theirs["logrank_chisq"], rel=1e-11)
