"""Many questions against R: p.adjust, mvtnorm and multcomp, as printed in r/many_questions.txt.

``r/many_questions.R`` makes it. Nine digits where R computes exactly (p.adjust, Miwa's algorithm,
ptukey); where mvtnorm integrates by Genz and Bretz's random lattice, the tolerance is its error.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apologylab.inference.many import p_values, shared_reference, tail
from apologylab.inference.many.max_t import Group, critical_values, single_step, step_down

PRINTED = (Path(__file__).parent / "r" / "many_questions.txt").read_text(encoding="utf-8")
R = {
    words[0]: np.array(words[1:], dtype=float)
    for words in map(str.split, PRINTED.splitlines())
    if words
}


def correlation_of(covariance: np.ndarray) -> np.ndarray:
    sd = np.sqrt(covariance.diagonal())
    return covariance / np.outer(sd, sd)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (p_values.bonferroni, "bonferroni"),
        (p_values.holm, "holm"),
        (p_values.hochberg, "hochberg"),
        (p_values.hommel, "hommel"),
        (p_values.benjamini_hochberg, "BH"),
        (p_values.benjamini_yekutieli, "BY"),
    ],
)
def test_adjusted_p_values_are_p_adjusts(ours, theirs):
    np.testing.assert_allclose(ours(R["p"]), R[f"p.adjust.{theirs}"], rtol=1e-9)


def four_arms() -> np.ndarray:
    return correlation_of(np.diag(1 / np.array([40, 80, 200, 15])) + 1 / 120)


def test_unequal_arms_against_one_reference_are_miwas():
    b = shared_reference.loadings(four_arms())
    for limit in ("1.5", "2.5"):
        ours = shared_reference.outside(b, float(limit))
        assert ours == pytest.approx(R[f"normal.four.{limit}"][0], rel=5e-9)
    # Miwa's algorithm gives 1 - P(inside), which has lost digits here.
    assert shared_reference.outside(b, 4.0) == pytest.approx(R["normal.four.4"][0], rel=1e-6)


def test_students_t_is_genz_and_bretzs():
    b = shared_reference.loadings(four_arms())
    for df in (6, 25):
        for limit in (2, 3):
            ours = shared_reference.outside(b, limit, df)
            assert ours == pytest.approx(R[f"t.four.{df}.{limit}"][0], abs=1e-6)
    # qmvt searches with random integrals: two runs of it differ by 1e-4.
    found = critical_values(np.full(4, 25.0), (Group((0, 1, 2, 3), four_arms()),), 0.05)
    assert found[0] == pytest.approx(R["critical.t.four.25"][0], abs=2e-4)


def test_six_arms_by_three_outcomes():
    """Ours has an error of some 1%, R's of 1e-5 absolute; the critical value agrees to 2e-3."""
    within = np.array([[1, 0.6, 0.2], [0.6, 1, -0.3], [0.2, -0.3, 1]])
    n = np.array([400, 100, 150, 200, 250, 300])
    r = correlation_of(np.kron(np.diag(1 / n) + 1 / 500, within))
    points = tail.spread(r)
    for limit in ("2.5", "3.2", "4.2"):
        theirs, error = R[f"normal.eighteen.{limit}"]
        ours = tail.outside_of(points, 0, float(limit))
        assert ours == pytest.approx(theirs, rel=0.01, abs=error)
    found = critical_values(np.full(18, np.inf), (Group(tuple(range(18)), r),), 0.05)
    assert found[0] == pytest.approx(R["critical.normal.eighteen"][0], abs=2e-3)


def pooled() -> tuple[np.ndarray, np.ndarray, float]:
    """Arms of warpbreaks less some rows: effects against arm 1, their covariance, and df."""
    arm, y = R["arm"].astype(int), R["breaks"]
    arms = np.unique(arm)
    n = np.array([(arm == a).sum() for a in arms])
    mean = np.array([y[arm == a].mean() for a in arms])
    df = len(y) - len(arms)
    s2 = sum(((y[arm == a] - y[arm == a].mean()) ** 2).sum() for a in arms) / df
    return mean[1:] - mean[0], s2 * (np.diag(1 / n[1:]) + 1 / n[0]), float(df)


def hc2() -> tuple[np.ndarray, np.ndarray, float]:
    effect, _, df = pooled()
    arm, y = R["arm"].astype(int), R["breaks"]
    v = np.array([y[arm == a].var(ddof=1) / (arm == a).sum() for a in np.unique(arm)])
    return effect, np.diag(v[1:]) + v[0], df


@pytest.mark.parametrize(("name", "of"), [("dunnett", pooled), ("hc2", hc2)])
def test_single_step_and_step_down_are_multcomps(name, of):
    """multcomp's p have an error of 1e-6 where it said so; the smallest are the worst of it."""
    effect, covariance, df = of()
    t = effect / np.sqrt(covariance.diagonal())
    np.testing.assert_allclose(t, R[f"{name}.t"], rtol=1e-8)
    together = (Group(tuple(range(5)), correlation_of(covariance)),)
    nu = np.full(5, df)
    np.testing.assert_allclose(
        single_step(t, nu, together), R[f"{name}.single"], rtol=2e-3, atol=5e-6
    )
    np.testing.assert_allclose(step_down(t, nu, together), R[f"{name}.down"], rtol=5e-3, atol=5e-6)


def test_dunnetts_intervals_are_multcomps():
    effect, covariance, df = pooled()
    together = (Group(tuple(range(5)), correlation_of(covariance)),)
    reach = critical_values(np.full(5, df), together, 0.05) * np.sqrt(covariance.diagonal())
    np.testing.assert_allclose(effect - reach, R["dunnett.low"], rtol=1e-4)
    np.testing.assert_allclose(effect + reach, R["dunnett.high"], rtol=1e-4)


def test_all_pairs_of_equal_arms_are_tukeys():
    """The correlation of fifteen pairs has rank 5; ptukey is exact, the lattice within 1%."""
    pairs = [(i, j) for i in range(6) for j in range(i + 1, 6)]
    c = np.zeros((15, 6))
    for row, (i, j) in zip(c, pairs, strict=True):
        row[[i, j]] = (-1, 1)
    t, df = R["tukey.t"], np.full(15, 48.0)
    found = single_step(t, df, (Group(tuple(range(15)), c @ c.T / 2),))
    np.testing.assert_allclose(found, R["tukey.exact"], rtol=0.01)


# Reference cases: Dunnett 1955, through scipy; and R multcomp with HC2 on Hillstrom's e-mails.
CONTROL = np.array([7.4, 8.5, 7.2, 8.24, 9.84, 8.32])
DRUGS = (np.array([9.76, 8.8, 7.68, 9.36]), np.array([12.8, 9.68, 12.16, 9.2, 10.55]))


def test_dunnetts_own_example():
    groups = (CONTROL, *DRUGS)
    n = np.array([len(each) for each in groups])
    df = float(n.sum() - 3)
    s2 = sum(((each - each.mean()) ** 2).sum() for each in groups) / df
    effect = np.array([each.mean() - CONTROL.mean() for each in DRUGS])
    covariance = s2 * (np.diag(1 / n[1:]) + 1 / n[0])
    t = effect / np.sqrt(covariance.diagonal())
    together = (Group((0, 1), correlation_of(covariance)),)
    nu = np.full(2, df)
    np.testing.assert_allclose(t, [0.85703, 3.69375], rtol=1e-5)
    np.testing.assert_allclose(single_step(t, nu, together), [0.620102, 0.0058254], rtol=1e-4)
    reach = critical_values(nu, together, 0.05) * np.sqrt(covariance.diagonal())
    np.testing.assert_allclose(effect - reach, [-1.2564116462124, 0.8396273539789], atol=2e-4)
    np.testing.assert_allclose(effect + reach, [2.5564116462124, 4.4163726460211], atol=2e-4)
    b = shared_reference.loadings(together[0].correlation)
    above = [shared_reference.outside(b, each, df, two_sided=False) for each in t]
    np.testing.assert_allclose(above, [0.3249776, 0.0029139], rtol=1e-4)


TABLE = {
    True: [(1, 10, 2.23, 0.05), (2, 30, 2.32, 0.05), (2, 60, 2.90, 0.01)],
    False: [(3, 10, 2.34, 0.05), (5, 30, 2.33, 0.05), (7, 12, 3.56, 0.01), (4, 60, 2.87, 0.01)],
}
"""Dunnett 1955, Tables 1 and 2 (k, df, t, alpha), printed to 0.01; his two-sided values for three
and more arms are approximations that are too large (Dunnett 1964)."""


@pytest.mark.parametrize("two_sided", [True, False])
def test_dunnetts_tables(two_sided):
    for k, df, t, alpha in TABLE[two_sided]:
        b = np.full(k, 0.5**0.5)
        below, above = (
            shared_reference.outside(b, t + step, df, two_sided=two_sided)
            for step in (-0.0101, 0.0101)
        )
        assert above < alpha < below


def test_hillstroms_emails_with_hc2():
    """z and intervals of R multcomp 1.4-22 on visits; group means and counts are the data's."""
    n = np.array([21306, 21307, 21387])
    p = np.array([0.10616727682343, 0.182756840474961, 0.151400383410483])
    v = p * (1 - p) / (n - 1)
    effect, covariance = p[1:] - p[0], np.diag(v[1:]) + v[0]
    t = effect / np.sqrt(covariance.diagonal())
    np.testing.assert_allclose(t, [22.6202307667022, 13.984738482404], rtol=1e-10)
    together = (Group((0, 1), correlation_of(covariance)),)
    c = critical_values(np.full(2, 63_997.0), together, 0.05)
    np.testing.assert_allclose(c, 2.22121250478328, atol=1e-3)
    reach = c * np.sqrt(covariance.diagonal())
    np.testing.assert_allclose(effect - reach, [0.0690687873043152, 0.0380486789262621], atol=1e-5)
    np.testing.assert_allclose(effect + reach, [0.0841103399987368, 0.05241753424775], atol=1e-5)
