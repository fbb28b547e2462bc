import pytest

from apologylab.design.arms import arms
from apologylab.errors import StateError
from apologylab.remedy.compensation import HELD, MOVES, Holding, Step, follow, given, move


@pytest.mark.parametrize("before", [None, *MOVES])
@pytest.mark.parametrize("after", MOVES)
def test_only_the_moves_of_the_table_are_made(before, after):
    allowed = ("reserved",) if before is None else MOVES[before]
    holding = None if before is None else Holding(before, 500)
    if after in allowed:
        assert move(holding, Step("c", after, 500)) == Holding(after, 500)
    else:
        with pytest.raises(StateError, match="cannot become"):
            move(holding, Step("c", after, 500))


def test_a_choice_lowers_the_amount_and_never_raises_it():
    assert move(Holding("committed", 500), Step("c", "chosen", 300)) == Holding("chosen", 300)
    assert move(Holding("chosen", 300), Step("c", "redeemed", 300)) == Holding("redeemed", 300)
    for before, step in [
        (Holding("committed", 500), Step("c", "chosen", 501)),
        (Holding("chosen", 300), Step("c", "expired", 500)),
    ]:
        with pytest.raises(StateError, match="a choice only lowers"):
            move(before, step)


def test_an_amount_never_changes_and_is_never_negative():
    with pytest.raises(StateError, match="fixed when it is reserved"):
        move(Holding("reserved", 500), Step("c", "committed", 501))
    with pytest.raises(StateError, match="not negative"):
        move(None, Step("c", "reserved", -1))


def test_money_is_held_until_it_is_released_expires_or_is_revoked():
    steps = [
        Step(name, state, amount)
        for name, amount, states in [
            ("a", 1, ["reserved"]),
            ("b", 10, ["reserved", "committed"]),
            ("c", 100, ["reserved", "committed", "redeemed"]),
            ("d", 1_000, ["reserved", "released"]),
            ("e", 10_000, ["reserved", "committed", "expired"]),
            ("f", 100_000, ["reserved", "committed", "revoked"]),
        ]
        for state in states
    ]
    assert sum(each.amount for each in follow(steps).values() if each.state in HELD) == 111


def test_what_arms_give(loop):
    experiment = loop.Declared().experiment(loop.NAME)
    found = {arm.name: given(experiment, arm) for arm in arms(experiment)}
    assert found["silence"] is None
    assert found["sorry+none@1h"] is None
    assert found["sorry+usd5@1h"] == ("usd5", 500, "USD", 14, 500, None)
