"""What can be wrong with times to an event, weeks and subgroups in a declaration."""

from __future__ import annotations

import pytest

from apologylab.wire.declaration import examine

PANEL = """
name = "shop"
question = "Does it help?"
owner = "tests"
[panel]
arm = "arm"
covariates = ["before"]
[arms]
reference = "none"
[allocation]
weights = { none = 1, note = 1 }
[[outcomes]]
name = "spend"
column = "spend"
unit = "USD"
role = "primary"
"""
TIME = """
[[times]]
name = "back"
role = "secondary"
column = "days"
end = "end"
"""


def paths(text):
    _, found = examine(text)
    return {each.path for each in found}


def live(late, added, *, plan=""):
    return late.text().replace("[plan]", f"{added}\n[plan]{plan}")


TO_ORDER = '[[times]]\nname = "back"\nrole = "secondary"\nfact = "order"\nwindow_days = 28\n'


def test_good_ones_have_no_findings(late):
    assert paths(PANEL + TIME) == set()
    assert paths(live(late, TO_ORDER)) == set()
    subgroups = '[plan.subgroups]\nregion = ["north", "south"]\n'
    assert paths(PANEL + TIME + subgroups) == set()


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (TIME.replace("end =", "# end ="), "times[0].end"),
        (TIME.replace("column =", "# column ="), "times[0].column"),
        (TIME.replace('"back"', '"spend"'), "times[0].name"),
        (TIME.replace('"back"', '"before"'), "times[0].name"),
        (TIME.replace('"back"', '"unit"'), "times[0].name"),
        (TIME.replace('"days"', '"before"'), "times[0].column"),
        (TIME.replace('"days"', '"arm"'), "times[0].column"),
        (TIME + 'fact = "order"\n', "times[0].fact"),
        (TIME + "window_days = 28\n", "times[0].window_days"),
        (TIME + '[plan.subgroups]\nregion = ["north"]\n', "plan.subgroups.region"),
        (TIME + '[plan.subgroups]\nregion = ["a", "a"]\n', "plan.subgroups.region"),
        (TIME + '[plan.subgroups]\nspend = ["0", "1"]\n', "plan.subgroups.spend"),
        (TIME + '[plan.subgroups]\ndays = ["0", "1"]\n', "plan.subgroups.days"),
    ],
)
def test_a_files_mistakes_are_found_where_they_are(changed, path):
    assert path in paths(PANEL + changed)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (TO_ORDER.replace('fact = "order"\n', ""), "times[0].fact"),
        (TO_ORDER.replace("window_days = 28\n", ""), "times[0].window_days"),
        (TO_ORDER + 'column = "days"\n', "times[0].column"),
        (TO_ORDER + 'other_ends = ["closed"]\n', "times[0].other_ends"),
        (TO_ORDER + "where = { colour = 1 }\n", "times[0].where.colour"),
        (TO_ORDER + 'where = { our_coupon = "no" }\n', "times[0].where.our_coupon"),
        (TO_ORDER + '[times.ends.again]\nfact = "order"\n', "times[0].ends.again"),
        (
            TO_ORDER + '[times.ends.gone]\nfact = "contact"\nwhere = { mood = "low" }\n',
            "times[0].ends.gone.where.mood",
        ),
    ],
)
def test_a_ledgers_mistakes_are_found_where_they_are(late, changed, path):
    assert path in paths(live(late, changed))


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('measure = "any"', 'measure = "any"\nweekly = true', "outcomes[1].weekly"),
        ("window_days = 14", "window_days = 7\nweekly = true", "outcomes[2].weekly"),
        ("window_days = 14", 'window_days = 14\nweeks = ["a", "b"]', "outcomes[2].weeks"),
    ],
)
def test_weeks_that_do_not_add_up_are_found(late, old, new, path):
    assert path in paths(late.text().replace(old, new))


@pytest.mark.parametrize("weeks", ['["w1"]', '["w1", "w1"]', '["w1", "before"]'])
def test_a_files_weeks_are_two_columns_or_more_each_once(weeks):
    assert "outcomes[0].weeks" in paths(PANEL + f"weeks = {weeks}\n")
    assert paths(PANEL + 'weeks = ["w1", "w2"]\n') == set()
