"""Hazards of an event: the log-rank test and Cox's model, from event counts or from units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.answers.survival import counts_of, each_contrast, followed, phases_of
from apologylab.inference.arm_means import ArmMeans, Reading
from apologylab.inference.blocks import block_of, blocks
from apologylab.inference.multiplicity import bounds, p_value
from apologylab.inference.rows import Asking, estimate, refusal
from apologylab.inference.survival.arms import ended_otherwise, units
from apologylab.inference.survival.counts import EVENT, without_noise
from apologylab.inference.survival.cox import CoxFit, Rows, Ties, cox
from apologylab.inference.survival.halves import halves
from apologylab.inference.survival.log_rank import log_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Cell, Floats
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.source import Source
    from apologylab.inference.survival.counts import EventCounts, Places
    from apologylab.inference.times import Lasting

UNIT = "log hazard ratio"
SCORE = "observed minus expected events, over their variance"
NEAR_1 = "log-rank: of the score, which is a log hazard ratio near 1 only, for which ask cox"
"""Peto's one step of 0.7 is 0.7; of 1.1, with one unit in ten treated, 1.5 to 1.8 (Greenland and
Salvan 1990 in Statistics in Medicine 9)."""
CAUSE_SPECIFIC = (
    "{name}: {n} units ended otherwise and count as censored: hazards are those of the event "
    "among units still under way, and say nothing of how many have it in the end"
)


class _Words(NamedTuple):
    """What a row says: the functional, the interval's kind, and details of its own."""

    of: str
    interval: str
    said: Sequence[tuple[str, str | float]]


class _Fit(NamedTuple):
    """Log hazards of arms with one covariance, or why there are none; n is units by arm."""

    means: ArmMeans | None
    refused: Mapping[str, str]
    n: Mapping[str, int]
    halves: _Halves | None = None
    said: Sequence[tuple[str, str | float]] = ()


class _Halves(NamedTuple):
    """Log hazards up to a time, by which half of the events had come, and after it."""

    time: float
    early: ArmMeans
    late: ArmMeans


def _cox(source: Source, question: Question, asked: Asked) -> Found:
    found = counts_of(source, question, asked)
    fits = [_of_arms(counts, question, asked) for counts in found]
    return _read(question, asked, found, fits, "log hazard of")


def _cox_adjusted(source: Source, question: Question, asked: Asked) -> Found:
    found = counts_of(source, question, asked)
    fits = [
        _given_covariates(source, time, counts, question, asked)
        for time, counts in zip(question.times, found, strict=True)
    ]
    return _read(question, asked, found, fits, "log hazard, given the covariates, of")


def _log_rank(source: Source, question: Question, asked: Asked) -> Found:
    estimates, refusals, notes = [], [], []
    every = counts_of(source, question, asked)
    for time, counts in zip(question.times, every, strict=True):
        notes += [*_omnibus(time, counts, question), *_otherwise(time, counts)]
        for asking in each_contrast(question, time, SCORE, asked.text):
            try:
                estimates.append(_two_arms(asking, counts))
            except NotEstimable as error:
                refusals.append(refusal(asking, error.what))
    return Found(estimates, refusals, notes, followed(question, every))


def _omnibus(time: Lasting, counts: EventCounts, question: Question) -> list[str]:
    try:
        statistic, df, p = log_rank(counts, question.arms).test()
    except NotEstimable:
        return []
    return [f"{time.name}: log-rank over all arms: chi-squared {statistic:.6g} on {df}, p {p:.3g}"]


def _otherwise(time: Lasting, counts: EventCounts) -> list[str]:
    n = ended_otherwise(counts)
    return [CAUSE_SPECIFIC.format(name=time.name, n=n)] if n else []


def _two_arms(asking: Asking, counts: EventCounts) -> Estimate:
    cells = asking.contrast.cells
    if sorted(weight for _, weight in cells) != [-1.0, 1.0]:
        raise NotEstimable("the log-rank test compares one arm with another; ask for cox")
    treatment, reference = sorted((arm for arm, _ in cells), key=lambda a: -dict(cells)[a])
    found = log_rank(counts, (treatment, reference))
    statistic, _, p = found.test()
    u, v = float(found.score[0]), float(found.variance[0, 0])
    reading = Reading(u / v, v**-0.5, np.inf, 0.0)
    said = [
        ("observed minus expected events", u),
        ("log-rank chi-squared", statistic),
        ("log-rank p", p),
    ]
    words = _Words("log-rank score of", f"normal, {NEAR_1}", said)
    return _row(asking, counts, reading, words)


def _of_arms(counts: EventCounts, question: Question, asked: Asked) -> _Fit:
    """Cox of arm indicators, stratified by block."""
    n = units(counts)
    refused = _without_events(counts, question.arms)
    kept = [arm for arm in question.arms if arm not in refused]
    of_arm, of_block = _places(counts.cells, kept)
    mine = of_arm[counts.cell] >= 0 if len(kept) > 1 else np.zeros(0, bool)
    if not mine.any():
        return _Fit(None, refused, n)
    place = counts.cell[mine]
    rows = Rows(
        time=counts.time[mine],
        event=counts.kind[mine] == EVENT,
        x=np.eye(len(kept))[:, 1:],
        n=counts.n[mine],
        stratum=of_block[place],
        of=of_arm[place],
    )
    return _fitted(rows, kept, question, asked, _Fit(None, refused, n))


def _given_covariates(
    source: Source, time: Lasting, counts: EventCounts, question: Question, asked: Asked
) -> _Fit:
    """Cox of arm indicators and covariates, from the units themselves."""
    held = source.collect([*time.timed, *question.covariates])
    refused = _without_events(counts, question.arms)
    kept = [arm for arm in question.arms if arm not in refused]
    of_arm, of_block = _places(held.cells, kept)
    lasted, end = (held.columns[name] for name in time.timed)
    mine = (of_arm[held.code] >= 0) & ~np.isnan(lasted) & ~np.isnan(end)
    x = np.stack([held.columns[name][mine] for name in question.covariates], axis=1)
    code = held.code[mine]
    rows = Rows(
        time=without_noise(lasted[mine]),
        event=end[mine] == EVENT,
        x=np.concatenate((np.eye(len(kept))[of_arm[code]][:, 1:], x), axis=1),
        n=np.ones(len(code), np.int64),
        stratum=of_block[code],
    )
    start = _Fit(None, refused, units(counts))
    if not np.isfinite(x).all():
        why = "a covariate is missing or not finite for some units"
        return start._replace(refused=dict.fromkeys(question.arms, why))
    return _fitted(rows, kept, question, asked, start)


def _places(cells: Sequence[Cell], kept: Sequence[str]) -> tuple[Places, Places]:
    """Of each cell the place of its arm among ``kept``, -1 if it is not there, and of its block."""
    listed = blocks(cells)
    of_arm = np.array([kept.index(c.arm) if c.arm in kept else -1 for c in cells], np.intp)
    return of_arm, np.array([listed.index(block_of(cell)) for cell in cells], np.intp)


def _without_events(counts: EventCounts, arms: Sequence[str]) -> dict[str, str]:
    had = {counts.cells[i].arm for i in set(counts.cell[counts.kind == EVENT].tolist())}
    return {arm: f"{arm} has no event, so its hazard is 0" for arm in arms if arm not in had}


def _fitted(rows: Rows, kept: Sequence[str], question: Question, asked: Asked, start: _Fit) -> _Fit:
    """The log hazards of ``kept`` against the first of them; its own is 0."""
    try:
        found = cox(rows, ties=cast("Ties", asked.word("ties")), robust=_robust(asked))
    except NotEstimable as error:
        return start._replace(refused={**dict.fromkeys(question.arms, error.what), **start.refused})
    return start._replace(
        means=_log_hazards(found, kept, asked, start),
        halves=_in_halves(rows, kept, asked, start),
        said=_said(found),
    )


def _log_hazards(found: CoxFit, kept: Sequence[str], asked: Asked, start: _Fit) -> ArmMeans:
    """Of ``kept`` against the first of them, whose own is 0."""
    size, p = len(kept), len(kept) - 1
    joint = np.zeros((size, size))
    joint[1:, 1:] = _covariance(found)[:p, :p]
    return ArmMeans(
        outcome="",
        estimator=asked.text,
        arms=tuple(kept),
        n=np.array([start.n[arm] for arm in kept], dtype=np.int64),
        means=np.concatenate(([0.0], found.b[:p])),
        variances=np.diag(joint)[None, :],
        freedom=np.full((1, 1), np.inf),
        df=np.inf,
        joint=joint[None],
    )


def _in_halves(rows: Rows, kept: Sequence[str], asked: Asked, start: _Fit) -> _Halves | None:
    """The log hazards in each half of the events; None where a half has no fit."""
    try:
        found = halves(rows, ties=cast("Ties", asked.word("ties")), robust=_robust(asked))
    except NotEstimable:
        return None
    early, late = (_log_hazards(each, kept, asked, start) for each in (found.early, found.late))
    return _Halves(found.time, early, late)


def _robust(asked: Asked) -> bool:
    return asked.word("errors") == "robust"


def _covariance(found: CoxFit) -> Floats:
    return found.covariance if found.robust is None else found.robust


def _said(found: CoxFit) -> list[tuple[str, str | float]]:
    statistic, p = found.likelihood_ratio()
    return [
        ("log partial likelihood", found.fitted),
        ("likelihood ratio of the whole model", statistic),
        ("its p", p),
    ]


def _read(
    question: Question,
    asked: Asked,
    found: Sequence[EventCounts],
    fits: Sequence[_Fit],
    of: str,
) -> Found:
    estimates, refusals, notes = [], [], []
    interval = f"normal, {asked.word('errors')} error, {asked.word('ties').capitalize()}'s ties"
    for time, counts, each in zip(question.times, found, fits, strict=True):
        notes += _otherwise(time, counts)
        for asking in each_contrast(question, time, UNIT, asked.text):
            try:
                reading = _reading(asking, each)
                said = [*_ratios(reading, asking), *_proportional(asking, each), *each.said]
                words = _Words(of, interval, said)
                estimates.append(_row(asking, counts, reading, words))
            except NotEstimable as error:
                refusals.append(refusal(asking, error.what))
    return Found(estimates, refusals, notes, followed(question, found))


def _reading(asking: Asking, fit: _Fit) -> Reading:
    if why := [fit.refused[arm] for arm, _ in asking.contrast.cells if arm in fit.refused]:
        raise NotEstimable(why[0])
    if abs(sum(weight for _, weight in asking.contrast.cells)) > 1e-9:
        raise NotEstimable("a hazard is known only beside another: ask for a difference of arms")
    if fit.means is None:
        raise NotEstimable("fewer than two arms have an event")
    return fit.means.read(asking.contrast)._replace(reference_mean=0.0)


def _proportional(asking: Asking, fit: _Fit) -> list[tuple[str, str | float]]:
    """The ratio in each half of the events, and the p of "they are one"."""
    if fit.halves is None:
        return []
    time, *means = fit.halves
    try:
        early, late = (each.read(asking.contrast) for each in means)
    except NotEstimable:
        return []
    apart = Reading(
        late.point - early.point, float(np.hypot(early.std_error, late.std_error)), np.inf, 0.0
    )
    return [
        (f"hazard ratio up to {time:g}", float(np.exp(early.point))),
        (f"hazard ratio after {time:g}", float(np.exp(late.point))),
        ("p that these two are one", p_value(apart)),
    ]


def _ratios(reading: Reading, asking: Asking) -> list[tuple[str, float]]:
    """The hazard ratio and the ends of its interval."""
    low, high = bounds(reading, asking.question.alpha)
    ends = (("", reading.point), (", low", low), (", high", high))
    return [(f"hazard ratio{which}", float(np.exp(at))) for which, at in ends]


def _row(asking: Asking, counts: EventCounts, reading: Reading, words: _Words) -> Estimate:
    low, high = bounds(reading, asking.question.alpha)
    return estimate(
        asking,
        of=words.of,
        phases=phases_of(counts),
        n=units(counts),
        point=reading.point,
        std_error=reading.std_error,
        low=low,
        high=high,
        interval=words.interval,
        p_value=p_value(reading),
        reference_mean=reading.reference_mean,
        details=words.said,
    )


ANSWERS: Mapping[str, Answer] = {
    "log_rank": OfPanel(answer=_log_rank),
    "cox": OfPanel(answer=_cox),
    "cox_adjusted": OfPanel(answer=_cox_adjusted),
}
