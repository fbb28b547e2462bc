"""Who gains: best linear predictor, sorted groups and rank_weighted, of two arms at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import answered
from apologylab.inference.heterogeneity.best_linear import best_linear, sorted_groups
from apologylab.inference.heterogeneity.judged import Judged, Median, Number, halves, median
from apologylab.inference.heterogeneity.learners import LEARNERS, Half
from apologylab.inference.heterogeneity.rank_weighted import Target, rank_weighted
from apologylab.inference.rows import estimate

if TYPE_CHECKING:
    from apologylab.design.estimators import Asked
    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source

LEAST = 50
"""Units an arm, at least: a quarter of them are learned from and a quarter judged."""


class Told(NamedTuple):
    """What is read off each half, and of each number the estimand's words and the row's name.

    ``units`` are of rows that are not in the outcome's unit.
    """

    judge: Callable[[Judged], Sequence[Number]]
    rows: Sequence[tuple[str, str]]
    units: Mapping[str, str] = MappingProxyType({})


class TwoArms(NamedTuple):
    """The units of a contrast's arms, how many are in each, and their phases."""

    whole: Half
    n: Mapping[str, int]
    phases: Sequence[int]


def _answer(told: Callable[[Asked], Told]) -> OfPanel:
    def answer(source: Source, question: Question, asked: Asked) -> Found:
        names = [*(outcome.name for outcome in question.outcomes), *question.covariates]
        units = source.collect(names)
        found, refused = answered(
            question, asked.text, lambda asking: _rows(asking, units, asked, told(asked))
        )
        return Found(found, refused)

    return OfPanel(answer=answer)


def _rows(asking: Asking, units: ArraySource, asked: Asked, told: Told) -> list[Estimate]:
    both = _two_arms(asking, units)
    rng, learner = np.random.default_rng(int(asked.number("seed"))), asked.word("learner")
    judged = halves(both.whole, LEARNERS[learner], splits=int(asked.number("splits")), rng=rng)
    numbers = [told.judge(half) for half in judged]
    how = f"medians over {len(numbers)} halves, normal in each"
    rows = []
    for (of, name), of_halves in zip(told.rows, zip(*numbers, strict=True), strict=True):
        row = _row(asking, both, of, median(of_halves, asking.question.alpha), how)
        rows.append(
            replace(
                row,
                treatment=f"{row.treatment}, {name}",
                name=f"{row.name}, {name}",
                unit=told.units.get(name, row.unit),
                family=f"{row.family}, who gains",
                details=(("learner", learner),),
            )
        )
    return rows


def _row(asking: Asking, both: TwoArms, of: str, found: Median, how: str) -> Estimate:
    return estimate(
        asking,
        of=of,
        who="units, by a guess that other units gave",
        phases=both.phases,
        n=both.n,
        point=found.point,
        low=found.low,
        high=found.high,
        interval=how,
        p_value=found.p_value,
        reference_mean=float(both.whole.y[~both.whole.treated].mean()),
    )


def _two_arms(asking: Asking, units: ArraySource) -> TwoArms:
    """The units of a contrast's two arms that have the outcome, with known propensities."""
    weights = dict(asking.contrast.cells)
    if sorted(weights.values()) != [-1.0, 1.0]:
        raise NotEstimable("who gains is asked of two arms only")
    ((reference, _), (treatment, _)) = sorted(weights.items(), key=lambda each: each[1])
    planned = asking.question.weights
    share = np.array([_share(planned.get(c.phase, {}), treatment, reference) for c in units.cells])
    arm = np.array([cell.arm for cell in units.cells])[units.code]
    y = units.columns[asking.outcome.name]
    mine = np.isin(arm, [treatment, reference]) & ~np.isnan(y)
    X = np.column_stack([units.columns[name] for name in asking.question.covariates])[mine]
    half = Half(X, y[mine], arm[mine] == treatment, share[units.code[mine]])
    n = {treatment: int(half.treated.sum()), reference: int((~half.treated).sum())}
    _refuse(half, n)
    phases = sorted({units.cells[i].phase for i in np.unique(units.code[mine])})
    return TwoArms(half, n, phases)


def _share(planned: Mapping[str, int], treatment: str, reference: str) -> float:
    """The chance of the treatment among the two arms, in one phase (R3)."""
    both = planned.get(treatment, 0) + planned.get(reference, 0)
    return planned.get(treatment, 0) / both if both else float("nan")


def _refuse(half: Half, n: Mapping[str, int]) -> None:
    if short := [arm for arm, units in n.items() if units < LEAST]:
        raise NotEstimable(f"{n[short[0]]} units of {short[0]} are too few: {LEAST} are needed")
    if not np.isfinite(half.y).all() or not np.isfinite(half.X).all():
        raise NotEstimable("an outcome or a covariate is missing or not finite for some units")
    if not ((half.propensity > 0) & (half.propensity < 1)).all():
        raise NotEstimable("some units were in a phase that does not draw both arms")


def _best_linear(_: Asked) -> Told:
    words = ("average effect on", "average"), ("slope on its guess of the effect on", "slope")
    return Told(best_linear, words, {"slope": "per unit of the guess"})


def _sorted(asked: Asked) -> Told:
    groups = int(asked.number("groups"))
    words = [
        (f"effect in group {k} of {groups} by guessed effect, least first, on", f"group {k}")
        for k in range(1, groups + 1)
    ]
    last = f"group {groups} less group 1"
    words.append((f"effect in {last}, by guessed effect, on", last))

    def judge(half: Judged) -> Sequence[Number]:
        found = sorted_groups(half, groups)
        return (*found.groups, found.spread)

    return Told(judge, words)


def _rank_weighted(asked: Asked) -> Told:
    area = cast("Target", asked.word("area"))
    name = {"autoc": "AUTOC", "qini": "Qini"}[area]
    of = f"{name} of choosing by the guessed effect, of the effect on"
    return Told(lambda half: (rank_weighted(half, area),), ((of, name),))


ANSWERS: Mapping[str, Answer] = {
    "best_linear_predictor": _answer(_best_linear),
    "sorted_groups": _answer(_sorted),
    "rank_weighted": _answer(_rank_weighted),
}
