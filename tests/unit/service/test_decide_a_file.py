"""``decide`` on a file of finished outcomes: what can make its verdict untrue."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

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
b = "0.10 USD"
[arms]
reference = "none"
[allocation]
weights = { none = 1, a = 1, b = 1 }
[[outcomes]]
name = "clicks"
column = "clicks"
role = "primary"
[[outcomes]]
name = "visits"
column = "visits"
role = "secondary"
[decision]
worth = { visits = "1.00 USD" }
ship_if = "lower(value_vs_reference) > 0"
"""


@pytest.fixture
def verdict(tmp_path):
    """The verdict on rows of (arm, visits)."""

    def decided(rows, plan=""):
        lines = [f"{arm},{i % 3},{visits}" for i, (arm, visits) in enumerate(rows)]
        file = tmp_path / "visits.csv"
        file.write_text("\n".join(["arm,clicks,visits", *lines]))
        experiment = read(DECLARATION + plan, where="visits")
        return decide_panel(experiment, panel_file(file, wanted_of(experiment, "it")), now=NOW)

    return decided


def rows(means, n=400):
    """``n`` units an arm, whose visits are 0 or 1 with exactly these means."""
    return [(arm, int(i < round(n * mean))) for arm, mean in means.items() for i in range(n)]


def test_of_two_arms_that_pay_the_surer_is_recommended(verdict):
    found = verdict(rows({"none": 0.1, "a": 0.4, "b": 0.6}))
    assert (found.verdict, found.recommended_arm) == ("ship", "b")
    by = {value.arm: value for value in found.values}
    assert (by["a"].point, by["b"].point) == pytest.approx((0.2, 0.4))
    assert {value.interval_kind for value in found.values} == {"simultaneous over 2 (Bonferroni)"}
    assert min(value.ci_low for value in found.values) > 0


def test_intervals_are_by_max_t_where_the_plan_adjusts_so(verdict):
    """Narrower than Bonferroni's and wider than one arm's alone, about the same points."""
    drawn = rows({"none": 0.1, "a": 0.4, "b": 0.6})
    plain = {value.arm: value for value in verdict(drawn).values}
    alone = {value.arm: value for value in verdict(drawn, "[plan]\nalpha = 0.1\n").values}
    for value in verdict(drawn, '[plan]\nadjust = "max_t"\n').values:
        assert value.interval_kind == "simultaneous over 2 (max-t)"
        assert value.point == pytest.approx(plain[value.arm].point, rel=1e-9)
        assert alone[value.arm].ci_low > value.ci_low > plain[value.arm].ci_low


def test_a_cost_above_what_is_won_rules_every_arm_out(verdict):
    found = verdict(rows({"none": 0.02, "a": 0.02, "b": 0.03}))
    assert (found.verdict, found.recommended_arm) == ("do not ship", None)


def test_arms_drawn_too_seldom_are_not_estimable(verdict):
    lost = [
        row for i, row in enumerate(rows({"none": 0.1, "a": 0.4, "b": 0.6})) if i % 3 or i < 800
    ]
    found = verdict(lost)
    assert (found.verdict, found.values) == ("not estimable", ())
    assert "sample ratio" in found.reasons[0]


def test_what_has_a_worth_and_is_lost_in_one_arm_is_not_estimable(verdict):
    # Too few to skew the sample ratio; every one of them is in an arm that would ship.
    whole = rows({"none": 0.1, "a": 0.4, "b": 0.6})
    holes = [(arm, "" if arm == "b" and i % 10 == 0 else n) for i, (arm, n) in enumerate(whole)]
    found = verdict(holes)
    assert found.verdict == "not estimable"
    assert [reason.split(":")[:3] for reason in found.reasons] == [
        ["failed check", " attrition", " value"]
    ]
