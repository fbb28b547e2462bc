"""Money is neither lost nor created between reservation and its ends, in any order of events."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from apologylab.errors import StateError
from apologylab.remedy.compensation import HELD, MOVES, Step, follow, move

AMOUNTS = {"a": 500, "b": 0, "c": 70_000}
EVENTS = st.lists(
    st.builds(
        lambda name, state: Step(name, state, AMOUNTS[name]),
        st.sampled_from(sorted(AMOUNTS)),
        st.sampled_from(sorted(MOVES)),
    ),
    max_size=30,
)


def _taken(events):
    """The events that the machine allows, in order, and where they lead."""
    holdings, taken = {}, []
    for event in events:
        try:
            holdings[event.compensation] = move(holdings.get(event.compensation), event)
        except StateError:
            continue
        taken.append(event)
    return holdings, taken


@given(EVENTS)
def test_every_unit_stands_in_exactly_one_state(events):
    holdings, taken = _taken(events)
    reserved = sum(event.amount for event in taken if event.state == "reserved")
    assert sum(holding.amount for holding in holdings.values()) == reserved
    gone = sum(event.amount for event in taken if event.state not in HELD)
    held = sum(holding.amount for holding in holdings.values() if holding.state in HELD)
    assert held == reserved - gone
    assert follow(taken) == holdings


@given(EVENTS)
def test_each_compensation_enters_a_state_at_most_once(events):
    _, taken = _taken(events)
    assert (
        max(Counter((event.compensation, event.state) for event in taken).values(), default=0) < 2
    )
