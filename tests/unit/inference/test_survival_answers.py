"""What survival refuses, and how phases and arms are compared. Seeds are fixed; no test is random."""

from __future__ import annotations

import numpy as np
import pytest

from apologylab.design.contrasts import Contrast, against
from apologylab.errors import InputError, NotEstimable
from apologylab.inference.arrays import panel
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.survival.counts import EventCounts, Timed, counted, lives
from apologylab.inference.survival.cox import Rows, cox
from apologylab.inference.survival.product_limit import aalen_johansen, kaplan_meier
from apologylab.inference.times import Lasting

T = Timed("t", "end")


def asked(*estimators, arms=("basic", "silence"), phases=(1,), **more):
    return Question(
        outcomes=(Measured(name="t", role="descriptive", unit=""),),
        arm_contrasts=against(arms, "silence"),
        weights={phase: dict.fromkeys(arms, 1) for phase in phases},
        assigned={},
        estimators=estimators,
        times=(Lasting(name="back", role="primary", timed=T, ends=("closed",)),),
        **more,
    )


def answered(t, end, arm, *estimators, question=None, **keys):
    columns = {"t": np.array(t, float), "end": np.array(end, float)}
    question = question or asked(*estimators, arms=tuple(sorted(set(arm))))
    found, refused = estimates(fit(panel(columns, arm=arm, **keys), question), question)
    return [each for each in found if each.outcome == "back"], refused


TWO = ["basic"] * 4 + ["silence"] * 4


@pytest.mark.parametrize("estimator", ["kaplan_meier(at=5)", "rmst(at=5)"])
def test_other_ends_are_refused_unless_told_what_they_are(estimator):
    t, end = [1, 2, 3, 9, 1, 3, 4, 9], [1, 2, 1, 0, 1, 1, 2, 0]
    found, refused = answered(t, end, TWO, estimator)
    assert not found
    assert "2 units ended otherwise: aalen_johansen counts them" in refused[0].because
    told = estimator.replace(")", ", others=censored)")
    found, refused = answered(t, end, TWO, told)
    assert len(found) == 1
    assert not refused


@pytest.mark.parametrize("estimator", ["kaplan_meier", "rmst", "aalen_johansen"])
def test_a_day_that_nobody_was_followed_to_is_refused(estimator):
    t, end = [1, 2, 3, 9, 1, 3, 4, 5], [1, 1, 0, 0, 1, 1, 0, 0]
    found, refused = answered(t, end, TWO, f"{estimator}(at=6)")
    assert not found
    assert "silence, phase 1: its last units were last seen at 5, before 6" in refused[0].because


def test_the_day_is_the_least_that_every_arm_reaches_unless_a_window_is_declared():
    t, end = [1, 2, 3, 9, 1, 3, 4, 5], [1, 1, 0, 0, 1, 1, 0, 0]
    ((found,), _) = answered(t, end, TWO, "rmst")
    assert "out of 5 days" in found.estimand


@pytest.mark.parametrize(
    ("end", "estimator"),
    [
        ([0] * 4 + [1, 1, 0, 0], "kaplan_meier(at=4)"),
        ([0] * 4 + [1, 1, 0, 0], "aalen_johansen(at=4)"),
        ([0] * 4 + [1, 1, 0, 0], "rmst(at=4)"),
        ([1] * 4 + [1, 1, 0, 0], "kaplan_meier(at=9)"),
    ],
)
def test_an_arm_without_variance_is_refused(end, estimator):
    found, refused = answered([1, 2, 3, 9, 1, 3, 4, 9], end, TWO, estimator)
    assert not found
    assert "has no variance: none or all ended" in refused[0].because


@pytest.mark.parametrize("estimator", ["cox", "cox(errors=robust)"])
def test_an_arm_without_events_is_refused_and_the_others_are_not(estimator):
    rng = np.random.default_rng(1)
    arm = ["basic"] * 50 + ["none"] * 50 + ["silence"] * 50
    end = np.where(np.array(arm) == "none", 0, rng.integers(0, 2, 150))
    found, refused = answered(rng.integers(1, 20, 150), end, arm, estimator)
    assert [each.treatment for each in found] == ["basic"]
    assert [each.because for each in refused] == ["none has no event, so its hazard is 0"]


def test_one_arm_with_events_is_no_comparison():
    found, refused = answered([1, 2, 3, 4] * 2, [0] * 4 + [1] * 4, TWO, "cox")
    assert not found
    assert "basic has no event" in refused[0].because


def test_the_log_rank_test_is_of_two_arms():
    arms = ("a", "b", "silence")
    pooled = Contrast(
        name="both",
        treatment="a and b",
        reference="silence",
        cells=(("a", 0.5), ("b", 0.5), ("silence", -1.0)),
    )
    question = asked("log_rank", arms=arms, named_contrasts=(pooled,))
    found, refused = answered([1, 2, 3, 4] * 3, [1] * 12, list(arms) * 4, question=question)
    assert {each.treatment for each in found} == {"a", "b"}
    assert "compares one arm with another; ask for cox" in refused[0].because


def test_the_log_rank_score_is_not_given_out_as_a_hazard_ratio():
    """A ratio of 3 with one unit in ten treated: its score is 1.5 where log 3 is 1.1."""
    rng = np.random.default_rng(4)
    treated = np.arange(4_000) % 10 == 0
    t = rng.exponential(np.where(treated, 10 / 3, 10.0))
    arm = np.where(treated, "basic", "silence").tolist()
    (score,), _ = answered(t, np.ones(4_000), arm, "log_rank")
    (ratio,), _ = answered(t, np.ones(4_000), arm, "cox")
    assert score.ci_low > np.log(3)
    assert abs(ratio.point - np.log(3)) < 3 * ratio.std_error
    assert not any(name.startswith("hazard ratio") for name, _ in score.details)
    assert "hazard ratio" not in score.unit
    assert "ask cox" in score.interval_kind


def test_phases_are_compared_within_and_weighted_by_their_units():
    """A ramp: phase 2 has other hazards and other shares of the arms; pooling would mix them."""
    rng = np.random.default_rng(2)
    n = 4_000
    phase = rng.choice([1, 2], n, p=[0.3, 0.7])
    treated = rng.uniform(size=n) < np.where(phase == 1, 0.1, 0.6)
    arm = np.where(treated, "basic", "silence")
    t = rng.exponential(np.where(phase == 1, 40.0, 10.0))
    end = (t <= 30).astype(float)
    question = asked("kaplan_meier(at=7)", "cox", phases=(1, 2))
    found, _ = answered(
        np.minimum(t, 30), end, arm.tolist(), question=question, phase=phase.tolist()
    )
    by_hand = sum(
        (phase == p).mean() * ((t[(phase == p) & treated] > 7).mean()
                               - (t[(phase == p) & ~treated] > 7).mean())
        for p in (1, 2)
    )  # fmt: skip
    curve, hazards = found
    assert curve.point == pytest.approx(by_hand, abs=1e-12)  # nobody is censored before day 7
    assert curve.phase == "1+2"
    assert abs(hazards.point) < 3 * hazards.std_error  # the remedy does nothing
    naive = (t[treated] > 7).mean() - (t[~treated] > 7).mean()
    assert abs(naive) > 5 * curve.std_error


def test_a_question_without_times_is_refused():
    question = Question(
        outcomes=(Measured(name="t", role="primary", unit=""),),
        arm_contrasts=against(("basic", "silence"), "silence"),
        weights={1: {"basic": 1, "silence": 1}},
        assigned={},
        estimators=("cox",),
    )
    with pytest.raises(InputError, match="needs times to an event and none is declared"):
        fit(panel({"t": np.ones(4)}, arm=["basic", "silence"] * 2), question)


def rows(t, event, x):
    n = np.ones(len(t), np.int64)
    return Rows(np.array(t, float), np.array(event, bool), np.array(x, float), n, n * 0)


def test_a_covariate_that_tells_all_who_have_the_event_has_no_maximum():
    early = [[1.0], [1.0], [1.0], [0.0], [0.0], [0.0]]
    with pytest.raises(NotEstimable, match="has no maximum"):
        cox(rows([1, 2, 3, 9, 9, 9], [1, 1, 1, 0, 0, 0], early))


def test_covariates_of_one_line_are_collinear():
    rng = np.random.default_rng(3)
    x = rng.normal(size=40)
    with pytest.raises(NotEstimable, match="collinear"):
        cox(rows(rng.exponential(size=40), np.ones(40), np.stack([x, 2 * x + 1], axis=1)))


def test_a_constant_covariate_and_no_events_are_refused():
    with pytest.raises(NotEstimable, match="number 1 does not vary"):
        cox(rows([1, 2], [1, 1], [[1.0], [1.0]]))
    with pytest.raises(NotEstimable, match="no event was seen"):
        cox(rows([1, 2], [0, 0], [[1.0], [0.0]]))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_score_is_the_likelihoods_slope_at_its_maximum(ties):
    """The defining equation: no step in any direction gains likelihood, scales do not matter."""
    rng = np.random.default_rng(4)
    x = np.stack([rng.normal(size=300), rng.lognormal(0, 2, 300)], axis=1)
    t, event = np.ceil(rng.exponential(5, 300)), rng.uniform(size=300) < 0.7
    best = cox(rows(t, event, x), ties=ties)
    moved = cox(rows(t, event, x * [1, 1e6] + [3, -1e6]), ties=ties)
    assert moved.b == pytest.approx(best.b / [1, 1e6], rel=1e-8)
    assert moved.fitted == pytest.approx(best.fitted, rel=1e-12)
    assert best.fitted > best.null


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("whole", [True, False])
def test_values_named_once_are_the_rows_themselves(ties, whole):
    """Sums by value of x, as for arms, and sums over rows: two ways to one fit."""
    rng = np.random.default_rng(8)
    arm, stratum = rng.integers(0, 4, 3_000), rng.integers(0, 2, 3_000)
    t = rng.exponential(6 + arm)
    t, event = np.ceil(t) if whole else t, rng.uniform(size=3_000) < 0.7
    x, n = np.eye(4)[:, 1:], rng.integers(1, 4, 3_000)
    named = cox(Rows(t, event, x, n, stratum, arm), ties=ties)
    plain = cox(Rows(t, event, x[arm], n, stratum), ties=ties)
    for one, other in zip(named, plain, strict=True):
        assert one == pytest.approx(other, rel=1e-10, abs=1e-11)
    assert cox(Rows(t, event, x, n, stratum, arm), ties=ties, robust=False).robust is None


def test_without_ties_efron_is_breslow():
    rng = np.random.default_rng(5)
    made = rows(rng.exponential(size=80), np.ones(80), rng.normal(size=(80, 2)))
    one, other = (cox(made, ties=ties) for ties in ("efron", "breslow"))
    assert one.b == pytest.approx(other.b, rel=1e-12)
    assert one.robust == pytest.approx(other.robust, rel=1e-12)


def test_without_other_ends_incidence_is_one_less_survival():
    rng = np.random.default_rng(6)
    place, one = np.zeros(200, np.intp), np.ones(200, np.int64)
    t, end = np.ceil(rng.exponential(9, 200)), rng.integers(0, 2, 200)
    counts = counted(T, [Cell(1, 1, "a", "")], place, t, end, one)
    (life,) = lives(counts)
    for at in (3.0, 10.0):
        s, f = kaplan_meier(life, at), aalen_johansen(life, at)
        assert f.point == pytest.approx(1 - s.point, rel=1e-13)
        assert f.variance == pytest.approx(s.variance, rel=1e-12)


def test_event_counts_that_are_not_sorted_or_empty_are_refused():
    cell, kind = np.zeros(2, np.intp), np.zeros(2, np.int64)
    arm, n = (Cell(1, 1, "a", ""),), np.ones(2, np.int64)
    with pytest.raises(InputError, match="not sorted, or repeat"):
        EventCounts(timed=T, cells=arm, cell=cell, time=np.array([2.0, 1.0]), kind=kind, n=n)
    with pytest.raises(InputError, match="has no units"):
        EventCounts(timed=T, cells=arm, cell=cell, time=np.array([1.0, 2.0]), kind=kind, n=n * 0)
