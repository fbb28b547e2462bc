"""Who can be measured: maturity and lost outcomes by arm; fixed seeds, rates with their errors."""

import numpy as np
import pytest
import statsmodels.api as sm

from apologylab.inference.arrays import panel
from apologylab.inference.attrition_checks import cluster_attrition, maturity
from apologylab.inference.checks import attrition

WEIGHTS = {1: {"a": 1, "b": 1, "c": 1}}


def test_maturity_is_the_chi_square_of_attrition():
    found = maturity("y", {1: {"a": 500, "b": 480}}, {1: {"a": 300, "b": 250}})
    same = attrition("y", {1: {"a": 500, "b": 480}}, {1: {"a": 300, "b": 250}})
    assert (found.statistic, found.p_value) == pytest.approx((same.statistic, same.p_value))
    assert found.name == "maturity: y"
    assert found.passed


@pytest.mark.parametrize("done", [{"a": 500, "b": 480}, {"a": 0, "b": 0}])
def test_where_all_or_none_are_mature_nothing_is_said(done):
    assert maturity("y", {1: {"a": 500, "b": 480}}, {1: done}) is None


def lost_of(rng, clusters, *, more=0.0, together=True):
    """Whether customers' outcomes are lost; whole clusters go, in arm c ``more`` of them."""
    sizes = rng.integers(2, 40, clusters)
    cluster = np.repeat(np.arange(clusters), sizes)
    arm = np.arange(clusters) % 3
    rate = 0.2 + more * (arm == 2)
    gone = rng.uniform(size=clusters) < rate
    lost = gone[cluster] if together else rng.uniform(size=len(cluster)) < rate[cluster]
    labels = ["abc"[k] for k in arm[cluster]]
    source = panel({"y:lost": lost.astype(float)}, arm=labels, drawn_set=cluster.tolist())
    return source.set_totals(["y:lost"])[0], lost.astype(float), arm[cluster], cluster


def test_the_statistic_is_statsmodels_wald_where_clusters_are_alike():
    """Clusters of one size, where CR2 is G_a / (G_a - 1) times CR0; F to 1e-9."""
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(30), 10)
    arm = cluster % 3
    lost = (rng.uniform(size=300) < 0.2 + 0.1 * (arm == 2)).astype(float)
    source = panel({"y:lost": lost}, arm=["abc"[k] for k in arm], drawn_set=cluster.tolist())
    check = cluster_attrition("y", source.set_totals(["y:lost"])[0], WEIGHTS)
    x = np.stack([np.ones(300), arm == 1, arm == 2], axis=1).astype(float)
    theirs = sm.OLS(lost, x).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    wald = float(theirs.wald_test(np.eye(3)[1:], use_f=False, scalar=True).statistic) * 9 / 10
    assert check.statistic == pytest.approx(wald * (9 - 2 + 1) / (9 * 2), rel=1e-9)


def test_customers_who_go_missing_together_do_not_fail_the_check():
    """Chi-square of single customers would; 300 draws at 0.001 fail 3 times or more 1 in 300."""
    rng = np.random.default_rng(2)
    checks, naive = [], 0
    for _ in range(300):
        totals, lost, arm, _ = lost_of(rng, 60)
        checks.append(cluster_attrition("y", totals, WEIGHTS))
        counts = [
            {"abc"[k]: int((v * (arm == k)).sum()) for k in range(3)}
            for v in (1 + 0 * lost, 1 - lost)
        ]
        naive += attrition("y", {1: counts[0]}, {1: counts[1]}).passed is False
    assert sum(each.passed is False for each in checks) <= 2
    assert naive > 100


def test_an_arm_that_loses_more_clusters_fails():
    totals, *_ = lost_of(np.random.default_rng(3), 300, more=0.4)
    check = cluster_attrition("y", totals, WEIGHTS)
    assert check.passed is False
    assert "errors between clusters" in check.says


def test_nothing_lost_passes_and_one_cluster_an_arm_says_nothing():
    none = panel({"y:lost": np.zeros(6)}, arm=list("aabbcc"), drawn_set=[0, 1, 2, 3, 4, 5])
    assert cluster_attrition("y", none.set_totals(["y:lost"])[0], WEIGHTS).passed
    lost = np.array([1.0, 0, 1, 0, 1, 0])
    few = panel({"y:lost": lost}, arm=list("aabbcc"), drawn_set=[0, 0, 1, 1, 2, 2])
    check = cluster_attrition("y", few.set_totals(["y:lost"])[0], WEIGHTS)
    assert check.passed is None
