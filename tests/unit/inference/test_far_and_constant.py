"""Outcomes far from 0, outcomes that do not vary, clusters of several arms: through the table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import apologylab

N = 90
RNG = np.random.default_rng(12)
ARM = np.array(["a", "b", "c"])[np.arange(N) % 3]
X = RNG.normal(size=N) + 3
Y = X + RNG.normal(size=N) + 0.4 * (ARM == "c")
ADJUSTED = [
    "lin", "lin(errors=HC0,leverage=series)", "lin(errors=HC3)", "lin(over=population)", "cuped",
    "randomisation(draws=199)", "difference_in_means",
]  # fmt: skip


def analyse(y, estimator, *, cluster=None):
    table = pa.table({"arm": ARM, "x": X, "y": y, "city": cluster if cluster is not None else ARM})
    return apologylab.analyse(
        table,
        arm="arm",
        reference="a",
        outcomes=["y"],
        covariates=["x"],
        estimators=[estimator],
        cluster=None if cluster is None else "city",
    )


@pytest.mark.parametrize("estimator", [*ADJUSTED, "cuped_pooled"])
@pytest.mark.parametrize("high", [0.3, 1e9 + 0.3])
def test_an_outcome_with_one_value_an_arm_has_no_effect_with_an_error(estimator, high):
    """0.1 has no exact double: its sum of squares about the mean is rounding, and no variance."""
    found = analyse(np.where(ARM == "a", 0.1, high), estimator)
    assert found.estimates == ()
    assert all("var" in each.because for each in found.refusals)
    assert len(found.refusals) == 2


@pytest.mark.parametrize("estimator", ADJUSTED)
def test_two_arms_without_variance_beside_one_that_has(estimator):
    found = analyse(np.where(ARM == "a", 0.1, np.where(ARM == "b", 0.3, Y)), estimator)
    assert [each.treatment for each in found.estimates] == ["c"]
    assert [each.treatment for each in found.refusals] == ["b"]


@pytest.mark.parametrize("statistic", ["studentised", "difference"])
def test_the_draws_do_not_depend_on_where_0_lies(statistic):
    estimator = f"randomisation(statistic={statistic},draws=199)"
    # An offset that doubles can carry without rounding the outcome away.
    near, far = (analyse(np.round(Y, 4) + off, estimator).estimates for off in (0, 2.0**30))
    for one, other in zip(near, far, strict=True):
        assert other.p_value == one.p_value
        moved = (other.point, other.ci_low, other.ci_high)
        assert moved == pytest.approx((one.point, one.ci_low, one.ci_high), abs=1e-5)


@pytest.mark.parametrize(
    "estimator", ["clustered(errors=CR1)", "clustered(errors=CR0)", "randomisation"]
)
def test_clusters_with_units_in_several_arms_are_refused(estimator):
    """Their arms' means go together, which these leave out."""
    city = np.arange(N) // 6
    found = analyse(Y, estimator, cluster=city)
    assert found.estimates == ()
    assert all("clusters" in each.because for each in found.refusals)
    assert len(analyse(Y, "clustered", cluster=city).estimates) == 2
    assert len(analyse(Y, estimator, cluster=city * 3 + np.arange(N) % 3).estimates) == 2
