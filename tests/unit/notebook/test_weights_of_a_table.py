"""``apologylab.analyse(weights=...)``: propensities of a table are known, or equal, or refused."""

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.errors import InputError

RNG = np.random.default_rng(4)
N = 4_000
X = RNG.normal(size=N)
SENT = RNG.random(N) < 0.1
SPEND = 10 + X + SENT * (1 + X) + RNG.normal(size=N)
SIZE = np.where(np.arange(N) % 4 == 0, "large", "small")
GROUPS = "sorted_groups(splits=4,groups=3)"


def analyse(sent=SENT, estimator=GROUPS, size=SIZE, **more):
    arm = np.where(sent, "sorry", "silence")
    table = pa.table({"arm": arm, "x": X, "spend": SPEND, "size": size})
    asked = {"arm": "arm", "reference": "silence", "outcomes": ["spend"], "covariates": ["x"]}
    return apologylab.analyse(table, **asked, estimators=[estimator], **more)


@pytest.mark.parametrize("estimator", [GROUPS, "best_linear_predictor", "rank_weighted", "ipw"])
def test_propensities_that_are_not_known_are_refused(estimator):
    with pytest.raises(InputError, match=r"needs the planned weights.*do not look equal"):
        analyse(estimator=estimator)


def test_groups_are_right_with_the_weights_and_wrong_with_others():
    """The effect is 1 + x: a third of a normal x has the mean 1.09."""
    low, middle, high, _ = analyse(weights={"silence": 9, "sorry": 1}).estimates
    for each, true in ((low, -0.09), (middle, 1.0), (high, 2.09)):
        assert each.ci_low < true < each.ci_high
    wrong = analyse(weights={"silence": 1, "sorry": 1})
    spread = wrong.estimates[3].point
    assert spread < 0.8 * (2.09 + 0.09)
    (failed,) = [each for each in wrong.checks if each.name == "sample ratio, assigned"]
    assert failed.passed is False


EQUAL = {"silence": 1, "sorry": 1}


def test_equal_arms_need_no_weights():
    equal = RNG.random(N) < 0.5
    assert analyse(equal, "ipw").estimates == analyse(equal, "ipw", weights=EQUAL).estimates


def test_strata_of_other_shares_are_seen():
    """Half of all are sent the message, and of the large 8 in 10."""
    sent = RNG.random(N) < np.where(SIZE == "large", 0.8, 0.4)
    assert analyse(sent, "ipw").estimates
    with pytest.raises(InputError, match="needs the planned weights"):
        analyse(sent, "ipw", strata="size")
    checks = analyse(sent, "lin", strata="size", weights=EQUAL).checks
    (within,) = [each for each in checks if each.name == "sample ratio, by stratum"]
    assert within.passed is False
    assert "most in" in within.says


@pytest.mark.parametrize(
    "weights",
    [{"silence": -1, "sorry": 2}, {"silence": 0, "sorry": 0}, {"silence": np.nan, "sorry": 1}],
)
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(InputError, match="weights are"):
        analyse(estimator="lin", weights=weights)


def test_units_of_undeclared_subgroups_are_counted():
    some = np.where(np.arange(N) % 10 == 1, "tiny", SIZE)
    found = analyse(SENT, "subgroups", size=some, subgroups={"size": ["small", "large"]})
    assert found.estimates[0].n_treatment == (SENT & (some == "small")).sum()
    assert "size: 400 units are in no declared subgroup, and left out" in found.notes
    whole = analyse(SENT, "subgroups", subgroups={"size": ["small", "large"]})
    assert not any("no declared subgroup" in note for note in whole.notes)


def test_one_subgroup_differs_from_no_other():
    (refused,) = analyse(SENT, "subgroups", subgroups={"size": ["small"]}).refusals
    assert "size has one declared subgroup" in refused.because
