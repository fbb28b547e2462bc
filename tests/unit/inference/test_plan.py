"""From a question to estimates: one scan, families, words, and refusals with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from apologylab.design.contrasts import Contrast, against
from apologylab.errors import InputError, NotEstimable
from apologylab.inference.arrays import ArraySource, panel
from apologylab.inference.many.p_values import holm
from apologylab.inference.moments import Cell, Fitted, Moments, Request
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.results import Estimate, Refusal

ARMS = ("silence", "basic", "usd5")
SPEND = Measured(name="spend_84d", role="primary", unit="USD")
BACK = Measured(name="returned_28d", role="secondary", unit="share")
NOTED = Measured(name="minutes", role="descriptive", unit="minutes")
GIVEN = Contrast(
    name="anything", treatment="basic|usd5", reference="silence",
    cells=(("silence", -1.0), ("basic", 0.5), ("usd5", 0.5)),
)  # fmt: skip


def question(**change: object) -> Question:
    asked = Question(
        outcomes=(SPEND, BACK),
        arm_contrasts=against(ARMS, "silence"),
        named_contrasts=(GIVEN,),
        weights={1: dict.fromkeys(ARMS, 1)},
        assigned=dict.fromkeys(ARMS, 250),
        covariates=("tenure",),
        estimators=("lin", "difference_in_means"),
    )
    return replace(asked, **change)


def columns(seed: int = 1, n: int = 600) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    tenure = rng.gamma(2.0, size=n)
    return {
        "spend_84d": tenure + rng.normal(size=n),
        "returned_28d": rng.integers(0, 2, n).astype(float),
        "minutes": rng.gamma(3.0, size=n),
        "tenure": tenure,
    }


def source(**keys: object) -> ArraySource:
    return panel(columns(), **({"arm": list(ARMS) * 200} | keys))  # type: ignore[arg-type]


def answer(
    asked: Question, of: ArraySource | None = None
) -> tuple[tuple[Estimate, ...], tuple[Refusal, ...]]:
    return estimates(fit(of or source(), asked), asked)


class Counting:
    """A source that counts what is asked of it."""

    def __init__(self) -> None:
        self.scans: list[Sequence[Request]] = []
        self.passes: list[list[Request]] = []
        self.inner = source()

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        self.scans.append(list(requests))
        return self.inner.moments(requests)

    def hc_variances(self, fitted: Sequence[Fitted]) -> list[dict[Cell, float]]:
        self.passes.append([each.request for each in fitted])
        return self.inner.hc_variances(fitted)


def test_one_scan_and_one_second_pass() -> None:
    counting = Counting()
    fit(counting, question())
    requests = [Request("spend_84d", ("tenure",)), Request("returned_28d", ("tenure",))]
    assert counting.scans == [[*requests, Request("tenure")]]
    assert counting.passes == [requests]
    plain = Counting()
    fit(plain, question(estimators=("difference_in_means",)))
    assert plain.passes == []


def test_every_contrast_of_every_outcome_by_every_estimator() -> None:
    found, refused = answer(question())
    assert refused == ()
    assert len(found) == 2 * 3 * 2
    assert len({(e.outcome, e.treatment, e.estimator) for e in found}) == 12


def test_an_estimate_carries_all_that_it_needs_to_be_read() -> None:
    found, _ = answer(question(look=2))
    one = next(e for e in found if e.treatment == "usd5" and e.estimator == "difference_in_means")
    y = columns()["spend_84d"]
    assert one.point == pytest.approx(y[2::3].mean() - y[0::3].mean(), rel=1e-12)
    assert one.reference_mean == pytest.approx(y[0::3].mean(), rel=1e-12)
    assert one.estimand == (
        "mean spend_84d over all enrolled units, intention to treat: usd5 minus silence"
    )
    assert (one.n_assigned, one.n_treatment, one.n_reference) == (500, 200, 200)
    assert (one.unit, one.role, one.look, one.phase) == ("USD", "primary", 2, "1")
    assert one.interval_kind == "pointwise 95%, Student's t"
    assert one.ci_low < one.point < one.ci_high
    assert one.smallest_detectable == pytest.approx(2.801585 * one.std_error, rel=1e-6)
    assert one.cells == (("usd5", 1.0), ("silence", -1.0))


def test_the_level_follows_alpha() -> None:
    wide = answer(question(alpha=0.01))[0][0]
    narrow = answer(question(alpha=0.2))[0][0]
    assert (wide.level, narrow.level) == (0.99, 0.8)
    assert wide.ci_low < narrow.ci_low < narrow.ci_high < wide.ci_high
    assert wide.interval_kind == "pointwise 99%, Student's t, HC2 errors from a second pass"


def test_each_role_kind_and_estimator_is_a_family_that_prints_its_size() -> None:
    found, _ = answer(question(outcomes=(SPEND, BACK, replace(BACK, name="minutes"))))
    sizes = {e.family for e in found}
    assert sizes == {
        "primary outcomes, arms against the reference: 2 tests, Holm",
        "primary outcomes, named contrasts: 1 test, Holm",
        "secondary outcomes, arms against the reference: 4 tests, Holm",
        "secondary outcomes, named contrasts: 2 tests, Holm",
    }
    for estimator in ("lin", "difference_in_means"):
        members = [
            e for e in found
            if (e.role, e.kind, e.estimator) == ("secondary", "arm", estimator)
        ]  # fmt: skip
        assert [e.p_adjusted for e in members] == holm([e.p_value for e in members]).tolist()


def test_nothing_is_adjusted_that_the_plan_does_not_test() -> None:
    descriptive, _ = answer(question(outcomes=(NOTED,)))
    unadjusted, _ = answer(question(adjust="none"))
    for found in (descriptive, unadjusted):
        assert {e.p_adjusted for e in found} == {None}
        assert all(e.family.endswith("not adjusted") for e in found)


def test_a_later_phase_without_an_arm_refuses_that_arm_only() -> None:
    asked = question(weights={1: dict.fromkeys(ARMS, 1), 2: {"silence": 1, "basic": 1, "usd5": 0}})
    phase = [2 if i % 3 < 2 and i > 300 else 1 for i in range(600)]
    found, refused = answer(asked, source(phase=phase))
    assert {e.treatment for e in found} == {"basic"}
    assert {e.phase for e in found} == {"1+2"}
    assert "phases weighted by their units" in found[0].estimand
    assert {r.treatment for r in refused} == {"usd5", "basic|usd5"}
    assert {r.because for r in refused} == {"usd5 is not drawn in phase 2"}


def test_the_weights_of_phases_count_all_enrolled_units() -> None:
    """Also those in an arm that is refused: they were enrolled in that phase."""
    y = np.array([0.0, 2.0, 1.0, 5.0, 9.0, 9.0, 9.0, 10.0, 12.0, 21.0, 23.0])
    arm = ["a", "a", "b", "b", "c", "c", "c", "a", "a", "b", "b"]
    asked = Question(
        outcomes=(replace(SPEND, name="y"),),
        arm_contrasts=against(["a", "b", "c"], "a"),
        weights={1: {"a": 1, "b": 1, "c": 1}, 2: {"a": 1, "b": 1, "c": 0}},
        assigned={"a": 4, "b": 4, "c": 3},
    )
    found, _ = answer(asked, panel({"y": y}, arm=arm, phase=[1] * 7 + [2] * 4))
    assert found[0].point == pytest.approx((7 * (3 - 1) + 4 * (22 - 11)) / 11)


@pytest.mark.parametrize(
    ("arm", "why"),
    [
        (["silence"] * 300 + ["basic"] * 300, "usd5 has 0 units in phase 1: two are needed"),
        (["silence"] * 300 + ["basic"] * 299 + ["usd5"], "usd5 has 1 unit in phase 1"),
    ],
)
def test_an_arm_without_enough_units_is_refused(arm: list[str], why: str) -> None:
    found, refused = answer(question(), source(arm=arm))
    assert {e.treatment for e in found} == {"basic"}
    assert all(why in r.because for r in refused)
    assert len(refused) == 8


def test_an_empty_stratum_names_itself() -> None:
    stratum = ["north" if i % 3 == 1 and i < 30 else "" for i in range(600)]
    _, refused = answer(question(), source(stratum=stratum))
    assert {r.because for r in refused} == {
        f"{arm} has 0 units in phase 1, stratum north: two are needed"
        for arm in ("silence", "usd5")
    }


def test_the_reference_missing_refuses_everything() -> None:
    found, refused = answer(question(), source(arm=["basic", "usd5"] * 300))
    assert found == ()
    assert {r.because for r in refused} == {"silence has 0 units in phase 1: two are needed"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (np.inf, "spend_84d is not finite in silence"),
        (np.nan, "no unit has spend_84d"),
        (3.25, "the variance is 0"),
    ],
)
def test_nonsense_in_an_outcome_is_refused_and_the_others_answer(value: float, why: str) -> None:
    data = columns()
    data["spend_84d"] = np.where(np.arange(600) == 0, value, data["spend_84d"])
    if not np.isinf(value):
        data["spend_84d"] = np.full(600, value)
    with np.errstate(invalid="ignore"):
        found, refused = answer(question(), panel(data, arm=list(ARMS) * 200))
    assert {r.outcome for r in refused} == {"spend_84d"}
    assert all(why in r.because for r in refused)
    assert {e.outcome for e in found} == {"returned_28d"}


def test_where_lin_cannot_answer_the_difference_in_means_does() -> None:
    data = columns()
    data["tenure"][5] = np.nan
    found, refused = answer(question(), panel(data, arm=list(ARMS) * 200))
    assert {r.estimator for r in refused} == {"lin"}
    assert all("tenure is missing" in r.because for r in refused)
    assert "usd5" in {e.treatment for e in found if e.estimator == "difference_in_means"}


def test_a_covariate_that_singles_out_one_unit_has_no_hc2_variance() -> None:
    data = columns()
    data["tenure"] = np.zeros(600)
    data["tenure"][[0, 3, 1, 4, 2]] = 1.0
    _, refused = answer(question(), panel(data, arm=list(ARMS) * 200))
    assert {r.because for r in refused} == {
        "a covariate singles out one unit in usd5: no HC2 variance"
    }


def test_units_in_arms_that_the_question_does_not_know_are_left_out() -> None:
    data = columns()
    arm = np.array(list(ARMS) * 200, dtype=object)
    arm[:60] = "old template"
    with_strangers, _ = answer(question(), panel(data, arm=arm.tolist()))
    kept = {name: column[60:] for name, column in data.items()}
    without, _ = answer(question(), panel(kept, arm=arm[60:].tolist()))
    assert [e.point for e in with_strangers] == pytest.approx([e.point for e in without])


def test_fits_say_why_there_is_none() -> None:
    asked = question()
    fits = fit(source(arm=["other"] * 600), asked)
    with pytest.raises(NotEstimable, match="no unit has spend_84d"):
        fits.of("spend_84d", "lin")


def test_lin_without_covariates_is_refused() -> None:
    with pytest.raises(InputError, match="needs covariates"):
        question(covariates=())
