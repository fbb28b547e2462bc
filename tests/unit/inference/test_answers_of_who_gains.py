"""Who gains, asked through the registry: rows, names, refusals."""

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question


def asked(text, covariates=("a", "b"), **more):
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("none", "note", "coupon"), "none"),
        weights=more.pop("weights", {1: {"none": 2, "note": 1, "coupon": 1}}),
        assigned={},
        covariates=covariates,
        estimators=(text,),
        **more,
    )


def source(n=1200, seed=4, **columns):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    code = rng.choice(3, p=[0.5, 0.25, 0.25], size=n)
    y = x[:, 0] + (code == 2) * (1 + 2 * x[:, 1]) + rng.normal(size=n)
    arms = np.array(["none", "note", "coupon"])[code].tolist()
    return panel({"y": y, "a": x[:, 0], "b": x[:, 1], **columns}, arm=arms)


def found(text, panel_=None, **more):
    question = asked(text, **more)
    return estimates(fit(panel_ or source(), question), question)


def test_the_slope_is_1_where_the_guess_is_right_and_unclear_where_nothing_happens():
    rows, refused = found("best_linear_predictor")
    assert refused == ()
    by_name = {row.name: row for row in rows}
    assert by_name["coupon vs none, slope"].ci_low > 0.7
    assert by_name["coupon vs none, slope"].ci_high < 1.3
    assert by_name["note vs none, slope"].p_value > 0.05
    assert by_name["note vs none, slope"].estimand.startswith("slope on its guess of the effect")


def test_groups_are_sorted_by_effect_and_their_spread_is_seen():
    rows, _ = found("sorted_groups(groups=3)")
    coupon = [row for row in rows if row.name.startswith("coupon")]
    assert [row.name for row in coupon] == [
        *(f"coupon vs none, group {k}" for k in (1, 2, 3)),
        "coupon vs none, group 3 less group 1",
    ]
    assert coupon[0].point < coupon[1].point < coupon[2].point
    assert coupon[3].ci_low > 2
    assert "who gains" in coupon[0].family


@pytest.mark.parametrize("area", ["autoc", "qini"])
def test_targeting_sees_who_gains(area):
    rows, _ = found(f"rank_weighted(area={area})")
    coupon, note = (next(r for r in rows if r.name.startswith(arm)) for arm in ("coupon", "note"))
    assert coupon.ci_low > 0
    assert note.p_value > 0.05


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    first, again, other = (
        found(f"best_linear_predictor(seed={seed})")[0][0].point for seed in (1, 1, 2)
    )
    assert first == again != other


def test_shared_learners_of_scikit_learn():
    pytest.importorskip("sklearn", reason="pip install 'apologylab[ml]'")
    rows, refused = found("rank_weighted(learner=forest,splits=2)")
    assert refused == ()
    assert rows[1].ci_low > 0
    assert dict(rows[1].details) == {"learner": "forest"}


def test_a_causal_forest():
    pytest.importorskip("econml", reason="pip install 'apologylab[ml]'")
    rows, refused = found("best_linear_predictor(learner=causal_forest,splits=2)")
    assert refused == ()
    assert {row.name: row for row in rows}["coupon vs none, slope"].ci_low > 0.5


def test_a_learner_that_is_not_installed_is_named(monkeypatch):
    from apologylab.inference.heterogeneity import learners

    monkeypatch.setattr(learners, "find_spec", lambda _: None)
    rows, refused = found("rank_weighted(learner=boosting)")
    assert rows == ()
    assert "boosting needs sklearn" in refused[0].because


def test_too_few_units_missing_covariates_and_a_phase_without_an_arm_are_refused():
    rows, refused = found("rank_weighted", source(n=100))
    assert rows == ()
    assert "too few" in refused[0].because
    gap = np.where(np.arange(1200) == 7, np.nan, 1.0)
    _, refused = found("rank_weighted", source(b=gap))
    assert "missing or not finite" in refused[0].because
    _, refused = found("rank_weighted", weights={1: {"none": 1, "note": 1, "coupon": 0}})
    assert "does not draw both arms" in refused[0].because


def test_a_covariate_that_tells_nothing_is_refused():
    _, refused = found("sorted_groups", source(a=np.ones(1200), b=np.zeros(1200)))
    assert "the same for every unit" in refused[0].because
