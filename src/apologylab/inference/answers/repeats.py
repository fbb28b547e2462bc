"""Effects by incident number, from a table of incidents, as the declared regime allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import answered
from apologylab.inference.estimators.repeats import (
    Incidents,
    drawn_anew,
    propensities_match,
    sticky,
    supported,
    together,
)
from apologylab.inference.rows import estimate
from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from apologylab.design.estimators import Asked
    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.estimators.repeats import Kept
    from apologylab.inference.moments import Floats
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source

MISMATCH = 1e-4
"""Below this p the arms were not drawn with the propensities given."""
NOTES = {
    "first_only": "{text}: first incidents only; later ones are left out",
    "sticky": "{text}: later incidents got the arm of the first; the outcome after incident k "
    "counts 0 for customers who had none, so that nobody is left out by what the arm may have "
    "changed",
    "rerandomise": "{text}: among incidents whose history let both arms be drawn; over the "
    "customers and histories that this regime brings to incident k; propensities against counts: "
    "p {p:.2g}",
}


def _repeats(source: Source, question: Question, asked: Asked) -> Found:
    drawn = asked.word("regime") == "rerandomise"
    if drawn and not (asked.word("propensity") and asked.word("history")):
        raise InputError(
            f"{asked.text} lacks the propensities, or the histories that they depend on",
            do="name both columns: repeats(regime=rerandomise, propensity=..., history=...)",
        )
    columns = [asked.word("number"), asked.word("customer")]
    columns += [asked.word("propensity"), asked.word("history")] if drawn else []
    names = [outcome.name for outcome in question.outcomes]
    rows = source.collect([*names, *columns])
    incidents = {name: _incidents(rows, question, asked, name) for name in names}
    p = propensities_match(incidents[names[0]]) if drawn else 1.0
    if p < MISMATCH:
        raise InputError(
            f"the arms were not drawn with the propensities given (p {p:.2g})",
            do="give the probability of the arm that was drawn, given the history",
        )
    found, refused = answered(
        question, asked.text, lambda asking: _rows(asking, incidents, asked.word("regime"))
    )
    note = NOTES[asked.word("regime")].format(text=asked.text, p=p)
    return Found(found, refused, (note,))


def _incidents(rows: ArraySource, question: Question, asked: Asked, outcome: str) -> Incidents:
    drawn = asked.word("regime") == "rerandomise"
    y = rows.columns[outcome]
    number, customer = (rows.columns[asked.word(each)] for each in ("number", "customer"))
    propensity = rows.columns[asked.word("propensity")] if drawn else _planned(rows, question)
    history = rows.columns[asked.word("history")] if drawn else np.zeros(len(y))
    arm = np.array(
        [question.arms.index(cell.arm) if cell.arm in question.arms else -1 for cell in rows.cells]
    )[rows.code]
    _refuse_numbers(number, customer, history)
    _refuse_unknown(propensity)
    has = np.isfinite(y) & (arm >= 0)
    if asked.word("regime") == "sticky" and (~has & (arm >= 0)).any():
        raise InputError(
            f"{outcome} is missing for some incidents, and missing is not 0",
            do="leave out incidents whose outcome is not known yet, in every arm alike",
        )
    return Incidents(
        y=y[has],
        arm=arm[has],
        number=number[has].astype(np.intp),
        customer=customer[has].astype(np.intp),
        propensity=propensity[has],
        history=np.unique(history[has], return_inverse=True)[1],
    )


def _refuse_numbers(number: Floats, customer: Floats, history: Floats) -> None:
    for name, column in (("number", number), ("customer", customer), ("history", history)):
        if not np.isfinite(column).all() or (column != np.floor(column)).any():
            raise InputError(f"{name} is not a whole number everywhere", do="number them")
    if number.min(initial=1) < 1:
        raise InputError(
            f"an incident has number {number.min():g}", do="number each customer's from 1"
        )
    if len(np.unique(np.column_stack((customer, number)), axis=0)) != len(number):
        raise InputError("an incident is there twice", do="give one row an incident")


def _refuse_unknown(propensity: Floats) -> None:
    if np.isnan(propensity).any():
        raise InputError(
            f"{np.isnan(propensity).sum()} incidents have no propensity",
            do="give P(arm | history) of every incident that was drawn, and leave out the others",
        )


def _planned(rows: ArraySource, question: Question) -> Floats:
    """The chance of each row's arm in its phase, (n,): a ramp is not pooled as it is (R26)."""
    drawn = [question.weights.get(cell.phase, {}) for cell in rows.cells]
    chance = [
        each.get(cell.arm, 0) / max(sum(each.values()), 1)
        for each, cell in zip(drawn, rows.cells, strict=True)
    ]
    return np.array(chance, dtype=np.float64)[rows.code]


def _refuse_closed(asking: Asking) -> None:
    """Each of the two arms is drawn in every phase."""
    for phase, weights in asking.question.weights.items():
        for arm in (asking.contrast.treatment, asking.contrast.reference):
            if not weights.get(arm, 0):
                raise NotEstimable(f"{arm} is not drawn in phase {phase}")


def _rows(asking: Asking, of: Mapping[str, Incidents], regime: str) -> list[Estimate]:
    """A row an incident number, and one of all together."""
    if asking.kind != "arm":
        raise NotEstimable("repeats are read arm by arm: compare two arms by name")
    listed = asking.question.arms
    arms = (listed.index(asking.contrast.treatment), listed.index(asking.contrast.reference))
    incidents = of[asking.outcome.name]
    if regime != "rerandomise":
        _refuse_closed(asking)
    if regime == "first_only":
        return [_row(asking, incidents, incidents.number == 1, arms, "incident 1")]
    every = sticky(incidents) if regime == "sticky" else incidents
    kept = supported(every, arms)
    rows = []
    for k in np.unique(every.number[kept]):
        try:
            rows.append(_row(asking, every, kept & (every.number == k), arms, f"incident {k}"))
        except NotEstimable:
            if k == 1:
                raise
            break
    whole = together(every) if regime == "sticky" else every
    kept = np.ones(len(whole.y), dtype=bool) if regime == "sticky" else kept
    return [*rows, _row(asking, whole, kept, arms, "all incidents")]


def _row(
    asking: Asking, incidents: Incidents, kept: Kept, arms: tuple[int, int], which: str
) -> Estimate:
    found = drawn_anew(incidents, kept, arms)
    reach = float(stdtrit(found.df, 1 - asking.question.alpha / 2)) * found.std_error
    contrast, phases = asking.contrast, sorted(asking.question.weights)
    return estimate(
        asking._replace(
            kind="contrast",
            contrast=replace(contrast, name=f"{contrast.name}, {which}"),
        ),
        of=f"mean after {which} of",
        who="customers",
        phases=phases,
        n={contrast.treatment: found.n_treatment, contrast.reference: found.n_reference},
        point=found.point,
        std_error=found.std_error,
        df=found.df,
        low=found.point - reach,
        high=found.point + reach,
        interval="Student's t, error between customers",
        p_value=float(2 * stdtr(found.df, -abs(found.point) / found.std_error)),
        reference_mean=found.reference_mean,
        details=(("which", which),),
    )


ANSWERS: Mapping[str, Answer] = {"repeats": OfPanel(answer=_repeats)}
