"""Step-down on resamples: against its definition, and which hypotheses can be true together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.many.draws import replayed, resampled
from apologylab.inference.many.list_shaikh import Units, bootstrapped, every_hypothesis
from apologylab.inference.many.step_down import (
    Compared,
    list_shaikh_xu,
    possible_sets,
    romano_wolf,
    single_step_quantile,
)


def naive_romano_wolf(t, drawn):
    """Romano and Wolf 2016, Algorithm 4.2, as it is written."""
    order = np.argsort(-t, kind="stable")
    p, least = np.empty(len(t)), 0.0
    for j, i in enumerate(order):
        beyond = sum(max(row[order[j:]]) >= t[i] for row in drawn)
        least = max(least, (beyond + 1) / (len(drawn) + 1))
        p[i] = least
    return p


def test_romano_wolf_is_its_algorithm():
    rng = np.random.default_rng(1)
    for m in (1, 2, 6):
        t, drawn = np.abs(rng.normal(size=m)) * 2, np.abs(rng.normal(size=(99, m)))
        np.testing.assert_allclose(romano_wolf(t, drawn), naive_romano_wolf(t, drawn), rtol=1e-14)


def test_the_single_step_quantile_rejects_where_p_does():
    rng = np.random.default_rng(2)
    drawn = np.abs(rng.normal(size=(399, 4)))
    c = single_step_quantile(drawn, 0.05)
    largest = drawn.max(axis=1)
    p = (1 + (largest >= c + 1e-9).sum()) / 400
    assert p <= 0.05
    assert (1 + (largest >= c - 1e-9).sum()) / 400 > 0.05
    assert single_step_quantile(drawn[:10], 0.05) == np.inf


PAIRS = [Compared(("y",), pair) for pair in combinations("abcd", 2)]


def chained(members, rejected):
    """Whether a chain of ``members`` joins the ends of a rejected pair."""
    parts = [{arm} for arm in "abcd"]
    for i in members:
        joined = [part for part in parts if part & set(PAIRS[i].arms)]
        parts = [part for part in parts if part not in joined] + [set().union(*joined)]
    return any(set(PAIRS[i].arms) <= part for part in parts for i in rejected)


def test_possible_sets_are_the_largest_that_no_chain_contradicts():
    for size in (1, 2, 3):
        for rejected in combinations(range(6), size):
            left = [i for i in range(6) if i not in rejected]
            allowed = [
                set(each)
                for k in range(len(left) + 1)
                for each in combinations(left, k)
                if not chained(each, rejected)
            ]
            largest = {
                tuple(sorted(each))
                for each in allowed
                if not any(each < other for other in allowed)
            }
            assert set(possible_sets(left, rejected, PAIRS)) == largest, rejected


def test_other_outcomes_do_not_contradict():
    compared = [Compared((k,), pair) for k in "uv" for pair in (("a", "b"), ("a", "c"), ("b", "c"))]
    assert possible_sets([1, 2, 3, 4, 5], [0], compared) == [(1, 3, 4, 5), (2, 3, 4, 5)]


def test_transitive_p_lie_between_single_and_step():
    rng = np.random.default_rng(3)
    t, drawn = np.abs(rng.normal(size=6)) + 1, np.abs(rng.normal(size=(500, 6)))
    found = list_shaikh_xu(t, drawn, PAIRS)
    assert (found.single <= found.transitive_step + 1e-12).all()
    assert (found.transitive_step <= found.step + 1e-12).all()
    order = np.argsort(found.single)
    assert (np.diff(found.adjusted[order]) >= 0).all()
    assert (found.adjusted >= found.step).all()


def test_statistics_are_put_on_one_scale():
    """A monotone change of one hypothesis' statistic changes no p."""
    rng = np.random.default_rng(4)
    t, drawn = np.abs(rng.normal(size=4)), np.abs(rng.normal(size=(300, 4)))
    bent, bent_draws = t.copy(), drawn.copy()
    bent[0], bent_draws[:, 0] = t[0] ** 5, drawn[:, 0] ** 5
    one, other = (list_shaikh_xu(*each, PAIRS[:4]) for each in ((t, drawn), (bent, bent_draws)))
    np.testing.assert_array_equal(one.adjusted, other.adjusted)
    assert not np.array_equal(romano_wolf(t, drawn), romano_wolf(bent, bent_draws))


def test_what_cannot_be_tested_is_refused():
    y, one = np.array([[1.0], [1.0], [1.0], [1.0]]), np.zeros(4, dtype=int)
    arm = np.array([0, 0, 1, 1])
    hypotheses = every_hypothesis(1, 1, [(0, 1)])
    with pytest.raises(NotEstimable, match="nothing varies"):
        bootstrapped(Units(y, arm, one), hypotheses, [])
    with pytest.raises(NotEstimable, match="arm 2 has no unit"):
        bootstrapped(Units(y, arm, one), every_hypothesis(1, 1, [(0, 2)]), [])
    y[0] = np.nan
    with pytest.raises(NotEstimable, match="missing or infinite"):
        bootstrapped(Units(y, arm, one), hypotheses, [])
    with pytest.raises(InputError, match="not of 4 units"):
        next(replayed(np.array([[0, 1, 2, 4]]), 4))
    with pytest.raises(InputError, match="not of 4 units"):
        next(replayed(np.array([0, 1, 2, 3]), 4))


def test_draws_that_are_none_are_refused():
    units = Units(np.array([[1.0], [2.0], [4.0], [5.0]]), np.array([0, 0, 1, 1]), np.zeros(4, int))
    hypotheses = every_hypothesis(1, 1, [(0, 1)])
    with pytest.raises(InputError, match="no draws"):
        bootstrapped(units, hypotheses, replayed(np.zeros((0, 4), int), 4))
    with pytest.raises(InputError, match="whole numbers"):
        next(replayed(np.zeros((3, 4)), 4))


@pytest.mark.parametrize("x", [None, np.arange(60.0)[:, None]])
def test_an_outcome_that_the_arm_settles_is_refused(x):
    """Its spread is rounding, of which statistics of 1e8 could be made."""
    rng = np.random.default_rng(3)
    arm = np.arange(60) % 2
    settled = 0.1 + arm if x is None else 0.1 + arm + x[:, 0] / 7
    y = np.column_stack([rng.normal(size=60), settled])
    units = Units(y, arm, np.zeros(60, int), x)
    with pytest.raises(NotEstimable, match="nothing varies"):
        bootstrapped(units, every_hypothesis(2, 1, [(0, 1)]), resampled(rng, np.ones(60, int), 9))


def test_a_draw_that_empties_an_arm_counts_as_beyond():
    y = np.array([[1.0], [2.0], [4.0], [5.0]])
    arm, one = np.array([0, 0, 1, 1]), np.zeros(4, dtype=int)
    draws = np.array([[0, 0, 1, 1], [0, 1, 2, 3]])
    found = bootstrapped(Units(y, arm, one), every_hypothesis(1, 1, [(0, 1)]), replayed(draws, 4))
    assert found.drawn[:, 0].tolist() == [np.inf, 0.0]
