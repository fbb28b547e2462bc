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


def test_estimators_are_those_asked_for_the_first_leads(table):
    found = apologylab.analyse(
        table,
        arm="arm",
        reference="none",
        outcomes=["spend"],
        covariates=["before"],
        estimators=["difference_in_means", "lin()", "lin"],
    )
    assert [each.estimator for each in found.estimates] == ["difference_in_means", "lin"] * 2


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
    heavy = "{'numpy', 'scipy', 'duckdb', 'pandas', 'sqlalchemy', 'pyarrow'} & set(sys.modules)"
    code = (
        f"import sys, apologylab; print(sorted({heavy})); apologylab.analyse; "
        "print('pandas' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == ["[]", "False"]


NAMED = ("arm", "Arm", "phase", "version", "stratum")


def nasty(**columns):
    rng = np.random.default_rng(SEED)
    given = {"seg": ["a", "b"] * 50, "y": rng.normal(5, 2, 100), "x": rng.normal(0, 1, 100)}
    return pa.table(given | columns)


def ask(table, **changed):
    return apologylab.analyse(
        table, **({"arm": "seg", "reference": "a", "outcomes": ["y"]} | changed)
    )


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"outcomes": []}, "no outcome was asked for"),
        ({"outcomes": "y"}, "is not a list of names"),
        ({"outcomes": [1]}, "is not a list of names"),
        ({"outcomes": ["y", "y"]}, "y is asked for twice"),
        ({"covariates": ["y"]}, "y is asked for twice"),
        ({"covariates": ["x", "x"]}, "x is asked for twice"),
        ({"alpha": 5}, "alpha is 5"),
        ({"estimators": ["lim"]}, "there is no estimator 'lim'; near 'lin'"),
        ({"estimators": ["lin"]}, "lin needs covariates"),
        ({"estimators": "lin"}, "is not a list of names"),
        ({"estimators": ["clustered"]}, "not those of units drawn by 'independent'"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"reference": 0}, "the arms, as text, are 'a', 'b'"),
    ],
)
def test_a_question_that_is_none_is_refused(changed, why):
    with pytest.raises(InputError, match=why):
        ask(nasty(), **changed)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("part", ["outcomes", "covariates"])
def test_a_column_named_like_the_panels_own_is_never_taken_for_it(name, part):
    with pytest.raises(InputError, match="columns of the panel itself"):
        ask(nasty(**{name: np.arange(100.0)}), **{part: [name]})


@pytest.mark.parametrize(
    "name", ["select", 'we "quote"', "it's", "płeć", "y0", "frame", "%s", "value"]
)
def test_any_other_name_is_read_as_it_stands(name):
    values = np.arange(100.0) ** 2
    (found,) = ask(nasty(**{name: values}), outcomes=[name]).estimates
    assert found.outcome == name
    assert found.point == pytest.approx(values[1::2].mean() - values[::2].mean(), rel=1e-12)


def test_one_arm_alone_is_refused():
    with pytest.raises(InputError, match="the only arm is 'a'"):
        ask(nasty(seg=["a"] * 100))


def test_two_columns_of_one_name_are_refused():
    twice = pa.Table.from_arrays([["a", "b"] * 3, range(6), range(6)], names=["seg", "y", "y"])
    with pytest.raises(InputError, match="has column 'y' twice"):
        ask(twice)


def test_a_covariate_that_gives_the_outcome_away_is_not_adjusted_for():
    table = nasty()
    found = ask(table.append_column("z", pa.array(3 * np.array(table["y"]) - 1)), covariates=["z"])
    assert [each.estimator for each in found.estimates] == ["difference_in_means"]
    assert "y is a sum of the covariates" in found.refusals[0].because


def test_the_columns_of_a_ratio_need_not_be_outcomes():
    rows = {
        "arm": ["note", "none"] * 20,
        "spend": [float(i % 7) for i in range(40)],
        "visits": [1.0 + i % 3 for i in range(40)],
    }
    (row,) = apologylab.analyse(
        pa.table(rows),
        arm="arm",
        reference="none",
        outcomes=["spend"],
        estimators=["ratio(over=visits)"],
    ).estimates
    means = {
        arm: sum(rows["spend"][i::2]) / sum(rows["visits"][i::2])
        for i, arm in enumerate(("note", "none"))
    }
    assert row.point == pytest.approx(means["note"] - means["none"])


@pytest.mark.parametrize("adjust", ["hochberg", "hommel", "benjamini_hochberg"])
def test_a_correction_without_a_proof_is_told(adjust):
    """A declaration of it is refused by ``check``; a table has no plan that could be."""
    rng = np.random.default_rng(6)
    rows = {"arm": ["a", "b", "c"] * 20, "y": rng.normal(size=60), "z": rng.normal(size=60)}
    asked = {"arm": "arm", "reference": "a", "adjust": adjust}
    several = apologylab.analyse(pa.table(rows), **asked, outcomes=["y", "z"])
    assert any("has a proof for arms against one reference" in note for note in several.notes)
    one = apologylab.analyse(pa.table(rows), **asked, outcomes=["y"])
    assert not any("proven" in note for note in one.notes)
    valid = apologylab.analyse(pa.table(rows), **asked | {"adjust": "holm"}, outcomes=["y", "z"])
    assert not any("proven" in note for note in valid.notes)
