"""``apologylab.analyse(table, ...)``: the whole question in one call."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import apologylab
from apologylab.errors import InputError

SEED = 20_260_101


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(SEED)
    n = 3_000
    arm = np.array(["none", "note", "gift"])[rng.integers(0, 3, n)]
    before = rng.exponential(20, n)
    spend = 0.5 * before + rng.exponential(10, n) + 2.0 * (arm == "gift")
    return pa.table({"arm": arm, "before": before, "spend": spend})


def test_the_plain_difference_is_welchs(table):
    found = apologylab.analyse(table, arm="arm", reference="none", outcomes=["spend"])
    arm, spend = (np.array(table[name]) for name in ("arm", "spend"))
    for estimate in found.estimates:
        theirs = stats.ttest_ind(
            spend[arm == estimate.treatment], spend[arm == "none"], equal_var=False
        )
        interval = theirs.confidence_interval(0.95)
        assert estimate.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
        assert (estimate.ci_low, estimate.ci_high) == pytest.approx(tuple(interval), rel=1e-9)
        assert estimate.df == pytest.approx(theirs.df, rel=1e-9)


def test_a_covariate_gives_each_effect_twice_and_sharper(table):
    found = apologylab.analyse(
        table, arm="arm", reference="none", outcomes=["spend"], covariates=["before"]
    )
    by = {(each.treatment, each.estimator): each for each in found.estimates}
    assert len(by) == 4
    for arm in ("note", "gift"):
        assert by[arm, "lin"].std_error < 0.8 * by[arm, "difference_in_means"].std_error


def test_the_sample_ratio_is_checked_only_against_weights_that_were_given(table):
    plain = apologylab.analyse(table, arm="arm", reference="none", outcomes=["spend"])
    assert not [check for check in plain.checks if check.name.startswith("sample ratio")]
    assert any("no sample-ratio check" in note for note in plain.notes)
    skewed = apologylab.analyse(
        table,
        arm="arm",
        reference="none",
        outcomes=["spend"],
        weights={"none": 2, "note": 1, "gift": 1},
    )
    assert skewed.checks[0].passed is False
    assert "FAILED" in str(skewed)


def test_an_arm_that_is_not_there_is_refused(table):
    with pytest.raises(InputError, match="no row is in the reference arm 'silence'"):
        apologylab.analyse(table, arm="arm", reference="silence", outcomes=["spend"])


def test_what_is_not_a_table_is_refused():
    with pytest.raises(InputError, match="is not a table"):
        apologylab.analyse([1, 2], arm="arm", reference="none", outcomes=["spend"])


def test_importing_the_package_loads_nothing():
    code = (
        "import sys, apologylab; "
        "heavy = {'numpy', 'scipy', 'duckdb', 'pandas', 'sqlalchemy', 'pyarrow'} & set(sys.modules); "
        "assert not heavy, heavy; assert callable(apologylab.analyse); "
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
