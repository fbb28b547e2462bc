"""Survival, effects by week and subgroups, through the same code as ``analyse``.

Times to an event are drawn here, and of the world only its sizes are used: hazards are constant,
0.05 a day without the remedy and 0.035 with it; 0.01 a day end otherwise; units are followed for 20
to 60 days; times are whole days, rounded up, so that ties are many.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from cells import STANDARD, Case, Trial, two_arms

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.survival.counts import Timed
from apologylab.inference.times import Lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cells import Floats, World

    from apologylab.inference.results import Estimate

CELLS = (Cell(1, 1, "basic", ""), Cell(1, 1, "silence", ""))
HAZARD, TREATED, OTHER = 0.05, 0.035, 0.01
DAY = 14.0
WEEKS = tuple(f"y:week{i}" for i in range(1, 5))
SHARES = np.array([0.4, 0.3, 0.2, 0.1])


class Truth(NamedTuple):
    """The value under each hazard that an estimator is after."""

    untreated: float
    treated: float


def _asked(estimator: str) -> Question:
    return Question(
        outcomes=(Measured(name="y", role="primary", unit="", weeks=WEEKS),),
        arm_contrasts=against(("silence", "basic"), "silence"),
        weights={1: {"silence": 1, "basic": 1}},
        assigned={},
        covariates=("x",) if "adjusted" in estimator else (),
        estimators=(estimator,),
        times=(Lasting(name="t", role="primary", timed=Timed("t", "t:end"), ends=("closed",)),),
        subgroups={"s": ("a", "b")},
    )


def _answered(
    estimator: str, columns: dict[str, Floats], sizes: tuple[int, int]
) -> Sequence[Estimate]:
    question = _asked(estimator)
    panel = ArraySource(columns=columns, cells=CELLS, code=np.repeat([0, 1], sizes))
    found, refused = estimates(fit(panel, question), question)
    assert not refused, refused
    return found


def _lasting(
    rng: np.random.Generator, world: World, treated: float, other: float
) -> tuple[dict[str, Floats], tuple[int, int]]:
    """Times of both arms: the columns, and the sizes of treatment and reference."""
    sizes = (world.treatment, world.reference)
    n = sum(sizes)
    x = rng.normal(size=n)
    hazard = np.repeat([treated, HAZARD], sizes)
    event = rng.exponential(size=n) / hazard
    ended = rng.exponential(size=n) / other if other else np.full(n, np.inf)
    followed = rng.uniform(20, 60, n)
    last = np.minimum(np.minimum(event, ended), followed)
    kind = np.select([event <= last, ended <= last], [1.0, 2.0], 0.0)
    return {"t": np.ceil(last), "t:end": kind, "y": last, "x": x}, sizes


def _of_time(
    estimator: str, truth: float | None, other: float, rng: np.random.Generator, world: World
) -> Trial:
    with_effect = _answered(estimator, *_lasting(rng, world, TREATED, other))[0]
    without = _answered(estimator, *_lasting(rng, world, HAZARD, other))[0]
    assert without.p_value is not None
    inside = None if truth is None else with_effect.ci_low <= truth <= with_effect.ci_high
    return Trial(inside, without.p_value <= 0.05)


def _by_week(rng: np.random.Generator, world: World) -> Trial:
    """The band holds the effects of all four weeks; any week's adjusted p is an alarm."""

    def one(null: bool) -> Sequence[Estimate]:
        arms = two_arms(rng, world, null=null)
        y = np.append(arms.y1, arms.y0)
        noise = np.exp(0.5 * rng.normal(size=(4, len(y))) - 0.125)
        weeks = dict(zip(WEEKS, SHARES[:, None] * y * noise, strict=True))
        return _answered("by_week", {"y": y, **weeks}, (len(arms.y1), len(arms.y0)))

    pairs = zip(one(null=False), SHARES * world.effect, strict=True)
    held = all(each.ci_low <= truth <= each.ci_high for each, truth in pairs)
    smallest = min(p for each in one(null=True) if (p := each.p_adjusted) is not None)
    return Trial(held, smallest <= 0.05)


def _subgroups(rng: np.random.Generator, world: World) -> Trial:
    """The remedy does the same to both halves: their difference is 0."""
    arms = two_arms(rng, world)
    y = np.append(arms.y1, arms.y0)
    half = (rng.uniform(size=len(y)) < 0.5).astype(float)
    columns = {"y": y, "s=a": half, "s=b": 1 - half}
    found = _answered("subgroups", columns, (len(arms.y1), len(arms.y0)))
    (difference,) = [each for each in found if each.p_value is not None]
    held = difference.ci_low <= 0 <= difference.ci_high
    return Trial(held, float(dict(difference.details)["its p"]) <= 0.05)


def _survives(rate: float) -> float:
    return float(np.exp(-rate * DAY))


def _area(rate: float) -> float:
    """Of days rounded up: the sum of exp(-rate j) over the 14 days."""
    return float(np.exp(-rate * np.arange(int(DAY))).sum())


def _share(rate: float) -> float:
    whole = rate + OTHER
    return float(rate / whole * (1 - np.exp(-whole * DAY)))


LOG_RATIO = float(np.log(TREATED / HAZARD))
MORE = "more units, or an earlier day"

CASES: tuple[Case, ...] = (
    Case(
        "kaplan_meier(at=14)", MORE, STANDARD,
        partial(_of_time, "kaplan_meier(at=14)", _survives(TREATED) - _survives(HAZARD), 0.0),
    ),
    Case(
        "rmst(at=14)", "rmst(error=corrected)", STANDARD,
        partial(_of_time, "rmst(at=14)", _area(TREATED) - _area(HAZARD), 0.0),
    ),
    Case(
        "aalen_johansen(at=14)", MORE, STANDARD,
        partial(_of_time, "aalen_johansen(at=14)", _share(TREATED) - _share(HAZARD), OTHER),
    ),
    Case(
        "kaplan_meier(at=14, interval=plain)", "kaplan_meier", STANDARD,
        partial(
            _of_time, "kaplan_meier(at=14, interval=plain)",
            _survives(TREATED) - _survives(HAZARD), 0.0,
        ),
    ),
    Case(
        "rmst(at=14, error=corrected)", MORE, STANDARD,
        partial(
            _of_time, "rmst(at=14, error=corrected)", _area(TREATED) - _area(HAZARD), 0.0
        ),
    ),
    Case("log_rank", "cox(errors=robust)", STANDARD, partial(_of_time, "log_rank", None, OTHER)),
    Case("cox", "rmst", STANDARD, partial(_of_time, "cox", LOG_RATIO, OTHER)),
    Case(
        "cox(errors=robust)", "cox", STANDARD,
        partial(_of_time, "cox(errors=robust)", LOG_RATIO, OTHER),
    ),
    Case(
        "cox_adjusted", "cox", STANDARD, partial(_of_time, "cox_adjusted", LOG_RATIO, OTHER),
    ),
    Case(
        "by_week", "winsorised weeks, or fewer of them", STANDARD, _by_week,
    ),
    Case("subgroups", "fewer subgroups", STANDARD, _subgroups),
)  # fmt: skip
