"""Missing as an outcome: whether arms differ in how many outcomes are lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.inference.answer import Answer, Fit, Found, OfPanel
from apologylab.inference.askings import answered, means_for
from apologylab.inference.blocks import unable
from apologylab.inference.estimators.blocked import blocked
from apologylab.inference.estimators.clustered import clustered
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.lost import lost
from apologylab.inference.moments import Request, select
from apologylab.inference.multiplicity import bounds, p_value
from apologylab.inference.rows import estimate
from apologylab.inference.sets import too_few

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Moments
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source

UNIT = "share of customers"
BETWEEN: Mapping[str, str] = {
    "blocks": ", error between blocks",
    "clusters": ", error between clusters (CR2)",
}


def _missing(source: Source, question: Question, asked: Asked) -> Found:
    """The share of units of which the outcome is lost, arm by arm; silent where none is."""
    names = [outcome.name for outcome in question.outcomes]
    found = source.moments([Request(lost(name)) for name in names])
    kept = {
        name: select(each, [cell.arm in question.arms for cell in each.cells])
        for name, each in zip(names, found, strict=True)
    }
    some = [outcome for outcome in question.outcomes if kept[outcome.name].products.any()]
    fits = {each.name: _fit(source, question, kept[each.name]) for each in some}
    whole = ", ".join(name for name in names if name not in fits)
    notes = (f"no unit lacks {whole}",) if whole else ()
    if not some:
        return Found(notes=notes)

    def one(asking: Asking) -> list[Estimate]:
        name = asking.outcome.name
        return [_estimate(asking, fits[name], kept[name])]

    return Found(*answered(replace(question, outcomes=tuple(some)), asked.text, one), notes)


def _fit(source: Source, question: Question, moments: Moments) -> Fit:
    """Means of what is lost, with the errors of how units were drawn."""
    arms, scheme = question.arms, question.drawing.scheme
    if scheme not in BETWEEN:
        refused = unable(moments, arms, question.weights)
        kept = [arm for arm in arms if arm not in refused]
        return Fit(difference_in_means(moments, kept) if kept else None, refused)
    (totals,) = source.set_totals(moments.columns)
    formula = blocked if scheme == "blocks" else clustered
    refused = too_few(totals, arms, question.weights, of_one_arm=scheme == "clusters")
    kept = [arm for arm in arms if arm not in refused]
    return Fit(formula(totals, kept) if kept else None, refused)


def _estimate(asking: Asking, fit: Fit, moments: Moments) -> Estimate:
    means = means_for(fit, asking.contrast)
    reading = means.read(asking.contrast)
    low, high = bounds(reading, asking.question.alpha)
    return estimate(
        asking._replace(outcome=replace(asking.outcome, unit=UNIT)),
        of="share that lacks",
        phases=sorted({cell.phase for cell in moments.cells}),
        n=dict(zip(means.arms, means.n.tolist(), strict=True)),
        point=reading.point,
        low=low,
        high=high,
        interval=f"Student's t{BETWEEN.get(asking.question.drawing.scheme, '')}",
        reference_mean=reading.reference_mean,
        std_error=reading.std_error,
        df=reading.df,
        p_value=p_value(reading),
    )


ANSWERS: Mapping[str, Answer] = {"missing": OfPanel(answer=_missing)}
