"""List, Shaikh and Xu against their own program, whose draws are replayed; covariates by hand.

``peers/list_shaikh_xu.m`` runs listetal2015.m (Octave 7) on 240 units with 400 draws; units and
draws come from a generator that is exact in doubles, so they are the same here to the last bit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from apologylab.inference.many.draws import replayed, resampled
from apologylab.inference.many.list_shaikh import Units, bootstrapped, every_hypothesis

PRINTED = Path(__file__).parent / "peers" / "list_shaikh_xu.txt"
N, DRAWS = 240, 400
CONTROL, PAIRS = [(0, 1), (0, 2)], [(0, 1), (0, 2), (1, 2)]


def printed(name: str) -> np.ndarray:
    """Rows of outcome, subgroup, two arms, |effect|, single, step, transitive, ..."""
    lines = map(str.split, PRINTED.read_text(encoding="utf-8").splitlines())
    return np.array([words[1:] for words in lines if words[0] == name], dtype=float)


def uniforms(count: int, seed: int) -> np.ndarray:
    found = np.empty(count)
    for i in range(count):
        seed = 16807 * seed % 2147483647
        found[i] = seed / 2147483647
    return found


@pytest.fixture(scope="module")
def table():
    u = uniforms(4 * N, 1).reshape(4, N)
    arm, sub = np.floor(3 * u[0]).astype(int), np.floor(2 * u[1]).astype(int)
    y = np.stack(
        [
            np.floor(10 * u[2]) + (arm == 2),
            np.floor(10 * u[2] * u[3]) + 2 * (arm == 1) * (sub == 1),
        ],
        axis=1,
    )
    return y, arm, sub


@pytest.fixture(scope="module")
def draws():
    return np.floor(N * uniforms(N * DRAWS, 2)).astype(int).reshape(DRAWS, N)


def test_the_four_families_and_all_of_them(table, draws):
    y, arm, sub = table
    one, any_arm = np.zeros(N, dtype=int), (arm > 0).astype(int)
    families = {
        "outcomes": (Units(y, any_arm, one), every_hypothesis(2, 1, [(0, 1)])),
        "subgroups": (Units(y[:, 1:], any_arm, sub), every_hypothesis(1, 2, [(0, 1)])),
        "arms": (Units(y[:, :1], arm, one), every_hypothesis(1, 1, CONTROL)),
        "pairs": (Units(y[:, :1], arm, one), every_hypothesis(1, 1, PAIRS)),
        "all": (Units(y, arm, sub), every_hypothesis(2, 2, CONTROL)),
    }
    for name, (units, hypotheses) in families.items():
        theirs = printed(name)
        found = bootstrapped(units, hypotheses, replayed(draws, N))
        np.testing.assert_allclose(np.abs(found.effect), theirs[:, 4], rtol=1e-9)
        np.testing.assert_allclose(found.p.single, theirs[:, 5], atol=1e-12)
        np.testing.assert_allclose(found.p.step, theirs[:, 6], atol=1e-12)
        np.testing.assert_allclose(found.p.transitive_step, theirs[:, 7], atol=1e-12)
    pairs = bootstrapped(*families["pairs"], replayed(draws, N)).p
    assert pairs.transitive[1] < pairs.adjusted[1]


def test_kinds_of_unit_with_counts_are_the_units(table):
    """The same weights of kinds: a kind is drawn as often as its units are."""
    y, arm, sub = table
    rows = np.column_stack([y, arm, sub])
    kinds, kind, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    draws = np.random.default_rng(4).integers(N, size=(50, N))
    hypotheses = every_hypothesis(2, 2, CONTROL)
    by_unit = bootstrapped(Units(y, arm, sub), hypotheses, replayed(draws, N))
    of_kinds = [np.array([np.bincount(kind[each], minlength=len(kinds)) for each in draws]) * 1.0]
    units = Units(kinds[:, :2], kinds[:, 2].astype(int), kinds[:, 3].astype(int))
    by_kind = bootstrapped(units, hypotheses, of_kinds, counts)
    np.testing.assert_allclose(by_kind.t, by_unit.t, rtol=1e-11)
    np.testing.assert_allclose(by_kind.drawn, by_unit.drawn, rtol=1e-9, atol=1e-9)


def test_resamples_are_multinomial_either_way():
    """Mean 1 a unit, variance 1 - 1 / n; to four standard errors of 20,000 weights."""
    for counts in (np.ones(200, dtype=int), np.full(4, 50), np.full(150, 3)):
        weights = np.concatenate(list(resampled(np.random.default_rng(1), counts, 4_000)))
        n = counts.sum()
        assert (weights.sum(axis=1) == n).all()
        share = counts / n
        error = np.sqrt(n * share * (1 - share) / 4_000)
        assert (np.abs(weights.mean(axis=0) - counts) < 4.5 * error).all()
        spread = weights.var(axis=0).mean()
        assert spread == pytest.approx((n * share * (1 - share)).mean(), rel=0.05)


def by_hand(y, arm, sub, x, hypothesis):
    """Effect and SE of List, Shaikh and Vayalinkal 2023 by two regressions of statsmodels."""
    k, z, control, treatment = hypothesis
    inside = sub == z
    fits, variance = {}, 0.0
    for d in (control, treatment):
        mine = inside & (arm == d)
        fits[d] = sm.OLS(y[mine, k], sm.add_constant(x[mine])).fit().params
        variance += np.var(y[mine, k] - x[mine] @ fits[d][1:], ddof=1) / mine.sum()
    step = fits[treatment] - fits[control]
    effect = step[0] + x[inside].mean(axis=0) @ step[1:]
    covariance = np.cov(x[inside], rowvar=False, ddof=1)
    return effect, np.sqrt(variance + step[1:] @ covariance @ step[1:] / inside.sum())


def test_with_covariates(table):
    """Statistics of the sample and of two replayed draws, each regression made anew."""
    y, arm, sub = table
    x = np.random.default_rng(8).normal(size=(N, 2)) + y[:, :1] / 3
    hypotheses = every_hypothesis(2, 2, PAIRS)
    draws = np.random.default_rng(9).integers(N, size=(2, N))
    found = bootstrapped(Units(y, arm, sub, x), hypotheses, replayed(draws, N))
    for i, each in enumerate(hypotheses):
        effect, error = by_hand(y, arm, sub, x, each)
        assert found.effect[i] == pytest.approx(effect, rel=1e-9)
        assert found.t[i] == pytest.approx(abs(effect) / error, rel=1e-9)
        for b, rows in enumerate(draws):
            drawn, own = by_hand(y[rows], arm[rows], sub[rows], x[rows], each)
            assert found.drawn[b, i] == pytest.approx(abs(drawn - effect) / own, rel=1e-8)
