"""What becomes of outcomes that some units lack, as the plan declares it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.blocked import blocked
from apologylab.inference.estimators.clustered import clustered
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing
from apologylab.service.analyse import analyse_panel
from apologylab.service.decide import decide_panel
from apologylab.service.table import wanted_of
from apologylab.warehouse.panel_file import panel_file
from apologylab.wire.declaration import read

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DECLARATION = """
name = "visits"
question = "Do visits pay?"
owner = "tests"
[panel]
arm = "arm"
[panel.arm_cost]
a = "0.10 USD"
[arms]
reference = "none"
[allocation]
weights = {{ none = 1, a = 1 }}
[[outcomes]]
name = "visits"
column = "visits"
role = "primary"
[[outcomes]]
name = "minutes"
column = "minutes"
role = "secondary"
[plan]
{plan}
[decision]
worth = {{ visits = "1.00 USD" }}
ship_if = "lower(value_vs_reference) > 0"
"""


@pytest.fixture
def carried_out(tmp_path):
    """An analysis or a verdict of 200 units, of whom 20 of "a" and 10 of "none" lack visits."""

    def done(plan, does=analyse_panel):
        experiment = read(DECLARATION.format(plan=plan), where="visits")
        lines = []
        for i in range(200):
            arm, late = ("none", 20) if i % 2 else ("a", 40)
            visits = "" if i < late else str((7 * i) % 5)
            lines.append(f"{arm},{visits},{i % 9}")
        file = tmp_path / "visits.csv"
        file.write_text("\n".join(["arm,visits,minutes", *lines]))
        return does(experiment, panel_file(file, wanted_of(experiment, "it")), now=NOW)

    return done


def test_left_out_and_counted_unless_the_plan_says_otherwise(carried_out):
    found = carried_out("")
    assert [(each.outcome, each.n_treatment, each.n_reference) for each in found.estimates] == [
        ("visits", 80, 90),
        ("minutes", 100, 100),
    ]
    attrition = next(check for check in found.checks if "attrition" in check.name)
    assert attrition.passed is not None
    said = {each.outcome: each.estimand for each in found.estimates}
    assert "over all enrolled units whose visits is known (30 lack it), intention" in said["visits"]
    assert "over all enrolled units, intention" in said["minutes"]


def test_compared_as_an_outcome_of_its_own(carried_out):
    found = carried_out('missing = "as_outcome"')
    (one,) = (each for each in found.estimates if each.estimator == "missing")
    assert one.outcome == "visits"
    assert one.point == pytest.approx(0.2 - 0.1, rel=1e-12)
    expected = (0.2 * 0.8 / 99 + 0.1 * 0.9 / 99) ** 0.5
    assert one.std_error == pytest.approx(expected, rel=1e-12)
    assert one.unit == "share of customers"
    assert one.estimand.startswith("share that lacks visits over all enrolled units")
    assert (one.n_treatment, one.n_reference) == (100, 100)
    assert "no unit lacks minutes" in found.notes
    assert found.deviations_from_plan == ()


def test_refused_where_any_unit_lacks_it(carried_out):
    found = carried_out('missing = "refuse"\nestimators = ["difference_in_means", "quantile"]')
    assert {each.outcome for each in found.estimates} == {"minutes"}
    why = '30 of 200 units lack visits, and the plan says missing = "refuse"'
    refused = [each for each in found.refusals if each.outcome == "visits"]
    assert {each.estimator for each in refused} == {"difference_in_means", "quantile"}
    assert why in {each.because for each in refused}


def test_nothing_ships_on_an_outcome_that_is_refused(carried_out):
    verdict = carried_out('missing = "refuse"', decide_panel)
    assert verdict.verdict == "not estimable"
    assert "30 of 200 units lack value" in str(verdict)


@pytest.mark.parametrize(("scheme", "formula"), [("blocks", blocked), ("clusters", clustered)])
def test_its_errors_are_those_of_the_draw(scheme, formula):
    rng = np.random.default_rng(1)
    sets = np.repeat(np.arange(40), 6)
    arm = np.where(sets % 2, "b", "a") if scheme == "clusters" else np.tile(["a", "b"], 120)
    gone = (rng.uniform(size=240) < 0.2 + 0.3 * (sets % 3 == 0)).astype(float)
    of = panel(
        {"y": np.where(gone, np.nan, 1.0), "y:lost": gone},
        arm=arm.tolist(),
        drawn_set=sets.tolist(),
    )
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={1: {"a": 1, "b": 1}},
        assigned={},
        estimators=("missing",),
        drawing=Drawing(scheme=scheme),
    )
    ((one,), _) = estimates(fit(of, question), question)
    (totals,) = of.set_totals(["y:lost"])
    reading = formula(totals, ("a", "b")).read(question.arm_contrasts[0])
    assert (one.point, one.std_error, one.df) == (reading.point, reading.std_error, reading.df)
    assert f"error between {scheme}" in one.interval_kind
