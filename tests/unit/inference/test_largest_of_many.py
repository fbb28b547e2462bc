"""The largest of correlated statistics: the exact sum, the lattice, and max-t on top of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from apologylab.errors import InputError
from apologylab.inference.many import max_t, shared_reference, tail
from apologylab.inference.many.max_t import Group, alone, critical_values, single_step, step_down

LATTICE = 0.01
"""Relative error of a probability by the lattice; about 0.7% is the largest met below."""


def equal(m: int, rho: float) -> np.ndarray:
    return np.full((m, m), rho) + (1 - rho) * np.eye(m)


def shared(v0: float, v: list[float]) -> np.ndarray:
    b = np.sqrt(v0 / (v0 + np.array(v)))
    r = np.outer(b, b)
    np.fill_diagonal(r, 1)
    return r


@pytest.mark.parametrize("df", [2.0, 7.5, 60.0, np.inf])
@pytest.mark.parametrize("limit", [1.0, 2.5, 8.0])
def test_the_exact_sum_is_the_double_integral(df, limit):
    """Over x by quadrature, and over s too where it varies."""
    b = np.array([0.3, 0.7, 0.9])[:, None]
    nodes, weights = np.polynomial.legendre.leggauss(600)
    x, w = 12 * nodes, np.sqrt(1 - b**2)

    def given(s):
        inside = stats.norm.cdf((limit * s - b * x) / w) - stats.norm.cdf((-limit * s - b * x) / w)
        beyond = stats.norm.sf((limit * s - b * x) / w) + stats.norm.cdf((-limit * s - b * x) / w)
        union = beyond[0] + inside[0] * (beyond[1] + inside[1] * beyond[2])
        return float(12 * weights @ (stats.norm.pdf(x) * union))

    def mixed(v):
        square = df * np.exp(2 * v)
        return 2 * stats.chi2.pdf(square, df) * square * given(np.exp(v))

    expected = given(1.0) if np.isinf(df) else integrate.quad(
        mixed, -30 / df - 1, 3, epsabs=0, epsrel=1e-9, limit=200, points=[-1.0, 0.0])[0]  # fmt: skip
    assert shared_reference.outside(b[:, 0], limit, df) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("df", [4.0, 30.0, np.inf])
def test_one_statistic_is_students(df):
    for c in (0.5, 2.0, 9.0):
        expected = 2 * (stats.t.sf(c, df) if np.isfinite(df) else stats.norm.sf(c))
        assert tail.outside(np.ones((1, 1)), c, df) == pytest.approx(expected, rel=1e-12)
        assert shared_reference.outside(np.zeros(1), c, df) == pytest.approx(expected, rel=1e-8)


def test_independent_statistics_multiply():
    for m, c in ((2, 1.0), (9, 2.5), (30, 4.0)):
        expected = -np.expm1(m * np.log1p(-2 * stats.norm.sf(c)))
        assert shared_reference.outside(np.zeros(m), c) == pytest.approx(expected, rel=1e-10)
        assert tail.outside(np.eye(m), c) == pytest.approx(expected, rel=LATTICE)


@pytest.mark.parametrize("df", [5.0, 80.0, np.inf])
@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_the_lattice_is_within_one_percent_at_every_size(df, rho):
    for m in (3, 12, 35):
        points = tail.spread(equal(m, rho))
        b = np.full(m, rho**0.5)
        for c in (2.0, 3.0, 6.0):
            exact = shared_reference.outside(b, c, df)
            assert tail.outside_of(points, 0, c, df) == pytest.approx(exact, rel=LATTICE)


def test_the_lattice_takes_a_singular_correlation():
    """All pairs of three equal arms: Tukey's studentised range."""
    pairs = np.array([[1, -1, 0], [1, 0, -1], [0, 1, -1]]) / np.sqrt(2)
    for c, df in ((2.0, 20.0), (3.0, 6.0)):
        expected = stats.studentized_range.sf(c * np.sqrt(2), 3, df)
        assert tail.outside(pairs @ pairs.T, c, df) == pytest.approx(expected, rel=LATTICE)


def test_one_of_many_is_never_rarer_than_itself():
    """Statistics that are copies of one another: an adjusted p is no less than the test's own."""
    r = np.kron(np.ones((2, 2)), equal(3, 0.3))
    for c, df in itertools.product((0.05, 0.6, 1.7, 4.0), (7.0, 60.0, np.inf)):
        assert tail.tail(c, df) <= tail.outside(r, c, df) <= 3 * tail.tail(c, df) * (1 + LATTICE)
        assert tail.tail(c, df) <= tail.outside(np.ones((5, 5)), c, df)


def test_a_test_in_no_group_and_a_covariance_are_refused():
    """A test left out would not count, and a covariance would be read as correlations."""
    t, df = np.array([2.0, 2.5, 3.0]), np.full(3, np.inf)
    for members in ((0, 1), (0, 1, 1), (0, 1, 3)):
        with pytest.raises(InputError, match="not of 3 tests"):
            single_step(t, df, [Group(members, np.eye(len(members)))])
    for bad in (2 * np.eye(3), np.eye(3) + np.diag([0.5, 0], 1), np.eye(3) * np.nan):
        with pytest.raises(InputError, match="no correlation"):
            step_down(t, df, [Group((0, 1, 2), bad)])


def test_loadings_are_found_where_there_are_any():
    r = shared(1 / 90, [1 / 40, 1 / 300, 1 / 10, 1 / 90])
    b = shared_reference.loadings(r)
    np.testing.assert_allclose(np.outer(b, b)[np.triu_indices(4, 1)], r[np.triu_indices(4, 1)])
    flipped = r * np.outer([1, -1, 1, 1], [1, -1, 1, 1])
    b = shared_reference.loadings(flipped)
    np.testing.assert_allclose(
        np.outer(b, b)[np.triu_indices(4, 1)], flipped[np.triu_indices(4, 1)]
    )
    assert shared_reference.loadings(-0.3 * np.ones((3, 3)) + 1.3 * np.eye(3)) is None
    r[0, 1] = r[1, 0] = 0.2
    assert shared_reference.loadings(r) is None
    assert shared_reference.loadings(equal(3, 1.0)) is None


def test_single_step_p_and_interval_say_the_same():
    """The interval at level 1 - p ends at 0, whatever the test's degrees of freedom are."""
    together = (Group((0, 1, 2), shared(1 / 30, [1 / 20, 1 / 30, 1 / 50])),)
    t, df = np.array([2.4, -1.1, 3.9]), np.array([40.0, 55.5, 12.0])
    for i, p in enumerate(single_step(t, df, together)):
        assert critical_values(df, together, float(p))[i] == pytest.approx(abs(t[i]), rel=1e-6)


def test_step_down_is_single_step_on_what_is_left():
    together = (Group((0, 1, 2), shared(1 / 30, [1 / 20, 1 / 30, 1 / 50])),)
    t, df = np.array([1.0, -4.0, 2.5]), np.full(3, 25.0)
    down = step_down(t, df, together)
    all_three = single_step(t, df, together)
    without_second = Group((0, 1), together[0].correlation[np.ix_([0, 2], [0, 2])])
    two = single_step(t[[0, 2]], df[[0, 2]], (without_second,))
    assert down[1] == pytest.approx(all_three[1], rel=1e-9)
    assert down[2] == pytest.approx(two[1], rel=1e-9)
    assert down[0] == pytest.approx(2 * stats.t.sf(1.0, 25), rel=1e-9)
    assert (down < all_three + 1e-12).all()


def test_groups_of_one_are_holm_and_bonferroni():
    from apologylab.inference.many.p_values import bonferroni, holm

    t, df = np.array([2.2, -0.4, 3.1, 2.9]), np.array([9.0, np.inf, 40.0, 100.0])
    p = [max_t.tail.tail(abs(a), b) for a, b in zip(t, df, strict=True)]
    np.testing.assert_allclose(step_down(t, df, alone(4)), holm(p), rtol=1e-12)
    np.testing.assert_allclose(single_step(t, df, alone(4)), bonferroni(p), rtol=1e-12)
    c = critical_values(df, alone(4), 0.05)
    np.testing.assert_allclose(c[0], stats.t.ppf(1 - 0.05 / 8, 9), rtol=1e-6)


def test_a_critical_value_lies_between_one_test_and_bonferronis():
    for rho in (0.0, 0.5, 0.99):
        for m in (2, 8):
            c = critical_values(np.full(m, 50.0), (Group(tuple(range(m)), equal(m, rho)),), 0.05)
            low, high = stats.t.ppf(1 - 0.025, 50), stats.t.ppf(1 - 0.025 / m, 50)
            assert low * (1 - 1e-4) <= c[0] <= high * (1 + 1e-4)


def test_many_degrees_of_freedom_are_searched_at_three():
    """Between them the level is interpolated; at each of them it is the root."""
    together = (Group(tuple(range(6)), equal(6, 0.5)),)
    df = np.array([5.0, 8.0, 13.0, 30.0, 120.0, np.inf])
    found = critical_values(df, together, 0.05)
    for nu, c in zip(df, found, strict=True):
        assert shared_reference.outside(np.full(6, 0.5**0.5), c, nu) == pytest.approx(
            0.05, rel=2e-3
        )


def test_the_family_error_of_seven_arms_by_five_outcomes():
    """40,000 draws of 35 statistics, some false: a false alarm among the true in 5%, to 4 errors.

    Step-down as a test: the first c that no statistic reaches ends it; c of what is left is never
    below c of the true ones alone, which is what is drawn here.
    """
    within = 0.4 + 0.6 * np.eye(5)
    r = np.kron(np.eye(7) + 1, within) / 2
    draws = 40_000
    z = np.random.default_rng(5).normal(size=(draws, 35)) @ np.linalg.cholesky(r).T
    error = 4 * (0.05 * 0.95 / draws) ** 0.5
    for true in (35, 20, 6):
        sub = r[:true, :true]
        c = critical_values(np.full(true, np.inf), (Group(tuple(range(true)), sub),), 0.05)[0]
        found = (np.abs(z[:, :true]).max(axis=1) >= c).mean()
        assert found == pytest.approx(0.05, abs=error + 0.05 * LATTICE)
