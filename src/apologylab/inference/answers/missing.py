"""Missing as an outcome: whether arms differ in how many outcomes are lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import askings
from apologylab.inference.blocks import unable
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.lost import lost
from apologylab.inference.moments import Request, select
from apologylab.inference.multiplicity import bounds, p_value
from apologylab.inference.rows import estimate, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Moments
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source

UNIT = "share of customers"


def _missing(source: Source, question: Question, asked: Asked) -> Found:
    """The share of units of which the outcome is lost, arm by arm; silent where none is."""
    names = [outcome.name for outcome in question.outcomes]
    found = dict(zip(names, source.moments([Request(lost(name)) for name in names]), strict=True))
    kept = {
        name: select(each, [cell.arm in question.arms for cell in each.cells])
        for name, each in found.items()
    }
    some = {name for name, each in kept.items() if each.products.any()}
    estimates, refusals = [], []
    for asking in askings(question, asked.text):
        if asking.outcome.name not in some:
            continue
        try:
            estimates.append(_estimate(asking, kept[asking.outcome.name]))
        except NotEstimable as error:
            refusals.append(refusal(asking, error.what))
    whole = [name for name in names if name not in some]
    notes = (f"no unit lacks {', '.join(whole)}",) if whole else ()
    return Found(estimates, refusals, notes)


def _estimate(asking: Asking, moments: Moments) -> Estimate:
    question, contrast = asking.question, asking.contrast
    refused = unable(moments, question.arms, question.weights)
    if why := [refused[arm] for arm, _ in contrast.cells if arm in refused]:
        raise NotEstimable(why[0])
    kept = [arm for arm in question.arms if arm not in refused]
    means = difference_in_means(moments, kept)
    reading = means.read(contrast)
    low, high = bounds(reading, question.alpha)
    return estimate(
        asking._replace(outcome=replace(asking.outcome, unit=UNIT)),
        of="share that lacks",
        phases=sorted({cell.phase for cell in moments.cells}),
        n=dict(zip(means.arms, means.n.tolist(), strict=True)),
        point=reading.point,
        low=low,
        high=high,
        interval="Student's t",
        reference_mean=reading.reference_mean,
        std_error=reading.std_error,
        df=reading.df,
        p_value=p_value(reading),
    )


ANSWERS: Mapping[str, Answer] = {"missing": OfPanel(answer=_missing)}
