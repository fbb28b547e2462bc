"""Effects say whom they are over where outcomes are lost."""

from apologylab.design.estimators import ESTIMATORS
from apologylab.inference.known import OF_ALL, lost_of, unmeasured


def test_the_estimators_of_all_units_exist():
    assert ESTIMATORS.keys() >= OF_ALL


def test_lost_are_those_that_are_due_and_missing():
    due = {1: {"a": 10, "b": 10}, 2: {"a": 5, "b": 5}}
    assert lost_of(due, {1: {"a": 10, "b": 10}, 2: {"a": 5, "b": 5}}) == 0
    assert lost_of(due, {1: {"a": 8, "b": 10}}) == 12


def test_a_phase_without_any_outcome_is_named():
    due = {1: {"a": 10, "b": 10}, 2: {"a": 0, "b": 0}, 3: {"a": 500, "b": 600}}
    (said,) = unmeasured("spend", due, {1: {"a": 1, "b": 0}})
    assert said.startswith("no unit of phase 3 has spend, though 1,100 are due")
