"""Randomisation inference against coin (R) and scipy, and its own definition by brute force."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.randomisation import Points, count, every, forms, invert
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing
from apologylab.inference.sets import Drawn

PRINTED = dict(
    line.split()
    for line in (Path(__file__).parent / "r" / "randomisation.txt").read_text().splitlines()
)
ROW = np.arange(1, 15)
Y = 3 + 2 * np.sin(ROW * ROW) + ROW % 2
Z = ROW % 2 == 1


def asked(estimator, scheme="independent", phases=(1,)):
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("a", "b"), "a"),
        weights={phase: {"a": 1, "b": 1} for phase in phases},
        assigned={},
        estimators=(estimator,),
        drawing=Drawing(scheme=scheme),
    )


def answer(source, question):
    found, refused = estimates(fit(source, question), question)
    assert not refused
    (one,) = found
    return one


def labels(z):
    return ["b" if each else "a" for each in z]


def test_the_difference_is_coins_exact_test():
    """p to the 12 digits printed."""
    one = answer(panel({"y": Y}, arm=labels(Z)), asked("randomisation(statistic=difference)"))
    assert one.p_value == pytest.approx(float(PRINTED["plain"]), abs=1e-12)
    assert "3,432 draws counted" in one.interval_kind


@pytest.mark.parametrize("statistic", ["studentised", "difference"])
def test_pairs_are_scipys_exact_test_of_signs(statistic):
    """Under pairs both statistics order the draws alike: t is a function of the difference."""
    source = panel({"y": Y}, arm=labels(Z), drawn_set=((ROW - 1) // 2).tolist())
    one = answer(source, asked(f"randomisation(statistic={statistic})", "blocks"))
    theirs = stats.permutation_test(
        (Y[Z], Y[~Z]),
        lambda a, b: abs((a - b).mean()),
        permutation_type="samples",
        n_resamples=10**4,
        alternative="greater",
        vectorized=False,
    )
    assert one.p_value == pytest.approx(theirs.pvalue, abs=1e-12)
    assert dict(one.details)["draws that the design could have made"] == "128"


def test_the_studentised_statistic_is_scipys_exact_test_of_welchs_t():
    rng = np.random.default_rng(1)
    y, z = rng.normal(size=13) ** 3, np.arange(13) % 3 == 0
    one = answer(panel({"y": y}, arm=labels(z)), asked("randomisation"))

    def welch(a, b):
        return abs(stats.ttest_ind(a, b, equal_var=False).statistic)

    theirs = stats.permutation_test(
        (y[z], y[~z]), welch, n_resamples=10**5, alternative="greater", vectorized=False
    )
    assert one.p_value == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize("tau", [-1.0, 0.3, 2.5])
def test_a_trial_effect_is_taken_off_the_treated_and_tested_anew(tau):
    """The five numbers a draw give the statistic that subtracting tau and redrawing gives."""
    y, z = Y[:8], Z[:8]
    points = Points(y, np.ones(8), z, np.zeros(8, int), np.ones(1), np.zeros(8, int))
    of = forms(points, every(points))
    found = np.sort((of.dy - tau * of.dz) ** 2 / (of.yy - 2 * tau * of.yz + tau**2 * of.zz))
    without = y - tau * z
    expected = []
    for chosen in combinations(range(8), 4):
        mine = np.isin(np.arange(8), chosen)
        a, b = without[mine], without[~mine]
        expected.append((a.mean() - b.mean()) ** 2 / (a.var(ddof=1) / 4 + b.var(ddof=1) / 4))
    np.testing.assert_allclose(found, np.sort(expected), rtol=1e-9)


def test_the_interval_holds_what_the_test_does_not_reject():
    rng = np.random.default_rng(2)
    y, z = rng.normal(size=12), np.arange(12) < 6

    def p(tau):
        one = answer(panel({"y": y - tau * z}, arm=labels(z)), asked("randomisation"))
        return one.p_value

    one = answer(panel({"y": y}, arm=labels(z)), asked("randomisation"))
    for end, side in ((one.ci_low, -1), (one.ci_high, 1)):
        assert p(end - side * 1e-4) > 0.05
        assert p(end + side * 1e-4) <= 0.05


def test_clusters_are_drawn_whole():
    """Six clusters of unequal size: 20 draws, by brute force over them."""
    rng = np.random.default_rng(3)
    size = np.array([3, 5, 2, 7, 4, 6])
    cluster = np.repeat(np.arange(6), size)
    z = np.array([1, 0, 0, 1, 1, 0], dtype=bool)
    y = rng.normal(size=27) + rng.normal(size=6)[cluster]
    source = panel({"y": y}, arm=labels(z[cluster]), drawn_set=cluster.tolist())
    question = asked("randomisation(statistic=difference)", "clusters")
    question = Question(**{**question.__dict__, "alpha": 0.2})
    one = answer(source, question)
    made = abs(y[z[cluster]].mean() - y[~z[cluster]].mean())
    found = []
    for chosen in combinations(range(6), 3):
        mine = np.isin(cluster, chosen)
        found.append(abs(y[mine].mean() - y[~mine].mean()) >= made - 1e-12)
    assert one.p_value == pytest.approx(np.mean(found), abs=1e-12)
    assert one.point == pytest.approx(y[z[cluster]].mean() - y[~z[cluster]].mean())


def test_phases_are_redrawn_each_by_itself():
    """Two phases of four units: 36 draws, the share of each phase its weight."""
    y = np.array([1.0, 4.0, 2.0, 8.0, 3.0, 9.0, 4.0, 7.0])
    z = np.array([0, 1, 0, 1, 0, 1, 0, 1], dtype=bool)
    phase = np.repeat([1, 2], 4)
    points = Points(y, np.ones(8), z, phase - 1, np.array([0.5, 0.5]), phase)
    assert count(points) == 36
    source = panel({"y": y}, arm=labels(z), phase=phase.tolist())
    question = asked("randomisation(statistic=difference)", phases=(1, 2))
    one = answer(source, Question(**{**question.__dict__, "alpha": 0.2}))
    values = []
    for first in combinations(range(4), 2):
        for second in combinations(range(4, 8), 2):
            mine = np.isin(np.arange(8), (*first, *second))
            values.append(
                sum(
                    (y[mine & (phase == p)].mean() - y[~mine & (phase == p)].mean()) / 2
                    for p in (1, 2)
                )
            )
    assert one.p_value == pytest.approx(np.mean(np.abs(values) >= one.point - 1e-9), abs=1e-12)


def test_redraws_at_random_are_near_the_count():
    """1,999 of 184,756 draws: p within 4 standard errors of scipy's exact one (1 in 16,000)."""
    rng = np.random.default_rng(4)
    y, z = rng.normal(size=20) + np.repeat([0, 0.8], 10), np.repeat([False, True], 10)
    one = answer(panel({"y": y}, arm=labels(z)), asked("randomisation"))
    points = Points(y, np.ones(20), z, np.zeros(20, int), np.ones(1), np.zeros(20, int))
    exact = invert(forms(points, every(points)), alpha=0.05, exact=True).p_value
    assert abs(one.p_value - exact) < 4 * (exact * (1 - exact) / 1999) ** 0.5
    assert "1,999 draws drawn at random" in one.interval_kind


@pytest.mark.parametrize(
    ("y", "z", "why"),
    [
        ([1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1], "too few points"),
        ([1, 2, 3, 4], [0, 1, 0, 1], "p cannot be below"),
        ([1, 1, 1, 1, 1, 2, 2, 2, 2, 2], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], "does not vary"),
        ([1, 2, 3, 4, 5, 6], [0, 1, 0, 0, 0, 0], "two are needed"),
    ],
)
def test_what_cannot_be_tested_is_refused(y, z, why):
    source = panel({"y": np.array(y, dtype=float)}, arm=labels(z))
    question = asked("randomisation")
    found, (refused,) = estimates(fit(source, question), question)
    assert not found
    assert why in refused.because


def chance(arms, levels, coin):
    """Of a sequence of two arms under Pocock and Simon's rule with equal weights, by hand."""
    p, seen = 1.0, []
    for arm, mine in zip(arms, levels, strict=True):
        alike = [sum((a == k) * sum(f in m for f in mine) for a, m in seen) for k in (0, 1)]
        p *= 0.5 if alike[0] == alike[1] else coin if alike[arm] < alike[1 - arm] else 1 - coin
        seen.append((arm, mine))
    return p


def minimised(y, arms, strata, draws, arm_names=("a", "b")):
    order = Drawn(strata=strata, arms=arms, units=[10 + 3 * k for k in range(len(y))])
    question = asked(f"randomisation(statistic=difference, draws={draws})")
    more = {
        "alpha": 0.3,
        "weights": {1: dict.fromkeys(arm_names, 1)},
        "drawing": Drawing(scheme="minimisation", coin=0.8, order={1: order}),
    }
    columns = {"y": y, "drawn_at": np.array(order.units, dtype=float)}
    question = Question(**{**question.__dict__, **more})
    return estimates(fit(panel(columns, arm=arms), question), question)


def test_minimisation_is_run_again():
    """p of 10 units within 4 standard errors of all 1,024 sequences weighted by their chances."""
    rng = np.random.default_rng(5)
    strata = [
        f"c={c},t={t}" for c, t in zip(rng.integers(0, 2, 10), rng.integers(0, 3, 10), strict=True)
    ]
    levels = [set(each.split(",")) for each in strata]
    y = rng.normal(size=10) + 2 * np.array(["c=1" in each for each in strata])
    made = (0, 1, 1, 0, 1, 0, 0, 1, 0, 1)
    ((one,), refused) = minimised(y, ["ab"[k] for k in made], strata, 20_000)
    assert not refused
    z = np.array(made, dtype=bool)
    observed, exact, total = abs(y[z].mean() - y[~z].mean()), 0.0, 0.0
    for arms in product((0, 1), repeat=10):
        p, z = chance(arms, levels, 0.8), np.array(arms, dtype=bool)
        total += p
        alone = z.all() or not z.any()
        if alone or abs(y[z].mean() - y[~z].mean()) >= observed - 1e-12:
            exact += p
    assert total == pytest.approx(1)
    assert abs(one.p_value - exact) < 4 * (exact * (1 - exact) / 20_000) ** 0.5 + 1e-4
    assert "20,000 draws drawn at random" in one.interval_kind


def test_minimisation_between_three_arms_is_refused():
    rng = np.random.default_rng(6)
    arms = list("abcabcabc")
    found, refused = minimised(rng.normal(size=9), arms, ["c=1"] * 9, 99, arm_names=("a", "b", "c"))
    assert not found
    assert "between 3 arms" in refused[0].because


def test_draws_that_leave_an_arm_empty_count_against_an_effect():
    """Four units under minimisation: one sequence in eight has one arm only; it ends, and refuses."""
    found, refused = minimised(np.array([1.0, 2.0, 4.0, 9.0]), list("abab"), ["c=1"] * 4, 999)
    assert not found
    assert "too few points" in refused[0].because
