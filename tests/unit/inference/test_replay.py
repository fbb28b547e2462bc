"""The A/A replay: arms dealt anew as the scheme deals them, and false alarms counted."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from apologylab.design.contrasts import against
from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.replay import Replays, _read, dealt_anew, replay

SEED = 51
Y = Measured(name="y", role="primary", unit="USD")


def question(estimator, *, covariates=()):
    return Question(
        outcomes=(Y,),
        arm_contrasts=against(("a", "b", "c"), "a"),
        weights={1: {"a": 1, "b": 1, "c": 1}, 2: {"a": 1, "b": 1, "c": 1}},
        assigned={},
        covariates=covariates,
        estimators=(estimator,),
    )


def units(n=300, *, effect=2.0, drawn_set=None, arm=None):
    rng = np.random.default_rng(SEED)
    arm = np.array(["a", "b", "c"])[rng.integers(0, 3, n)] if arm is None else arm
    x = rng.normal(size=n)
    return panel(
        {"y": x + rng.normal(size=n) + effect * (arm == "b"), "x": x},
        arm=arm.tolist(),
        phase=[1 + (i >= n // 2) for i in range(n)],
        drawn_set=drawn_set,
    )


def labels(source):
    return [source.cells[i].arm for i in source.code]


def by(source, groups):
    return Counter(zip(groups, labels(source), strict=True))


def test_dealing_keeps_each_phases_counts_and_moves_units():
    source = units()
    dealt = dealt_anew(source, "independent", np.random.default_rng(1))
    phases = [source.cells[i].phase for i in source.code]
    assert [dealt.cells[i].phase for i in dealt.code] == phases
    assert by(dealt, phases) == by(source, phases)
    same = np.mean(np.array(labels(dealt)) == np.array(labels(source)))
    assert 0.2 < same < 0.5


def test_blocks_keep_their_places_and_clusters_their_customers():
    house = (np.arange(300) // 3).tolist()
    block = units(drawn_set=house, arm=np.array(["a", "b", "c"] * 100))
    dealt = dealt_anew(block, "blocks", np.random.default_rng(2))
    assert by(dealt, house) == by(block, house)
    together = units(drawn_set=house, arm=np.repeat(["a", "b", "c"] * 34, 3)[:300])
    dealt = dealt_anew(together, "clusters", np.random.default_rng(3))
    assert max(by(dealt, house).values()) == 3
    assert len(by(dealt, house)) == 100
    assert labels(dealt) != labels(together)


@pytest.mark.parametrize("estimator", ["difference_in_means", "lin"])
def test_an_effect_there_is_makes_no_false_alarm(estimator):
    """Between the binomial quantiles at 1e-4: 5% of 400 replays."""
    covariates = ("x",) if estimator == "lin" else ()
    asked = question(estimator, covariates=covariates)
    found = replay(units(), asked, Replays(400, seed=4))
    assert found.passed
    assert found.name == "A/A replay: y"
    low, high = stats.binom.ppf(1e-4, 400, 0.05), stats.binom.isf(1e-4, 400, 0.05)
    assert low <= 400 * found.statistic <= high


def test_errors_of_units_where_households_were_drawn_are_found_out():
    """What households share is not in the errors of customers: far more than 5% false alarms."""
    rng = np.random.default_rng(SEED)
    house = np.repeat(np.arange(60), 5)
    arm = np.array(["a", "b", "c"])[rng.integers(0, 3, 60)][house]
    mood = rng.normal(size=60)[house]
    source = panel(
        {"y": mood + 0.1 * rng.normal(size=300)}, arm=arm.tolist(), drawn_set=house.tolist()
    )
    plain, rng, false = question("difference_in_means"), np.random.default_rng(6), 0
    for _ in range(200):
        dealt = dealt_anew(source, "clusters", rng)
        found, _ = estimates(fit(dealt, plain), plain)
        false += found[0].p_value < 0.05
    check = _read(plain, {"b": int(false)}, 200)
    assert check.passed is False
    assert "FINDS TOO OFTEN" in check.says
    assert check.statistic > 0.2


def test_the_seed_decides_and_few_replays_are_refused():
    asked = question("difference_in_means")
    once, again = (replay(units(), asked, Replays(60, seed=5)) for _ in range(2))
    assert once == again
    with pytest.raises(InputError, match="49 replays tell nothing"):
        replay(units(), asked, Replays(49))


@pytest.mark.parametrize("estimator", ["difference_in_means", "quantile(at=0.5)", "relative_lift"])
def test_where_nothing_is_tested_the_replay_says_nothing(estimator):
    """An outcome that does not vary has no false alarms because it has no test."""
    flat = panel({"y": np.ones(90), "x": np.ones(90)}, arm=["a", "b", "c"] * 30)
    check = replay(
        flat, replace(question(estimator), weights={1: dict.fromkeys("abc", 1)}), Replays(50)
    )
    assert check.passed is None
    assert check.says.startswith("says nothing")
