"""Covariates under blocks and clusters, against statsmodels and scipy; fixed seeds, no chance."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing

SCHEMES = {"blocked": "blocks", "clustered": "clusters"}


def answer(source, estimator, covariates=("x",)):
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={1: {"a": 1, "b": 1}},
        assigned={},
        covariates=covariates,
        estimators=(estimator,),
        drawing=Drawing(scheme=SCHEMES[estimator.removesuffix("_cuped")]),
    )
    return estimates(fit(source, question), question)


def units(sets, size, *, whole):
    """Units in sets, arms drawn within them or (``whole``) for them; x says much of y."""
    rng = np.random.default_rng(1)
    number = np.repeat(np.arange(sets), size)
    drawn = rng.permuted(np.arange(sets) % 2) if whole else None
    arm = (
        drawn[number] if whole else rng.permuted(np.tile([0, 1], (sets, size // 2)), axis=1).ravel()
    )
    x = rng.gamma(2.0, size=sets * size) + rng.normal(size=sets)[number]
    y = 1e3 + 2 * x + 0.3 * arm + rng.normal(size=sets)[number] + rng.normal(size=sets * size)
    arms = np.where(arm, "b", "a").tolist()
    return panel({"y": y, "x": x}, arm=arms, drawn_set=number.tolist()), y, x, arm, number


def slope(y, x, arm):
    return sm.OLS(y, sm.add_constant(np.column_stack([x, arm]))).fit().params[1]


def test_pairs_are_the_paired_t_test_of_what_the_covariate_leaves():
    source, y, x, arm, _ = units(60, 2, whole=False)
    left = y - slope(y, x, arm) * x
    theirs = stats.ttest_rel(left[arm == 1], left[arm == 0])
    ((one,), refused) = answer(source, "blocked_cuped")
    assert refused == ()
    assert one.point == pytest.approx(left[arm == 1].mean() - left[arm == 0].mean(), rel=1e-9)
    assert one.p_value == pytest.approx(theirs.pvalue, rel=1e-7)
    assert one.df == pytest.approx(59)
    ((plain,), _) = answer(source, "blocked")
    assert one.std_error < plain.std_error / 2
    assert one.interval_kind.endswith("one theta, error between blocks")


def test_clusters_of_one_size_are_the_t_test_of_their_means():
    source, y, x, arm, number = units(60, 5, whole=True)
    left = (y - slope(y, x, arm) * x).reshape(60, 5).mean(axis=1)
    treated = arm.reshape(60, 5)[:, 0] == 1
    theirs = stats.ttest_ind(left[treated], left[~treated], equal_var=False)
    ((one,), refused) = answer(source, "clustered_cuped")
    assert refused == ()
    assert one.point / one.std_error == pytest.approx(theirs.statistic, rel=1e-9)
    ((plain,), _) = answer(source, "clustered")
    assert one.std_error < plain.std_error
    assert number.max() == 59


@pytest.mark.parametrize("estimator", ["blocked_cuped", "clustered_cuped"])
@pytest.mark.parametrize(
    ("x", "why"),
    [
        (np.full(120, np.nan), "x is missing or not finite"),
        (np.full(120, 3.0), "x does not vary"),
    ],
)
def test_a_covariate_without_a_slope_is_refused(estimator, x, why):
    source, y, _, arm, number = units(60, 2, whole=estimator == "clustered_cuped")
    source = panel(
        {"y": y, "x": x}, arm=np.where(arm, "b", "a").tolist(), drawn_set=number.tolist()
    )
    found, (refused,) = answer(source, estimator)
    assert found == ()
    assert why in refused.because


def test_few_sets_for_many_covariates_are_refused():
    source, y, x, arm, number = units(16, 4, whole=False)
    columns = {"y": y, "x": x, "z": np.sin(x * 9)}
    source = panel(columns, arm=np.where(arm, "b", "a").tolist(), drawn_set=number.tolist())
    found, (refused,) = answer(source, "blocked_cuped", ("x", "z"))
    assert found == ()
    assert "16 sets are too few for 2 slopes" in refused.because
