"""Effects by week: means and errors by R to 1e-10, the band and its p by mvtnorm.

mvtnorm integrates to 1e-5 at whole degrees of freedom, so our quantile and p, at the broken ones,
lie between those of the two whole ones beside them; ours come from a lattice, to three digits.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question

R = json.loads((Path(__file__).parent / "r" / "by_week.txt").read_text())
Y0, Y1 = np.array(R["y0"]), np.array(R["y1"])
WEEKS = tuple(f"week{i}" for i in range(1, 5))
LATTICE = 2e-3


def asked(*estimators, weeks=WEEKS):
    return Question(
        outcomes=(Measured(name="spend", role="primary", unit="USD", weeks=weeks),),
        arm_contrasts=against(("basic", "silence"), "silence"),
        weights={1: {"basic": 1, "silence": 1}},
        assigned={},
        estimators=estimators,
    )


def source(y0=Y0, y1=Y1):
    y = np.concatenate((y0, y1))
    columns = dict(zip(WEEKS, y.T, strict=True)) | {"spend": y.sum(axis=1)}
    return panel(columns, arm=["silence"] * len(y0) + ["basic"] * len(y1))


def rows(of):
    question = asked("by_week" if of == "each" else "by_week(weeks=cumulative)")
    found, refused = estimates(fit(source(), question), question)
    assert not refused
    return found


@pytest.mark.parametrize("of", ["each", "cumulative"])
def test_effects_and_errors_are_rs(of):
    mine, theirs = rows(of), R[of]
    assert [each.point for each in mine] == pytest.approx(theirs["d"], abs=1e-10)
    assert [each.std_error for each in mine] == pytest.approx(theirs["se"], rel=1e-10)
    assert mine[0].df == pytest.approx(theirs["df"], rel=1e-10)


@pytest.mark.parametrize("of", ["each", "cumulative"])
def test_the_band_and_its_p_are_mvtnorms(of):
    mine, theirs = rows(of), R[of]
    q = [(each.ci_high - each.point) / each.std_error for each in mine]
    assert max(q) - min(q) < 1e-9  # one quantile for all weeks
    assert theirs["above"]["q"] * (1 - LATTICE) < q[0] < theirs["below"]["q"] * (1 + LATTICE)
    pairs = zip(theirs["above"]["p"], mine, theirs["below"]["p"], strict=True)
    for above, each, below in pairs:
        assert above * (1 - 5 * LATTICE) < each.p_adjusted < below * (1 + 5 * LATTICE)
        assert (each.p_adjusted < 0.05) == (not each.ci_low <= 0 <= each.ci_high)  # R30


def test_the_last_cumulative_effect_is_the_outcomes_own():
    question = asked("by_week(weeks=cumulative)", "difference_in_means")
    found, _ = estimates(fit(source(), question), question)
    (plain,) = [each for each in found if each.estimator == "difference_in_means"]
    last = found[-1]
    assert last.outcome == "spend, weeks 1 to 4"
    assert (last.point, last.std_error) == pytest.approx((plain.point, plain.std_error), rel=1e-12)
    assert "4 weeks of one contrast, single-step max-t" in last.family


def test_a_week_that_some_units_lack_is_refused():
    y1 = Y1.copy()
    y1[3, 2] = np.nan
    question = asked("by_week")
    held = source(Y0, y1)
    found, refused = estimates(fit(held, question), question)
    assert not found
    assert "lack that of others" in refused[0].because


def test_an_outcome_without_weeks_is_refused():
    question = asked("by_week", weeks=())
    with pytest.raises(InputError, match="needs an outcome that is measured by week"):
        fit(source(), question)
