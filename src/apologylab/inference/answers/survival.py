"""Survival by a day: Kaplan-Meier, Aalen-Johansen and the restricted mean, from event counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.multiplicity import bounds, p_value
from apologylab.inference.question import Measured
from apologylab.inference.rows import Asking, estimate, refusal
from apologylab.inference.survival.arms import (
    by_phase,
    ended_otherwise,
    lacking,
    last_seen,
    units,
    values_of_arms,
)
from apologylab.inference.survival.counts import EVENT, select, tied
from apologylab.inference.survival.limits import Shares, contrast_limits, contrast_p
from apologylab.inference.survival.product_limit import (
    aalen_johansen,
    kaplan_meier,
    restricted_mean,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from apologylab.design.estimators import Asked
    from apologylab.inference.arm_means import ArmMeans, Reading
    from apologylab.inference.known import ByPhase
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.source import Source
    from apologylab.inference.survival.counts import EventCounts, Life
    from apologylab.inference.survival.product_limit import Value
    from apologylab.inference.times import Lasting


ROUNDING = 1e-12
"""How near to 1 a share is 1: everybody's time ended."""


class Target(NamedTuple):
    """What is estimated of one time to an event.

    ``of`` and ``unit`` are as results print them; ``ends`` are the kinds of ends after which
    nothing is unknown any more; ``log_log`` asks for MOVER's interval, and ``ended`` says that the
    shares are of units with the event.
    """

    value: Callable[[Life], Value]
    of: str
    unit: str
    interval: str
    ends: tuple[int, ...]
    log_log: bool = False
    ended: bool = False


Aim = Callable[["Lasting", "Asked", float], Target]


def counts_of(source: Source, question: Question, asked: Asked) -> list[EventCounts]:
    """The event counts of every time of the question, its arms alone.

    Raises:
        InputError: the question has no time to an event.
    """
    if not question.times:
        raise InputError(
            f"{asked.text} needs times to an event and none is declared",
            do="declare them under [[times]], or name them in times=",
        )
    found = source.events([each.timed for each in question.times])
    return [tied(select(counts, question.arms)) for counts in found]


def followed(question: Question, found: Sequence[EventCounts]) -> list[tuple[str, ByPhase]]:
    """Of each time of the question, the units that have it."""
    return [
        (time.name, by_phase(counts)) for time, counts in zip(question.times, found, strict=True)
    ]


def each_contrast(question: Question, time: Lasting, unit: str, text: str) -> Iterator[Asking]:
    """One asking for each contrast of one time to an event."""
    outcome = Measured(name=time.name, role=time.role, unit=unit)
    for kind, contrast in question.contrasts:
        yield Asking(question, outcome, kind, contrast, text)


def phases_of(counts: EventCounts) -> list[int]:
    """The phases that have units."""
    return sorted({cell.phase for cell in counts.cells})


def _by_day(aim: Aim, source: Source, question: Question, asked: Asked) -> Found:
    estimates, refusals = [], []
    every = counts_of(source, question, asked)
    for time, counts in zip(question.times, every, strict=True):
        at = day(time, asked, counts)
        target = aim(time, asked, at)
        refused = _refused(counts, question, asked, target, at)
        kept = [arm for arm in question.arms if arm not in refused]
        means = values_of_arms(counts, kept, target.value, estimator=asked.text) if kept else None
        for asking in each_contrast(question, time, target.unit, asked.text):
            try:
                estimates.append(_estimate(asking, target, means, refused, counts))
            except NotEstimable as error:
                refusals.append(refusal(asking, error.what))
    return Found(estimates, refusals, followed=followed(question, every))


def day(time: Lasting, asked: Asked, counts: EventCounts) -> float:
    """The time asked for: as given, else the window's end, else the least that an arm reaches.

    The last is what survRM2 takes; a plan that names the day leaves no doubt when it was chosen.
    """
    if at := asked.number("at"):
        return at
    if time.window is not None:
        return time.window
    reach = [counts.time[counts.cell == i].max() for i in range(len(counts.cells))]
    return float(min(reach, default=0.0))


def _refused(
    counts: EventCounts, question: Question, asked: Asked, target: Target, at: float
) -> Mapping[str, str]:
    others = ended_otherwise(counts)
    if others and asked.options.get("others") == "refused":
        why = (
            f"{others} units ended otherwise: aalen_johansen counts them, and others=censored "
            "takes them as if their end said nothing of the event"
        )
        return dict.fromkeys(question.arms, why)
    why_not = partial(_unknown, target, at)
    return lacking(counts, question.arms, question.weights, why_not)


def _unknown(target: Target, at: float, life: Life) -> str:
    """Why a cell has no estimate, or nothing."""
    if unseen := last_seen(life, at, ends=target.ends):
        return unseen
    point, variance = target.value(life)
    if np.isfinite(variance) and variance > 0 and not (target.log_log and point > 1 - ROUNDING):
        return ""
    return f"the estimate is {point:g} and has no variance: none or all ended by {at:g}"


def _estimate(
    asking: Asking,
    target: Target,
    means: ArmMeans | None,
    refused: Mapping[str, str],
    counts: EventCounts,
) -> Estimate:
    if why := [refused[arm] for arm, _ in asking.contrast.cells if arm in refused]:
        raise NotEstimable(why[0])
    assert means is not None
    reading = means.read(asking.contrast)
    low, high, p = _interval(asking, target, means, reading)
    return estimate(
        asking,
        of=target.of,
        phases=phases_of(counts),
        n=units(counts),
        point=reading.point,
        std_error=reading.std_error,
        low=low,
        high=high,
        interval=target.interval,
        p_value=None if asking.kind == "mean" else p,
        reference_mean=reading.reference_mean,
    )


def _interval(
    asking: Asking, target: Target, means: ArmMeans, reading: Reading
) -> tuple[float, float, float]:
    """The interval and its p."""
    if not target.log_log:
        return *bounds(reading, asking.question.alpha), p_value(reading)
    c = means.weights(asking.contrast)
    shares = Shares(means.means, np.diag(means.covariance), target.ended)
    return *contrast_limits(c, shares, asking.question.alpha), contrast_p(c, shares)


def _limits(asked: Asked, error: str) -> tuple[bool, str]:
    """Whether the interval is MOVER's, and what results call it."""
    if asked.word("interval") == "log_log":
        return True, f"MOVER of log-log limits, {error}"
    return False, f"normal, {error}"


def _kaplan_meier(time: Lasting, asked: Asked, at: float) -> Target:
    log_log, interval = _limits(asked, "Greenwood's error")
    return Target(
        value=partial(kaplan_meier, at=at),
        of=f"probability of no event by {at:g} {time.unit} of",
        unit="share of units without the event",
        interval=interval,
        ends=(EVENT,),
        log_log=log_log,
    )


def _aalen_johansen(time: Lasting, asked: Asked, at: float) -> Target:
    kind = int(asked.number("end"))
    ends = ("the event", *time.ends)
    name = ends[kind - 1] if kind <= len(ends) else f"end {kind}"
    log_log, interval = _limits(asked, "Greenwood-type error")
    return Target(
        value=partial(aalen_johansen, at=at, kind=kind),
        of=f"probability of {name} by {at:g} {time.unit}, whatever else may end it, of",
        unit=f"share of units with {name}",
        interval=interval,
        ends=tuple(range(EVENT, max(len(ends), kind) + 1)),
        log_log=log_log,
        ended=True,
    )


def _restricted_mean(time: Lasting, asked: Asked, at: float) -> Target:
    corrected = asked.word("error") == "corrected"
    return Target(
        value=partial(restricted_mean, at=at, corrected=corrected),
        of=f"mean time without the event, out of {at:g} {time.unit}, of",
        unit=time.unit,
        interval=f"normal, {'corrected ' * corrected}error of the area",
        ends=(EVENT,),
    )


ANSWERS: Mapping[str, Answer] = {
    "kaplan_meier": OfPanel(answer=partial(_by_day, _kaplan_meier)),
    "aalen_johansen": OfPanel(answer=partial(_by_day, _aalen_johansen)),
    "rmst": OfPanel(answer=partial(_by_day, _restricted_mean)),
}
