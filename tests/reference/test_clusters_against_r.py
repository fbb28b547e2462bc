"""Errors between clusters against R: clubSandwich 0.5 and estimatr 1.0, and Stata's numbers.

The printed digits are 12; agreement is asserted to 1e-9.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.errors import NotEstimable
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.cluster_robust import cluster_robust
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing

LINES = [
    line.split() for line in (Path(__file__).parent / "r" / "clusters.txt").read_text().splitlines()
]
ROW = np.arange(1, 181)
CLUSTER = np.floor(np.sqrt(ROW * 1.7)).astype(int)
Y = 5 + 3 * np.sin(ROW * ROW) + 2 * np.cos(CLUSTER) + 0.02 * ROW
X = np.cos(3 * ROW)


def design(what):
    arm = CLUSTER % 3 if what == "drawn" else ROW % 3
    dummies = np.stack([np.ones(180), arm == 1, arm == 2], axis=1).astype(float)
    if what in ("drawn", "fell"):
        return dummies
    return np.column_stack([dummies, X, dummies[:, 1] * X, dummies[:, 2] * X])


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_any_regression(line):
    what, kind, k, *numbers = line
    found = cluster_robust(Y, design(what), CLUSTER, kind)
    c = np.eye(len(found.beta))[int(k) - 1]
    beta, se, df = map(float, numbers)
    assert c @ found.beta == pytest.approx(beta, rel=1e-9)
    assert found.std_error(c) == pytest.approx(se, rel=1e-9)
    if kind == "CR2":
        assert found.df(c) == pytest.approx(df, rel=1e-9)


def asked(estimator, **more):
    arms = ("a", "b", "c")
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(arms, "a"),
        weights={1: dict.fromkeys(arms, 1)},
        assigned={},
        estimators=(estimator,),
        **more,
    )


def answers(source, question):
    found, refused = estimates(fit(source, question), question)
    assert refused == ()
    return found


def printed(what, kind):
    return [tuple(map(float, row[3:])) for row in LINES if row[:2] == [what, kind]][1:]


def test_arms_of_clusters_are_clubsandwichs_cr2():
    """The closed form from totals by cluster, through analyse's own path."""
    source = panel({"y": Y}, arm=["abc"[k % 3] for k in CLUSTER], drawn_set=CLUSTER)
    question = asked("clustered", drawing=Drawing(scheme="clusters"))
    for one, (beta, se, df) in zip(answers(source, question), printed("drawn", "CR2"), strict=True):
        assert (one.point, one.std_error) == pytest.approx((beta, se), rel=1e-9)
        assert one.df == pytest.approx(df, rel=1e-9)
        assert "error between clusters (CR2)" in one.interval_kind


def test_phases_are_regressors_of_their_own():
    """Two phases, weighted by their units, are one saturated regression's contrast."""
    phase = np.where(CLUSTER <= 9, 1, 2)
    arm = CLUSTER % 3
    source = panel({"y": Y}, arm=["abc"[k] for k in arm], phase=phase.tolist(), drawn_set=CLUSTER)
    question = asked("clustered", drawing=Drawing(scheme="clusters"))
    weights = dict.fromkeys(("a", "b", "c"), 1)
    question = Question(**{**question.__dict__, "weights": {1: weights, 2: weights}})
    x = np.stack([(arm == a) & (phase == p) for p in (1, 2) for a in range(3)], axis=1)
    whole = cluster_robust(Y, x.astype(float), CLUSTER)
    share = [(phase == p).mean() for p in (1, 2)]
    for b, one in enumerate(answers(source, question), start=1):
        c = np.array([s * ((a == b) - (a == 0)) for s in share for a in range(3)], dtype=float)
        assert one.point == pytest.approx(c @ whole.beta, rel=1e-9)
        assert one.std_error == pytest.approx(whole.std_error(c), rel=1e-9)
        assert one.df == pytest.approx(whole.df(c), rel=1e-9)


def test_stata_and_estimatr_on_mtcars():
    """estimatr's tests: Stata's ``vce(cluster cyl)`` to 2e-5, and CR2 of estimatr to 1e-8."""
    hp = np.array(
        [
            "110",
            "110",
            "93",
            "110",
            "175",
            "105",
            "245",
            "62",
            "95",
            "123",
            "123",
            "180",
            "180",
            "180",
            "205",
            "215",
            "230",
            "66",
            "52",
            "65",
            "97",
            "150",
            "150",
            "245",
            "175",
            "66",
            "91",
            "113",
            "264",
            "175",
            "335",
            "109",
        ],
        dtype=float,
    )
    mpg = np.array(
        [
            "21",
            "21",
            "22.8",
            "21.4",
            "18.7",
            "18.1",
            "14.3",
            "24.4",
            "22.8",
            "19.2",
            "17.8",
            "16.4",
            "17.3",
            "15.2",
            "10.4",
            "10.4",
            "14.7",
            "32.4",
            "30.4",
            "33.9",
            "21.5",
            "15.5",
            "15.2",
            "13.3",
            "19.2",
            "27.3",
            "26",
            "30.4",
            "15.8",
            "19.7",
            "15",
            "21.4",
        ],
        dtype=float,
    )
    cyl = np.array(list("66468684466888888444488884448684"))
    x = np.column_stack([np.ones(32), hp])
    stata = cluster_robust(mpg, x, cyl, "CR1S")
    assert stata.covariance[1, 1] == pytest.approx(0.00034882, rel=2e-5)
    assert stata.covariance[0, 0] == pytest.approx(14.922475, rel=2e-5)
    cr2 = cluster_robust(mpg, x, cyl)
    for k, (se, df) in enumerate(
        ((5.046485157997054, 1.3942469797806945), (0.0265246208360861, 1.3937055070796127))
    ):
        assert cr2.std_error(np.eye(2)[k]) == pytest.approx(se, rel=1e-8)
        assert cr2.df(np.eye(2)[k]) == pytest.approx(df, rel=1e-8)


def test_one_cluster_and_columns_that_determine_each_other_are_refused():
    with pytest.raises(NotEstimable, match="two are needed"):
        cluster_robust(Y, design("fell"), np.ones(180))
    with pytest.raises(NotEstimable, match="determine each other"):
        cluster_robust(Y, np.column_stack([design("fell"), ROW % 3 == 1]), CLUSTER)


def test_customers_who_fell_into_clusters_are_clubsandwichs_cr2():
    """R27's second interval: arms cross the causes, so arms' errors are correlated."""
    source = panel({"y": Y, "cause": CLUSTER.astype(float)}, arm=["abc"[k % 3] for k in ROW])
    for one, (beta, se, df) in zip(
        answers(source, asked("by_cause")), printed("fell", "CR2"), strict=True
    ):
        assert (one.point, one.std_error) == pytest.approx((beta, se), rel=1e-9)
        assert one.df == pytest.approx(df, rel=1e-9)
        told = dict(one.details)
        assert told["values of cause"] == 17
        b = "abc".index(one.treatment) == ROW % 3
        largest = np.bincount(CLUSTER[b | (ROW % 3 == 0)]).argmax() == CLUSTER
        own = Y[largest & b].mean() - Y[largest & (ROW % 3 == 0)].mean()
        assert told["effect in the 1. largest"].startswith(f"{own:+.4g} (")


def test_units_without_a_cause_are_causes_of_their_own():
    cause = np.where(ROW % 4 == 0, np.nan, CLUSTER)
    alone = np.where(ROW % 4 == 0, 1000 + ROW, CLUSTER)
    arm = ["abc"[k % 3] for k in ROW]
    found = answers(panel({"y": Y, "cause": cause}, arm=arm), asked("by_cause"))
    named = answers(panel({"y": Y, "cause": alone * 1.0}, arm=arm), asked("by_cause"))
    for a, b in zip(found, named, strict=True):
        assert (a.std_error, a.df) == pytest.approx((b.std_error, b.df), rel=1e-12)
    assert dict(found[0].details)["units without cause, each by itself"] == 30


def test_one_cause_says_nothing_of_further_ones():
    question = asked("by_cause")
    source = panel({"y": Y, "cause": np.ones(180)}, arm=["abc"[k % 3] for k in ROW])
    found, refused = estimates(fit(source, question), question)
    assert not found
    assert "1 known values of cause" in refused[0].because


def test_a_cause_numbered_nought_is_a_cause():
    """Two causes, 0 and 1, are two; and the effect in each is told."""
    source = panel({"y": Y, "cause": (ROW > 90) * 1.0}, arm=["abc"[k % 3] for k in ROW])
    for one in answers(source, asked("by_cause")):
        told = dict(one.details)
        assert told["values of cause"] == 2
        assert "effect in the 2. largest" in told
