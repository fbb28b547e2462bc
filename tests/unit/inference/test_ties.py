"""Efron's sums by Euler and Maclaurin against the sums themselves, in extended precision."""

import numpy as np
import pytest

from apologylab.inference.survival.ties import MANY, of_few_ties, of_many_ties


def exactly(s0, d0, d):
    f = np.arange(int(d)) / np.longdouble(d)
    s = np.longdouble(s0) - f * np.longdouble(d0)
    terms = (np.log(s), 1 / s, f / s, 1 / s**2, f / s**2, (f / s) ** 2)
    return [float(each.sum()) for each in terms]


@pytest.mark.parametrize("d", [MANY + 1, 1_000, 200_000])
@pytest.mark.parametrize("ratio", [1.0, 1.001, 3.0, 1e4, 1e7])
def test_many_ties_sum_to_what_they_sum_to_one_by_one(d, ratio):
    """To what each sum is beside in the derivatives: B1 beside d / D0, C2 beside d / D0^2.

    Where all at risk have the event, the last s is S0 / d, and has the rounding of S0 times d.
    """
    d0 = 0.7 * d
    s0 = ratio * d0
    logs, a1, b1, a2, b2, c2 = exactly(s0, d0, d)
    mine = of_many_ties(*(np.array([each], float) for each in (s0, d0, d)))[:, 0]
    beside = [max(abs(logs), d), a1, max(b1, d / d0), a2, max(b2, a1 / d0), max(c2, d / d0**2)]
    apart = np.abs(mine - [logs, a1, b1, a2, b2, c2]) / beside
    assert apart.max() < (1e-15 * d if ratio < 2 else 1e-14)


def test_few_ties_of_many_times_are_added_across_the_edges_of_what_is_held_at_once():
    rng = np.random.default_rng(20261122)
    d = rng.integers(1, MANY, 2_000).astype(float)
    d0 = d * rng.uniform(0.5, 2, len(d))
    s0 = d0 * rng.uniform(1, 50, len(d))
    mine = of_few_ties(s0, d0, d)
    expected = np.array([exactly(*each) for each in zip(s0, d0, d, strict=True)]).T
    assert mine == pytest.approx(expected, rel=1e-11, abs=1e-12)
