"""Errors between blocks and clusters, against scipy and statsmodels; fixed seeds, no chance."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from apologylab.design.contrasts import Contrast, against
from apologylab.errors import NotEstimable
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing

ARMS = ("a", "b", "c")


def asked(estimator, arms=ARMS, phases=(1,), **more):
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(arms, arms[0]),
        weights={phase: dict.fromkeys(arms, 1) for phase in phases},
        assigned={},
        estimators=(estimator,),
        drawing=Drawing(scheme="blocks" if estimator == "blocked" else "clusters"),
        **more,
    )


def answers(source, question):
    found, refused = estimates(fit(source, question), question)
    assert refused == ()
    return found


def permuted(rng, blocks, size, arms=ARMS):
    """Blocks of ``size``, each permuted; the number of each unit's block and its arm."""
    held = np.tile(np.arange(size) % len(arms), (blocks, 1))
    return np.repeat(np.arange(blocks), size), rng.permuted(held, axis=1).ravel()


def test_pairs_are_the_paired_t_test():
    """One unit an arm in each block: Imai 2008, equation 4, is the paired t statistic."""
    rng = np.random.default_rng(1)
    block, arm = permuted(rng, 40, 2, ARMS[:2])
    y = rng.normal(size=80) + 3 * rng.normal(size=40)[block] + 0.4 * arm
    source = panel({"y": y}, arm=[ARMS[i] for i in arm], drawn_set=block)
    (one,) = answers(source, asked("blocked", ARMS[:2]))
    paired = stats.ttest_rel(y[arm == 1], y[arm == 0])
    low, high = paired.confidence_interval(0.95)
    assert one.point == pytest.approx((y[arm == 1] - y[arm == 0]).mean(), rel=1e-12)
    assert one.p_value == pytest.approx(paired.pvalue, rel=1e-10)
    assert (one.ci_low, one.ci_high) == pytest.approx((low, high), rel=1e-10)
    assert one.df == pytest.approx(39, rel=1e-12)


def test_full_blocks_are_a_t_test_of_the_blocks_own_contrasts():
    rng = np.random.default_rng(2)
    block, arm = permuted(rng, 30, 9)
    y = 1e6 + rng.gamma(2.0, size=270) * (1 + arm) + rng.normal(size=30)[block]
    source = panel({"y": y}, arm=[ARMS[i] for i in arm], drawn_set=block)
    factor = Contrast(
        name="f", treatment="b+c", reference="a", cells=(("a", -1.0), ("b", 0.5), ("c", 0.5))
    )
    for one in answers(source, asked("blocked", factor_contrasts=(factor,))):
        c = dict(one.cells)
        weight = np.array([c.get(name, 0.0) for name in ARMS])[arm] / 3
        own = np.bincount(block, weights=weight * (y - 1e6))
        assert one.point == pytest.approx(own.mean(), rel=1e-9)
        assert one.std_error == pytest.approx(own.std(ddof=1) / 30**0.5, rel=1e-9)
        assert one.df == pytest.approx(29, rel=1e-12)


def test_ragged_blocks_are_the_cluster_robust_variance_of_statsmodels():
    """Units at random have no outcome; the last block is short."""
    rng = np.random.default_rng(3)
    block, arm = permuted(rng, 60, 6)
    keep = rng.uniform(size=len(block)) < 0.8
    y = rng.normal(size=len(block)) + rng.normal(size=60)[block] * (1 + arm)
    source = panel(
        {"y": np.where(keep, y, np.nan)},
        arm=[ARMS[i] for i in arm],
        stratum=[("", "north")[b % 2] for b in block],
        drawn_set=block,
    )
    design = (arm[keep][:, None] == np.arange(3)).astype(float)
    fitted = sm.OLS(y[keep], design).fit(
        cov_type="cluster", cov_kwds={"groups": block[keep], "use_correction": False}
    )
    for one in answers(source, asked("blocked")):
        c = np.array([dict(one.cells).get(name, 0.0) for name in ARMS])
        variance = c @ fitted.cov_params() @ c * 60 / 59
        assert one.point == pytest.approx(c @ fitted.params, rel=1e-10)
        assert one.std_error == pytest.approx(variance**0.5, rel=1e-10)


def test_clusters_of_one_size_are_welchs_test_of_their_means():
    rng = np.random.default_rng(4)
    arm_of = np.repeat([0, 1], [12, 25])
    cluster = np.repeat(np.arange(37), 8)
    y = rng.normal(size=37 * 8) + rng.normal(size=37)[cluster] * (1 + 2 * arm_of[cluster])
    source = panel({"y": y}, arm=[ARMS[i] for i in arm_of[cluster]], drawn_set=cluster)
    (one,) = answers(source, asked("clustered(errors=CR1)", ARMS[:2]))
    means = y.reshape(37, 8).mean(axis=1)
    welch = stats.ttest_ind(means[arm_of == 1], means[arm_of == 0], equal_var=False)
    assert one.p_value == pytest.approx(welch.pvalue, rel=1e-10)
    assert one.df == pytest.approx(welch.df, rel=1e-10)
    assert one.estimand.startswith("mean y over all enrolled customers, drawn by cluster")


def test_unequal_clusters_are_the_cluster_robust_variance_of_statsmodels():
    rng = np.random.default_rng(5)
    arm_of = rng.integers(0, 2, 50)
    cluster = rng.integers(0, 50, 900)
    y = 20 + rng.normal(size=900) + rng.normal(size=50)[cluster]
    source = panel({"y": y}, arm=[ARMS[i] for i in arm_of[cluster]], drawn_set=cluster)
    (one,) = answers(source, asked("clustered(errors=CR1)", ARMS[:2]))
    variance = 0.0
    for arm in (0, 1):
        mine = arm_of[cluster] == arm
        fitted = sm.OLS(y[mine], np.ones(mine.sum())).fit(
            cov_type="cluster", cov_kwds={"groups": cluster[mine], "use_correction": False}
        )
        g = len(set(cluster[mine]))
        variance += fitted.cov_params()[0, 0] * g / (g - 1)
    assert one.std_error == pytest.approx(variance**0.5, rel=1e-10)


@pytest.mark.parametrize("estimator", ["blocked", "clustered"])
def test_phases_are_strata(estimator):
    """Each phase by itself, weighted by its units; degrees of freedom are Satterthwaite's."""
    rng = np.random.default_rng(6)
    number = np.repeat(np.arange(40), 4)
    arm = np.tile([0, 1], 80) if estimator == "blocked" else number % 2
    phase = np.where(number < 10, 1, 2)
    y = 5.0 * phase + rng.normal(size=160) + rng.normal(size=40)[number]

    def source(mine):
        arms, phases = [ARMS[i] for i in arm[mine]], phase[mine].tolist()
        return panel({"y": y[mine]}, arm=arms, phase=phases, drawn_set=number[mine])

    every = np.ones(160, dtype=bool)
    (one,) = answers(source(every), asked(estimator, ARMS[:2], phases=(1, 2)))
    parts = [
        answers(source(phase == each), asked(estimator, ARMS[:2], phases=(each,)))[0]
        for each in (1, 2)
    ]
    share = np.array([0.25, 0.75])
    assert one.point == pytest.approx(share @ [part.point for part in parts], rel=1e-12)
    q = share**2 * np.array([part.std_error**2 for part in parts])
    assert one.std_error == pytest.approx(q.sum() ** 0.5, rel=1e-12)
    if estimator == "blocked":
        assert one.df == pytest.approx(q.sum() ** 2 / (q**2 / [9, 29]).sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("estimator", "sets", "says"),
    [
        ("blocked", [0, 0, 0, 0], "phase 1 has 1 block: two are needed"),
        ("blocked", [0, 1, 1, 1], "b in phase 1 has 1 block: two are needed"),
        ("clustered", [0, 0, 1, 2], "a in phase 1 has 1 cluster: two are needed"),
        ("clustered", [0, 1, 2, 2], "b in phase 1 has 1 cluster: two are needed"),
    ],
)
def test_one_set_has_no_error(estimator, sets, says):
    source = panel({"y": [1.0, 2.0, 3.0, 5.0]}, arm=["a", "a", "b", "b"], drawn_set=sets)
    question = asked(estimator, ARMS[:2])
    found, refused = estimates(fit(source, question), question)
    assert found == ()
    assert refused[0].because == says


def test_an_arm_that_is_nearly_all_in_one_block_is_refused():
    """One full block of 100 and three more units: what the two add is nearly the same number."""
    rng = np.random.default_rng(8)
    arm = np.concatenate([rng.permutation(np.repeat([0, 1], 50)), [0, 1, 0]])
    source = panel(
        {"y": rng.normal(size=103)}, arm=[ARMS[i] for i in arm], drawn_set=np.arange(103) // 100
    )
    question = asked("blocked", ARMS[:2])
    found, refused = estimates(fit(source, question), question)
    assert found == ()
    assert refused[0].because == "b in phase 1 is nearly all in one block: two are needed"


def test_short_blocks_have_as_many_degrees_as_the_rarest_arm_is_spread_over():
    """Sixty strata with a unit each of blocks 9:1: six units of b are not 59 degrees."""
    arm = np.repeat([0, 1], [54, 6])
    y = np.random.default_rng(9).normal(size=60)
    source = panel({"y": y}, arm=[ARMS[i] for i in arm], drawn_set=np.arange(60))
    (one,) = answers(source, asked("blocked", ARMS[:2]))
    assert one.df == pytest.approx(5, rel=1e-12)


def test_an_arm_that_a_phase_does_not_draw_is_refused():
    source = panel(
        {"y": np.arange(8.0) ** 2}, arm=["a", "b"] * 4, drawn_set=[0, 0, 1, 1, 2, 2, 3, 3]
    )
    question = asked("blocked")
    fits = fit(source, question)
    found, refused = estimates(fits, question)
    assert [one.treatment for one in found] == ["b"]
    assert refused[0].because == "c has no unit in phase 1"
    with pytest.raises(NotEstimable):
        fits.of("y", "blocked").read(question.arm_contrasts[1])
