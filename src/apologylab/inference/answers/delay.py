"""The effect of the delay achieved, among arms of the same content and different assigned delay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.design.contrasts import Contrast
from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.derived import Linear
from apologylab.inference.estimators.delay import Cells, Response, moved, rates_differ, response
from apologylab.inference.moments import Floats, Moments, Request, cell_means, cell_scatters
from apologylab.inference.rows import Asking, estimate, refusal

if TYPE_CHECKING:
    from apologylab.design.arms import Arm
    from apologylab.design.estimators import Asked
    from apologylab.design.layout import Layout
    from apologylab.inference.moments import Cell
    from apologylab.inference.question import Measured, Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.source import Source

Weights = tuple[tuple[str, float], ...]
DIFFER = 0.05
"""Below this p of equal delivery the effect is refused: those reached would differ by timing."""
NOTE = (
    "{text}: per hour of delay achieved, a weighted average causal response (Angrist and Imbens "
    "1995) over units reached whose delay the assignment moved, arms of the same content compared; "
    "it takes for granted that the assigned delay acts through the achieved one alone and does not "
    "change who is reached"
)


class _Reached(NamedTuple):
    """Moments of one outcome over all units, and of outcome and delay over those reached."""

    all: Moments
    reached: Moments


def _delay(source: Source, question: Question, asked: Asked) -> Found:
    column = asked.word("column")
    names = {outcome.name: f"{outcome.name} if reached" for outcome in question.outcomes}
    wider = source.derive(
        {made: Linear(terms=((name, 1.0), (column, 0.0))) for name, made in names.items()}
    )
    requests = [Request(name) for name in names]
    requests += [Request(made, (column,)) for made in names.values()]
    moments = wider.moments(requests)
    pairs = zip(moments[: len(names)], moments[len(names) :], strict=True)
    rows, refusals = [], []
    for outcome, pair in zip(question.outcomes, pairs, strict=True):
        try:
            rows.append(_row(question, asked, outcome, _Reached(*pair)))
        except NotEstimable as error:
            asking = _asking(question, asked, outcome, question.arm_contrasts[0].cells)
            refusals.append(refusal(asking, error.what))
    return Found(rows, refusals, (NOTE.format(text=asked.text),) if rows else ())


class _Fitted(NamedTuple):
    """The cells of those reached, what was made of them, and how far delivery rates differ."""

    listed: Sequence[Cell]
    cells: Cells
    found: Response
    p: float
    widest: float


def _fit(question: Question, asked: Asked, moments: _Reached) -> _Fitted:
    groups = _groups(question.layout, asked.word("factor"), moments.all.cells)
    number = np.array(list(groups.values()), dtype=np.intp)
    p, widest = rates_differ(number, *_counts(moments, groups))
    if p < DIFFER:
        raise NotEstimable(
            f"delivery rates differ between the delays by up to {100 * widest:.1f} points "
            f"(p {p:.2g}): those reached are not the same customers"
        )
    reached = moments.reached
    rows = [i for i, n in enumerate(reached.n) if reached.cells[i] in groups and n > 1]
    listed = [reached.cells[i] for i in rows]
    cells = _cells(reached, rows, [groups[cell] for cell in listed])
    return _Fitted(listed, cells, response(cells, alpha=question.alpha), p, widest)


def _row(question: Question, asked: Asked, outcome: Measured, moments: _Reached) -> Estimate:
    listed, cells, found, p, widest = _fit(question, asked, moments)
    units = Counter[str]()
    for cell, n in zip(listed, cells.n.tolist(), strict=True):
        units[cell.arm] += int(n)
    row = estimate(
        _asking(question, asked, outcome, _weights(listed, cells)),
        of="mean, per hour of delay achieved, of",
        who="units reached whose delay the assignment moved",
        principle="two-stage least squares",
        phases=sorted({cell.phase for cell in listed}),
        n=units,
        point=found.point,
        std_error=found.std_error,
        df=found.df,
        low=found.low,
        high=found.high,
        interval="Anderson-Rubin, for the first stage is weak" if found.weak else "2SLS, HC2",
        p_value=found.p_value,
        reference_mean=float(cells.n @ cells.y / cells.n.sum()),
        details=(
            ("first-stage F", found.first_stage),
            ("widest difference in delivery, points", 100 * widest),
            ("equal delivery, p", p),
        ),
    )
    return replace(row, smallest_detectable=None) if found.weak else row


def _groups(layout: Layout | None, factor: str, cells: tuple[Cell, ...]) -> dict[Cell, int]:
    """Cell -> number of its block and content, of arms that were assigned a delay."""
    if layout is None or factor not in layout.factors:
        raise NotEstimable(f"the arms have no factor {factor!r}, so none was assigned a delay")
    if factor not in layout.values:
        odd = ", ".join(layout.factors[factor])
        raise NotEstimable(f"{factor} has levels that are no delays ({odd}), such as a next visit")
    by_name = {arm.name: arm for arm in layout.arms if arm.levels}
    keys = {
        cell: (cell.version, cell.phase, cell.stratum, _content(by_name[cell.arm], factor))
        for cell in cells
        if cell.arm in by_name
    }
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys.values()))}
    return {cell: numbers[key] for cell, key in keys.items()}


def _content(arm: Arm, factor: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in arm.levels.items() if pair[0] != factor)


def _counts(moments: _Reached, groups: Mapping[Cell, int]) -> tuple[Floats, Floats]:
    """Units and units reached of each cell, (c,) each."""
    n = dict(zip(moments.all.cells, moments.all.n.tolist(), strict=True))
    reached = dict(zip(moments.reached.cells, moments.reached.n.tolist(), strict=True))
    return (
        np.array([n[cell] for cell in groups], dtype=np.float64),
        np.array([reached.get(cell, 0) for cell in groups], dtype=np.float64),
    )


def _cells(reached: Moments, rows: Sequence[int], group: Sequence[int]) -> Cells:
    means, scatters = cell_means(reached)[rows], cell_scatters(reached)[rows]
    if not np.isfinite(scatters).all():
        raise NotEstimable("an outcome or a delay is not finite")
    return Cells(
        group=np.array(group, dtype=np.intp),
        n=reached.n[rows].astype(np.float64),
        y=means[:, 0],
        d=means[:, 1],
        yy=scatters[:, 0, 0],
        dd=scatters[:, 1, 1],
        yd=scatters[:, 0, 1],
    )


def _weights(listed: Sequence[Cell], cells: Cells) -> Weights:
    """How arms weigh in the numerator of b, as a difference of two means."""
    found: dict[str, float] = {}
    for cell, weight in zip(listed, (cells.n * moved(cells)).tolist(), strict=True):
        found[cell.arm] = found.get(cell.arm, 0.0) + weight
    above = sum(weight for weight in found.values() if weight > 0)
    return tuple((arm, weight / above) for arm, weight in found.items() if weight)


def _asking(question: Question, asked: Asked, outcome: Measured, cells: Weights) -> Asking:
    contrast = Contrast(
        name=f"an hour more of {asked.word('factor')}, achieved",
        treatment="an hour later",
        reference="as it was",
        cells=cells,
    )
    return Asking(question, outcome, "contrast", contrast, asked.text)


ANSWERS: Mapping[str, Answer] = {"delay": OfPanel(answer=_delay)}
