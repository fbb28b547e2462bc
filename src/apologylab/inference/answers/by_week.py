"""Effects by week since the incident, from the moments of an outcome's weekly columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.blocks import unable
from apologylab.inference.estimators.by_week import Path, by_week
from apologylab.inference.many.max_t import Group, critical_values, single_step
from apologylab.inference.moments import Request, select, units_by_arm
from apologylab.inference.rows import Asking, estimate, refusal
from apologylab.inference.special import stdtr

if TYPE_CHECKING:
    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Moments
    from apologylab.inference.question import Measured, Question
    from apologylab.inference.results import Estimate, Refusal
    from apologylab.inference.source import Source


def _by_week(source: Source, question: Question, asked: Asked) -> Found:
    outcomes = [each for each in question.outcomes if each.weeks]
    if not outcomes:
        raise InputError(
            f"{asked.text} needs an outcome that is measured by week and none is",
            do="declare weekly = true on an outcome of a ledger, or weeks = [columns] on a file's",
        )
    moments = source.moments([Request(each.weeks[0], each.weeks[1:]) for each in outcomes])
    estimates: list[Estimate] = []
    refusals: list[Refusal] = []
    for outcome, each in zip(outcomes, moments, strict=True):
        kept = select(each, [cell.arm in question.arms for cell in each.cells])
        refused = _refused(kept, question)
        for kind, contrast in question.contrasts:
            asking = Asking(question, outcome, kind, contrast, asked.text)
            why = [refused[arm] for arm, _ in contrast.cells if arm in refused]
            path = None if why else _path(kept, asking, asked)
            if path is None or not (np.diag(path.covariance) > 0).all():
                because = why[0] if why else "in some week nobody's outcome varies"
                refusals.append(refusal(asking, because))
            else:
                estimates += _rows(kept, asking, path, asked)
    return Found(estimates, refusals)


def _refused(moments: Moments, question: Question) -> dict[str, str]:
    if np.isnan(moments.sums).any():
        why = "some units have the outcome of some weeks and lack that of others"
        return dict.fromkeys(question.arms, why)
    return unable(moments, question.arms, question.weights)


def _path(moments: Moments, asking: Asking, asked: Asked) -> Path:
    cumulative = asked.word("weeks") == "cumulative"
    return by_week(moments, dict(asking.contrast.cells), cumulative=cumulative)


def _rows(moments: Moments, asking: Asking, path: Path, asked: Asked) -> Iterator[Estimate]:
    """A row for every week, with the band and the p that hold for all of them."""
    error = np.sqrt(np.diag(path.covariance))
    weeks, df = len(error), np.full(len(error), path.df)
    group = [Group(tuple(range(weeks)), path.correlation())]
    reach = critical_values(df, group, asking.question.alpha) * error
    adjusted = single_step(path.d / error, df, group)
    own = 2 * stdtr(path.df, -np.abs(path.d / error))
    n = units_by_arm(moments)
    for i in range(weeks):
        row = estimate(
            asking._replace(outcome=_named(asking.outcome, i + 1, asked)),
            of="mean",
            phases=sorted({cell.phase for cell in moments.cells}),
            n=n,
            point=float(path.d[i]),
            std_error=float(error[i]),
            df=path.df,
            low=float(path.d[i] - reach[i]),
            high=float(path.d[i] + reach[i]),
            interval="",
            p_value=float(own[i]),
            reference_mean=float(path.reference[i]),
        )
        yield replace(
            row,
            p_adjusted=float(adjusted[i]),
            family=f"{row.family}, {weeks} weeks of one contrast, single-step max-t",
            interval_kind=f"simultaneous {100 * row.level:g}% over {weeks} weeks (sup-t band)",
        )


def _named(outcome: Measured, week: int, asked: Asked) -> Measured:
    upto = asked.word("weeks") == "cumulative" and week > 1
    return replace(outcome, name=f"{outcome.name}, week{'s 1 to' if upto else ''} {week}")


ANSWERS: Mapping[str, Answer] = {"by_week": OfPanel(answer=_by_week)}
