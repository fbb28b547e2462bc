"""Normal-normal shrinkage against R's metafor, and the eight schools against the published table.

metafor stops where the restricted likelihood is flat to about 1e-8 in tau^2; we print 1e-7.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apologylab.errors import NotEstimable
from apologylab.inference.estimators.shrinkage import choice, empirical_bayes, given_tau, integrated

PRINTED = {
    line.split()[0]: np.array(line.split()[1:], dtype=float)
    for line in (Path(__file__).parent / "r" / "shrinkage.txt").read_text("utf-8").splitlines()
    if line.strip()
}
EFFECTS = np.array([2.1, 0.4, -1.3, 3.8, 1.2])
VARIANCES = np.array([0.30, 0.25, 0.50, 0.40, 0.35])
SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SCHOOLS_SE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def test_independent_effects() -> None:
    found = empirical_bayes(EFFECTS, np.diag(VARIANCES))
    assert found.tau[0] ** 2 == pytest.approx(PRINTED["apart_tau2"][0], abs=1e-6)
    assert (found.mu[0], found.mu_error[0]) == pytest.approx(PRINTED["apart_mu"], abs=1e-7)
    np.testing.assert_allclose(found.mean, PRINTED["apart_blup"], atol=1e-7)
    np.testing.assert_allclose(found.sd, PRINTED["apart_se"], atol=1e-7)


def test_effects_that_share_a_reference() -> None:
    found = empirical_bayes(EFFECTS, np.diag(VARIANCES) + 0.2)
    assert found.tau[0] ** 2 == pytest.approx(PRINTED["shared_tau2"][0], abs=1e-6)
    assert (found.mu[0], found.mu_error[0]) == pytest.approx(PRINTED["shared_mu"], abs=1e-7)
    np.testing.assert_allclose(found.mean, PRINTED["shared_blup"], atol=1e-7)


def test_the_schools_have_no_likeliest_spread() -> None:
    found = empirical_bayes(SCHOOLS, np.diag(SCHOOLS_SE**2))
    assert found.tau[0] == 0
    assert (found.mu[0], found.mu_error[0]) == pytest.approx(PRINTED["schools_mu"], abs=1e-9)


def test_the_schools_averaged_over_the_spread() -> None:
    """Gelman et al., Bayesian Data Analysis, 3rd edition, table 5.3: 200 draws, rounded to 1."""
    found = integrated(SCHOOLS, np.diag(SCHOOLS_SE**2))
    np.testing.assert_allclose(found.quantile(0.5), [10, 8, 7, 8, 5, 6, 10, 8], atol=0.75)
    np.testing.assert_allclose(found.quantile(0.25), [7, 3, 2, 4, 1, 2, 7, 3], atol=1.5)
    np.testing.assert_allclose(found.quantile(0.75), [16, 12, 11, 11, 10, 10, 15, 13], atol=1.5)


def test_the_mixture_agrees_with_a_fine_sum_over_tau() -> None:
    """The same integral by 200,000 equal steps in tau, without the change of variable."""
    v = np.diag(VARIANCES) + 0.2
    tau = np.linspace(1e-3, 200, 200_000)
    values, vectors = np.linalg.eigh(v)
    rotated, ones = vectors.T @ EFFECTS, vectors.T @ np.ones(5)
    p = 1 / (values + tau[:, None] ** 2)
    information = (p * ones**2).sum(axis=1)
    mu = (p * ones * rotated).sum(axis=1) / information
    residual = rotated - mu[:, None] * ones
    log = 0.5 * (np.log(p).sum(axis=1) - np.log(information) - (p * residual**2).sum(axis=1))
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    found = integrated(EFFECTS, v)
    assert found.weight @ found.mu == pytest.approx(weight @ mu, abs=1e-4)
    theta = mu[:, None] + (tau[:, None] ** 2 * p * residual) @ vectors.T
    np.testing.assert_allclose(found.mean, weight @ theta, atol=1e-4)


def test_draws_and_quantiles_have_the_mixture_s_mean_and_spread() -> None:
    """40,000 draws: each mean within 4.5 of its errors, a false alarm in 30,000 runs."""
    found = integrated(EFFECTS, np.diag(VARIANCES))
    draws = found.draws(np.random.default_rng(5).standard_normal((40_000, 5)))
    np.testing.assert_allclose(draws.mean(axis=0), found.mean, atol=4.5 * found.sd.max() / 200)
    np.testing.assert_allclose(draws.std(axis=0), found.sd, rtol=0.03)
    below = (draws <= found.quantile(0.1)).mean(axis=0)
    np.testing.assert_allclose(below, 0.1, atol=0.007)


def test_the_best_of_two_equal_effects_is_either() -> None:
    both = given_tau(np.array([1.0, 1.0, -9.0]), 0.01 * np.eye(3), np.array([5.0]))
    normals = np.random.default_rng(6).standard_normal((20_000, 3))
    found = choice(both.means[0] + 0.1 * normals)
    assert found.best[:2] == pytest.approx([0.5, 0.5], abs=0.02)
    assert found.best[2:].max() == 0
    assert found.loss[0] == pytest.approx(0.1 / np.pi**0.5, rel=0.05)  # E max(X, Y) - EX
    assert found.loss[3] > 1


def test_too_few_effects_are_refused() -> None:
    with pytest.raises(NotEstimable, match="2 effects are too few"):
        integrated(np.array([1.0, 2.0]), np.eye(2))
    assert integrated(np.array([1.0, 2.0]), np.eye(2), "zero").mean[1] < 2


def test_an_outcome_that_does_not_vary_is_refused() -> None:
    for by in (integrated, empirical_bayes):
        with pytest.raises(NotEstimable, match="does not vary"):
            by(np.zeros(4), np.zeros((4, 4)))
