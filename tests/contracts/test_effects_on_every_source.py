"""Estimators of effects give the same numbers on every engine, to 1e-9."""

from __future__ import annotations

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing

ARMS = ("a", "b", "c")
ESTIMATORS = (
    "difference_in_means",
    "difference_in_means(errors=HC3, strata=pooled)",
    "lin(errors=HC0)",
    "lin(errors=HC3)",
    "lin(over=population)",
    "lin(leverage=series)",
    "lin(errors=HC1, leverage=series)",
    "cuped",
    "cuped_pooled",
    "ipw",
    "winsorised(at=0.9)",
    "capped(at=3)",
    "missing",
    "two_part",
    "ratio(over=v)",
    "ratio(over=v, before=x, before_over=w)",
    "relative_lift",
    "relative_lift(of=winsorised(at=0.95), interval=log)",
)


def columns(n=1_200):
    rng = np.random.default_rng(4)
    x = rng.gamma(2.0, size=n)
    y = np.where(rng.uniform(size=n) < 0.6, x * rng.lognormal(0.0, 0.7, n), 0.0)
    gone = rng.uniform(size=n) < 0.05
    return {
        "y": np.where(gone, np.nan, y),
        "y:lost": gone.astype(float),
        "x": x,
        "v": 1.0 + rng.poisson(2.0, n),
        "w": 1.0 + rng.poisson(1.0, n),
    }


def keys(n=1_200, *, sets=False):
    rng = np.random.default_rng(5)
    made = {
        "phase": (1 + rng.integers(0, 2, n)).tolist(),
        "arm": rng.choice(ARMS, n).tolist(),
        "stratum": rng.choice(["n", "s"], n).tolist(),
    }
    return made | ({"drawn_set": (np.arange(n) // 6).tolist()} if sets else {})


def answer(source, estimators, scheme="independent"):
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(ARMS, "a"),
        weights={1: dict.fromkeys(ARMS, 1), 2: {"a": 2, "b": 1, "c": 1}},
        assigned={},
        covariates=("x",),
        estimators=estimators,
        drawing=Drawing(scheme=scheme),
    )
    found, refused = estimates(fit(source, question), question)
    assert refused == ()
    assert len(found) == 2 * len(estimators)
    return found


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert (one.estimator, one.treatment) == (other.estimator, other.treatment)
        numbers = (one.point, one.std_error, one.df, one.ci_low, one.ci_high, one.p_value)
        theirs = (
            other.point,
            other.std_error,
            other.df,
            other.ci_low,
            other.ci_high,
            other.p_value,
        )
        assert numbers == pytest.approx(theirs, rel=1e-9, abs=1e-12), one.estimator
        assert one.interval_kind == other.interval_kind
        assert [name for name, _ in one.details] == [name for name, _ in other.details]
        assert [value for _, value in one.details] == pytest.approx(
            [value for _, value in other.details], rel=1e-9
        )


def test_effects_are_those_of_arrays(make):
    made, by = columns(), keys()
    same(answer(make(made, **by), ESTIMATORS), answer(panel(made, **by), ESTIMATORS))


def test_adjusted_blocks_are_those_of_arrays(make):
    made, by = columns(), keys(sets=True)
    asked = ("blocked_cuped", "missing")
    same(answer(make(made, **by), asked, "blocks"), answer(panel(made, **by), asked, "blocks"))
