"""What levels cost us, and contrasts between the sets of levels that cost alike."""

import pytest

from apologylab.design.contrasts import parse_contrast
from apologylab.design.costs import effort, factor_costs, silent_givers
from apologylab.errors import InputError
from apologylab.wire.declaration import read

DECLARED = """
[wording.sorry]
parts = ["regret"]
[wording.ours]
parts = ["regret", "responsibility"]
[wording.vow]
parts = ["regret", "promise"]
effort = "0.25 USD"
promise = { what = "a call", keeper = "care", within = "2d" }
[compensation.quiet]
kind = "credit"
value = "5.00 USD"
expires_days = 14
told = false
"""


@pytest.fixture
def experiment(loop):
    text = loop.DECLARATION.replace(
        'wording = ["none", "sorry"]', 'wording = ["none", "sorry", "ours", "vow"]'
    ).replace('coupon = ["none", "usd5"]', 'coupon = ["none", "usd5", "quiet"]')
    return read(text + DECLARED, where="x")


def cells(experiment, text):
    return dict(parse_contrast("c", text, experiment).cells)


def test_a_part_costs_what_it_costs_to_say_it(experiment):
    costs = factor_costs(experiment)
    assert costs["wording"] == {
        "none": frozenset(),
        "sorry": frozenset(),
        "ours": {"status"},
        "vow": {"commitment", "effort"},
    }
    assert costs["coupon"] == {"none": frozenset(), "usd5": {"money"}, "quiet": {"money"}}
    assert "timing" not in costs


def test_a_declared_cost_stands_for_the_usual_one(loop, experiment):
    text = loop.DECLARATION + '[wording.sorry]\nparts = ["regret", "repair"]\n'
    said = read(text + 'costs = { regret = "status", repair = "effort" }', where="x")
    assert factor_costs(said)["wording"]["sorry"] == {"status", "effort"}


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("cost=money vs cost!=money", "coupon=usd5|quiet vs coupon=none"),
        ("cost=status & cost!=money vs cost=none", ("wording=ours & coupon=none vs "
         "wording=none|sorry & coupon=none")),
        ("cost=commitment|status vs wording=sorry", "wording=vow|ours vs wording=sorry"),
        ("cost=none|money vs cost=status", ("wording=none|sorry & coupon=none|usd5|quiet vs "
         "wording=ours")),
        ("cost!=status & coupon=usd5 vs cost=status & coupon=usd5",
         "wording!=ours & coupon=usd5 vs wording=ours & coupon=usd5"),
    ],
)  # fmt: skip
def test_a_set_by_cost_is_the_levels_that_cost_it(experiment, text, like):
    assert cells(experiment, text) == cells(experiment, like)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cost=monney vs cost=none", "no cost channel 'monney'"),
        ("cost!=none vs cost=none", "wording and coupon has levels"),
        ("cost!=none|money vs cost=money", "name the levels"),
    ],
)
def test_what_is_no_set_is_refused(experiment, text, why):
    with pytest.raises(InputError, match=why):
        cells(experiment, text)


def test_nothing_costs_effort_where_nobody_declares_it(loop):
    plain = read(loop.DECLARATION, where="x")
    with pytest.raises(InputError, match="no factor has levels"):
        cells(plain, "cost=effort vs cost=none")


def test_effort_is_of_the_arms_that_take_it_and_a_silent_gift_sends_no_message(experiment):
    assert effort(experiment) == {
        "vow+none@1h": 0.25,
        "vow+usd5@1h": 0.25,
        "vow+quiet@1h": 0.25,
    }
    assert silent_givers(experiment) == ("none+quiet@1h",)
