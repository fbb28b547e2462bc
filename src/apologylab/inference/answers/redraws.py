"""Randomisation inference over the draws that the design could have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import answered
from apologylab.inference.blocks import Block
from apologylab.inference.estimators.randomisation import (
    Points,
    count,
    every,
    forms,
    invert,
    redrawn,
)
from apologylab.inference.redraw import Rule, anew
from apologylab.inference.rows import estimate
from apologylab.inference.sets import DRAWN_AT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from apologylab.design.estimators import Asked
    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.moments import Cell
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.scheme_checks import Scheme
    from apologylab.inference.source import Source

COUNTABLE = 20_000
"""Draws up to which all are counted."""
MOST = 20_000
"""Points in two arms up to which they are drawn anew."""


def _randomisation(source: Source, question: Question, asked: Asked) -> Found:
    order = [DRAWN_AT] if question.drawing.scheme == "minimisation" else []
    units = source.collect([*(outcome.name for outcome in question.outcomes), *order])
    found, refused = answered(
        question, asked.text, lambda asking: [_estimate(asking, units, asked)]
    )
    return Found(found, refused)


def _estimate(asking: Asking, units: ArraySource, asked: Asked) -> Estimate:
    weights = dict(asking.contrast.cells)
    if sorted(weights.values()) != [-1.0, 1.0]:
        raise NotEstimable("the arms are drawn anew between two arms only")
    ((reference, _), (treatment, _)) = sorted(weights.items(), key=lambda each: each[1])
    mine = _mine(asking, units, treatment, reference)
    points = _points(asking, units, mine, (treatment, reference))
    drawn, exact = _drawn(asking, units, mine, points, asked, treatment)
    of = forms(points, drawn, studentised=asked.word("statistic") == "studentised")
    found = invert(of, alpha=asking.question.alpha, exact=exact)
    how = "counted" if found.exact else "drawn at random"
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
        interval=f"randomisation, {asked.word('statistic')}, {found.draws:,} draws {how}",
        p_value=found.p_value,
        reference_mean=mean,
        details=_told(asking, points),
    )


def _drawn(
    asking: Asking,
    units: ArraySource,
    mine: NDArray[np.bool_],
    points: Points,
    asked: Asked,
    treatment: str,
) -> tuple[NDArray[np.bool_], bool]:
    """The draw that was made and others, (r, g), and whether these are all."""
    if len(points.total) > MOST:
        raise NotEstimable(
            f"{len(points.total):,} units are drawn anew up to {MOST:,} only",
            do="ask for an estimator whose error is of large samples",
        )
    rng, draws = np.random.default_rng(int(asked.number("seed"))), int(asked.number("draws"))
    if asking.question.drawing.scheme == "minimisation":
        again = _minimised(asking.question, units, treatment, rng, draws)[:, mine]
        return np.concatenate([points.treated[None, :], again]), False
    if (count(points) or COUNTABLE + 1) <= COUNTABLE:
        return every(points), True
    return redrawn(points, rng, draws), False


def _minimised(
    question: Question, units: ArraySource, treatment: str, rng: np.random.Generator, draws: int
) -> NDArray[np.bool_]:
    """Whether each unit is in the treatment, when minimisation is run again, (draws, n)."""
    phase = np.array([cell.phase for cell in units.cells])[units.code]
    drawn = np.zeros((draws, len(phase)), dtype=bool)
    for number, order in question.drawing.order.items():
        rule = Rule(question.weights.get(number, {}), question.drawing.coin)
        if len(rule.arms) != 2:
            raise NotEstimable(
                f"minimisation between {len(rule.arms)} arms is drawn anew for all of them at "
                "once: what two of them would have had is not known"
            )
        again = np.stack(
            [arms == rule.arms.index(treatment) for arms in anew(order, rule, rng, draws)]
        )
        rows = phase == number
        drawn[:, rows] = again[np.searchsorted(order.units, units.columns[DRAWN_AT][rows])].T
    return drawn


def _mine(asking: Asking, units: ArraySource, treatment: str, reference: str) -> NDArray[np.bool_]:
    """Which units are in the two arms and have the outcome, (n,)."""
    arm = np.array([cell.arm for cell in units.cells])[units.code]
    has = np.isfinite(units.columns[asking.outcome.name])
    return has & np.isin(arm, [treatment, reference])


def _points(
    asking: Asking, units: ArraySource, mine: NDArray[np.bool_], arms: tuple[str, str]
) -> Points:
    """The two arms' units as they were drawn; missing outcomes left out."""
    y = units.columns[asking.outcome.name]
    sets, scheme = units.drawn_set, asking.question.drawing.scheme
    of_cell = [_drawn_in(cell, scheme) for cell in units.cells]
    listed = sorted(set(of_cell))
    arm = np.array([cell.arm for cell in units.cells])[units.code]
    phase = np.array([listed.index(each) for each in of_cell])[units.code]
    has = np.isfinite(y) & np.isin(arm, asking.question.arms)
    blocks = scheme == "blocks" and sets is not None
    points = Points(
        total=y[mine],
        units=np.ones(int(mine.sum())),
        treated=arm[mine] == arms[0],
        phase=phase[mine],
        share=np.bincount(phase[has], minlength=len(listed)) / max(has.sum(), 1),
        exchange=sets[mine] if blocks and sets is not None else phase[mine],
        by_block=blocks,
    )
    if scheme == "clusters" and sets is not None:
        points = _clustered(points, sets[mine])
    _refuse_few(asking, points, listed, arms)
    return points


def _drawn_in(cell: Cell, scheme: Scheme) -> Block:
    """Within what the arms of a cell's units were drawn: a phase, or a stratum of it."""
    return Block(0, cell.phase, cell.stratum if scheme == "independent" else "")


def _clustered(units: Points, sets: NDArray[np.intp]) -> Points:
    """Each cluster as a point; ``sets`` (n,) are the units' clusters.

    Raises:
        NotEstimable: a cluster has units in both arms.
    """
    _, first, group = np.unique(sets, return_index=True, return_inverse=True)
    if (units.treated != units.treated[first][group]).any():
        raise NotEstimable("some clusters have units in both arms: they were not drawn as clusters")
    return units._replace(
        total=np.bincount(group, units.total).astype(np.float64),
        units=np.bincount(group).astype(np.float64),
        treated=units.treated[first],
        phase=units.phase[first],
        exchange=units.phase[first],
    )


def _refuse_few(
    asking: Asking, points: Points, drawn_in: list[Block], arms: tuple[str, str]
) -> None:
    """Each arm has two points in everything within which it is drawn."""
    for i, block in enumerate(drawn_in):
        for arm, mine in zip(arms, (points.treated, ~points.treated), strict=True):
            if not asking.question.weights.get(block.phase, {}).get(arm, 0):
                raise NotEstimable(f"{arm} is not drawn in phase {block.phase}")
            if (n := int((mine & (points.phase == i)).sum())) < 2:
                what = "cluster" if asking.question.drawing.scheme == "clusters" else "unit"
                raise NotEstimable(
                    f"{arm} has {n} {what}{'s' * (n != 1)} in {block}: two are needed"
                )


def _mean(points: Points, mine: NDArray[np.bool_]) -> float:
    """The arm's mean, what it was drawn in weighted by shares."""
    place = points.phase[mine]
    total = np.bincount(place, points.total[mine], len(points.share))
    return float(points.share @ (total / np.bincount(place, points.units[mine])))


def _told(asking: Asking, points: Points) -> tuple[tuple[str, str], ...]:
    if asking.question.drawing.scheme == "minimisation":
        return ()
    number = count(points)
    ways = "more than 10^9" if number is None else f"{number:,}"
    return (("draws that the design could have made", ways),)


ANSWERS: Mapping[str, Answer] = {"randomisation": OfPanel(answer=_randomisation)}
