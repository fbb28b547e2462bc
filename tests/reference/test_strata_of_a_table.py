"""``apologylab.analyse(strata=...)`` against R's estimatr and draws counted in R (12 digits)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.errors import InputError

TEXT = (Path(__file__).parent / "r" / "strata.txt").read_text()
PRINTED = {name: list(map(float, rest)) for name, *rest in map(str.split, TEXT.splitlines())}
ROW = np.arange(1, 204)
NAMES = np.array(["n", "s", "ö st"])
SIZE = np.where(ROW % 11 == 0, "x", NAMES[np.searchsorted([-0.5, 0.5], np.sin(ROW * ROW), "right")])
ARM = np.where(np.cos(ROW * ROW * 0.37) > np.where(SIZE == "n", 0.5, 0), "t", "c")
X = np.cos(3 * ROW) + ROW % 5
Y = 3 * (SIZE == "s") + 0.7 * X + (ARM == "t") * (1 + (SIZE == "n")) + 2 * np.sin(ROW * 1.7)


def analyse(estimator, table=None, **more):
    rows = table or {"arm": ARM, "size": SIZE, "x": X, "y": Y}
    asked = {"arm": "arm", "reference": "c", "outcomes": ["y"], "covariates": ["x"]}
    return apologylab.analyse(
        pa.table(rows), **asked, estimators=[estimator], **({"strata": "size"} | more)
    )


@pytest.mark.parametrize("estimator", [each for each in PRINTED if each != "randomisation"])
def test_effects_within_strata_are_estimatrs(estimator):
    (one,) = analyse(estimator).estimates
    assert [one.point, one.std_error] == pytest.approx(PRINTED[estimator], rel=2e-11)
    assert (one.n_treatment, one.n_reference) == ((ARM == "t").sum(), (ARM == "c").sum())


def test_draws_are_made_anew_within_strata():
    point, p, draws = PRINTED["randomisation"]
    arm = np.array(list("tcctccttccct"))
    rows = {"arm": arm, "size": ROW[:12] <= 7, "x": X[:12], "y": Y[:12]}
    found = analyse("randomisation(statistic=difference)", rows, alpha=0.1)
    (one,) = found.estimates
    assert one.point == pytest.approx(point, rel=2e-11)
    assert one.p_value == pytest.approx(p, rel=1e-9)
    assert dict(one.details)["draws that the design could have made"] == f"{draws:.0f}"


def test_a_stratum_without_an_arm_is_refused_with_its_name():
    arm = np.where(SIZE == "x", "c", ARM)
    for estimator in ("difference_in_means", "lin", "randomisation"):
        found = analyse(estimator, {"arm": arm, "size": SIZE, "x": X, "y": Y})
        assert found.estimates == ()
        assert "t has 0 units in phase 1, stratum x" in found.refusals[0].because


def test_what_strata_cannot_be_is_refused():
    rows = {"arm": ARM, "size": [None, *SIZE[1:]], "x": X, "y": Y}
    with pytest.raises(InputError, match="1 rows have no stratum in column 'size'"):
        analyse("lin", rows)
    with pytest.raises(InputError, match="both cluster and strata"):
        analyse("clustered", cluster="size")
    with pytest.raises(InputError, match="lacks column 'sise'"):
        analyse("lin", strata="sise")
    with pytest.raises(InputError, match="puts all strata of column 'size' together"):
        analyse("by_cause(column=x)")
