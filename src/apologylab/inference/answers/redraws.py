"""Randomisation inference over the draws that the design could have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import answered
from apologylab.inference.estimators.randomisation import (
    Points,
    Test,
    count,
    every,
    forms,
    invert,
    redrawn,
)
from apologylab.inference.rows import estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from apologylab.design.estimators import Asked
    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source

COUNTABLE = 20_000
"""Draws up to which all are counted."""
MOST = 20_000
"""Points in two arms up to which they are drawn anew."""


def _randomisation(source: Source, question: Question, asked: Asked) -> Found:
    units = source.collect([outcome.name for outcome in question.outcomes])
    found, refused = answered(
        question, asked.text, lambda asking: [_estimate(asking, units, asked)]
    )
    return Found(found, refused)


def _estimate(asking: Asking, units: ArraySource, asked: Asked) -> Estimate:
    weights = dict(asking.contrast.cells)
    if sorted(weights.values()) != [-1.0, 1.0]:
        raise NotEstimable("the arms are drawn anew between two arms only")
    ((reference, _), (treatment, _)) = sorted(weights.items(), key=lambda each: each[1])
    points = _points(asking, units, treatment, reference)
    studentised = asked.word("statistic") == "studentised"
    found = _test(points, asked, alpha=asking.question.alpha, studentised=studentised)
    drawn = "counted" if found.exact else "drawn at random"
    mean = _mean(points, ~points.treated)
    return estimate(
        asking,
        of="mean",
        who="units, were it one effect on every unit",
        phases=sorted({cell.phase for cell in units.cells}),
        n={
            treatment: int(points.units[points.treated].sum()),
            reference: int(points.units[~points.treated].sum()),
        },
        point=found.point,
        low=found.low,
        high=found.high,
        interval=f"randomisation, {asked.word('statistic')}, {found.draws:,} draws {drawn}",
        p_value=found.p_value,
        reference_mean=mean,
        details=(("draws that the design could have made", _written(count(points))),),
    )


def _test(points: Points, asked: Asked, *, alpha: float, studentised: bool) -> Test:
    exact = (count(points) or COUNTABLE + 1) <= COUNTABLE
    if not exact and len(points.total) > MOST:
        raise NotEstimable(
            f"{len(points.total):,} units are drawn anew up to {MOST:,} only",
            do="ask for an estimator whose error is of large samples",
        )
    rng = np.random.default_rng(int(asked.number("seed")))
    drawn = every(points) if exact else redrawn(points, rng, int(asked.number("draws")))
    return invert(forms(points, drawn, studentised=studentised), alpha=alpha, exact=exact)


def _points(asking: Asking, units: ArraySource, treatment: str, reference: str) -> Points:
    """The two arms' units as they were drawn; missing outcomes left out."""
    y = units.columns[asking.outcome.name]
    phases = sorted({cell.phase for cell in units.cells})
    arm = np.array([cell.arm for cell in units.cells])[units.code]
    phase = np.array([phases.index(cell.phase) for cell in units.cells])[units.code]
    has = np.isfinite(y) & np.isin(arm, asking.question.arms)
    share = np.bincount(phase[has], minlength=len(phases)) / max(has.sum(), 1)
    mine = has & np.isin(arm, [treatment, reference])
    treated = arm[mine] == treatment
    sets, scheme = units.drawn_set, asking.question.drawing.scheme
    blocks = scheme == "blocks" and sets is not None
    points = Points(
        total=y[mine],
        units=np.ones(int(mine.sum())),
        treated=treated,
        phase=phase[mine],
        share=share,
        exchange=sets[mine] if blocks and sets is not None else phase[mine],
        by_block=blocks,
    )
    if scheme == "clusters" and sets is not None:
        points = _clustered(points, sets[mine])
    _refuse_few(asking, points, phases, (treatment, reference))
    return points


def _clustered(units: Points, sets: NDArray[np.intp]) -> Points:
    """Each cluster as a point; ``sets`` (n,) are the units' clusters."""
    _, first, group = np.unique(sets, return_index=True, return_inverse=True)
    return units._replace(
        total=np.bincount(group, units.total).astype(np.float64),
        units=np.bincount(group).astype(np.float64),
        treated=units.treated[first],
        phase=units.phase[first],
        exchange=units.phase[first],
    )


def _refuse_few(asking: Asking, points: Points, phases: list[int], arms: tuple[str, str]) -> None:
    """Each arm has two points in every phase, in which it is drawn."""
    for i, number in enumerate(phases):
        for arm, mine in zip(arms, (points.treated, ~points.treated), strict=True):
            if not asking.question.weights.get(number, {}).get(arm, 0):
                raise NotEstimable(f"{arm} is not drawn in phase {number}")
            if (n := int((mine & (points.phase == i)).sum())) < 2:
                what = "clusters" if asking.question.drawing.scheme == "clusters" else "units"
                raise NotEstimable(f"{arm} has {n} {what} in phase {number}: two are needed")


def _mean(points: Points, mine: NDArray[np.bool_]) -> float:
    """The arm's mean, phases weighted by their shares."""
    place = points.phase[mine]
    total = np.bincount(place, points.total[mine], len(points.share))
    return float(points.share @ (total / np.bincount(place, points.units[mine])))


def _written(number: int | None) -> str:
    return "more than 10^9" if number is None else f"{number:,}"


ANSWERS: Mapping[str, Answer] = {"randomisation": OfPanel(answer=_randomisation)}
