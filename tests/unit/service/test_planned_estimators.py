"""Which estimators are carried out: the plan's, or those asked for instead, which is noted."""

from datetime import UTC, datetime

import pytest

from apologylab.errors import DeclarationError, InputError
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
covariates = ["before"]
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
[plan]
covariates = ["before"]
{estimators}
[decision]
worth = {{ visits = "1.00 USD" }}
ship_if = "lower(value_vs_reference) > 0"
"""


@pytest.fixture
def carried_out(tmp_path):
    """An analysis or a verdict under a plan with these estimators."""

    def done(planned, does=analyse_panel, **asked):
        experiment = read(DECLARATION.format(estimators=planned), where="visits")
        lines = [f"{'none' if i % 2 else 'a'},{(7 * i) % 5},{(3 * i) % 11}" for i in range(200)]
        file = tmp_path / "visits.csv"
        file.write_text("\n".join(["arm,visits,before", *lines]))
        panel = panel_file(file, wanted_of(experiment, "it"))
        return does(experiment, panel, now=NOW, **asked)

    return done


def names(analysis):
    return [each.estimator for each in analysis.estimates]


def test_without_a_word_lin_leads_where_there_are_covariates(carried_out):
    assert names(carried_out("")) == ["lin", "difference_in_means"]


def test_the_plan_is_followed_in_its_order(carried_out):
    found = carried_out('estimators = ["difference_in_means", "lin"]')
    assert names(found) == ["difference_in_means", "lin"]
    assert found.deviations_from_plan == ()


def test_what_the_plan_does_not_name_is_a_departure(carried_out):
    found = carried_out('estimators = ["lin"]', instead=["difference_in_means", "lin"])
    assert names(found) == ["difference_in_means", "lin"]
    assert found.deviations_from_plan == (
        "estimators that the plan does not name: difference_in_means",
    )
    assert carried_out('estimators = ["lin"]', instead=["lin( )"]).deviations_from_plan == ()


def test_an_estimator_that_is_none_is_refused(carried_out):
    with pytest.raises(InputError, match="near 'lin'"):
        carried_out("", instead=["lim"])
    with pytest.raises(DeclarationError, match=r"plan.estimators\[0\]"):
        carried_out('estimators = ["clustered"]')


def test_a_decision_reads_the_first_that_decides(carried_out):
    """Plain and adjusted errors differ, so that it is seen which was read."""
    plain = carried_out('estimators = ["difference_in_means", "lin"]', decide_panel).values[0]
    adjusted = carried_out("", decide_panel).values[0]
    assert plain.std_error != adjusted.std_error
    first = carried_out('estimators = ["lin", "difference_in_means"]', decide_panel).values[0]
    assert first.std_error == adjusted.std_error
