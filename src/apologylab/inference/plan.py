"""From a question to estimates: one scan of the panel for every estimator of arm means together.

:func:`fit` asks the source; :func:`estimates` reads the fits. The two are apart because a decision
needs the fits themselves: one covariance of all arm means, for simultaneous intervals (R34).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Fit, Found, OfFits, OfMeans, OfPanel, Read, Scan
from apologylab.inference.checks import balance_request
from apologylab.inference.declared import with_declared
from apologylab.inference.lost import lacking
from apologylab.inference.many.families import adjusted
from apologylab.inference.many.joint import Residuals, joint_request, residuals
from apologylab.inference.many.words import JOINT, RESAMPLED
from apologylab.inference.moments import Moments, Request, select
from apologylab.inference.multiplicity import bounds, p_value
from apologylab.inference.registry import Way, find
from apologylab.inference.results import Refusal
from apologylab.inference.rows import Asking, estimate, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.derived import Derived
    from apologylab.inference.many.redrawn import Drawn
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.sets import SetTotals
    from apologylab.inference.source import Source


@dataclass(frozen=True, kw_only=True)
class Fits:
    """All fits of a question.

    Attributes:
        moments: of each outcome with the covariates.
        by: (outcome, estimator) -> fit.
        covariates: moments of the covariates over all units, if there are any.
        sets: of each outcome, where units were drawn together.
        found: estimator -> what those found that answer by themselves.
        together: moments of all outcomes and covariates at once, where the adjustment of p-values
            reads how the outcomes go together.
        drawn: statistics of resamples, where the adjustment draws them.
    """

    moments: Mapping[str, Moments]
    by: Mapping[tuple[str, str], Fit]
    covariates: Moments | None = None
    sets: Mapping[str, SetTotals] = field(default_factory=dict)
    found: Mapping[str, Found] = field(default_factory=dict)
    together: Moments | None = None
    drawn: Drawn = field(default_factory=dict)

    def of(self, outcome: str, estimator: str) -> ArmMeans:
        """The arm means of one outcome.

        Raises:
            NotEstimable: no arm has one; the message says why.
        """
        made = self.by[outcome, estimator]
        if made.means is None:
            raise NotEstimable(f"{outcome}: {'; '.join(dict.fromkeys(made.refused.values()))}")
        return made.means


def fit(source: Source, question: Question) -> Fits:
    """Fit every outcome by every estimator; all that read moments share one scan.

    Units in arms that no phase of the question names are left out.

    Raises:
        InputError: there is no such estimator.
    """
    asked = [find(text) for text in question.estimators]
    ways = _with_bases(asked)
    sets = _set_totals(source, question, ways)
    widened, columns = _derived(source, question, ways)
    moments, covariates = _scanned(widened, question, ways)
    by = {
        (outcome, way.asked.text): each
        for way in ways
        if isinstance(way.answer, OfMeans)
        for outcome, each in way.answer.fit(
            Scan(widened, question, way.asked, moments, sets, columns[way.asked.text])
        ).items()
    }
    whole = {each.name: moments[_whole(each.name, question)] for each in question.outcomes}
    joint = _together(question)
    fits = Fits(
        together=None if joint is None else moments[joint],
        drawn=_drawn(source, question, ways, by),
        moments=whole,
        by=by,
        covariates=covariates,
        sets=sets,
        found={
            way.asked.text: _found(source, question, way, by, whole)
            for way in asked
            if not isinstance(way.answer, OfMeans)
        },
    )
    if question.missing != "refuse":
        return fits
    return _without(fits, question, lacking(source, [each.name for each in question.outcomes]))


def _set_totals(source: Source, question: Question, ways: Sequence[Way]) -> dict[str, SetTotals]:
    """Outcome -> the totals of its sets, where an estimator or a check of the scheme reads them."""
    by_check = question.drawing.scheme in {"blocks", "clusters"}
    by_answer = any(isinstance(way.answer, OfMeans) and way.answer.sets for way in ways)
    if not (by_check or by_answer):
        return {}
    names = [outcome.name for outcome in question.outcomes]
    return dict(zip(names, source.set_totals(names), strict=True))


def _without(fits: Fits, question: Question, lacked: Mapping[str, str]) -> Fits:
    """The same fits, with nothing said of outcomes that some units lack, and why."""
    nothing = {name: Fit(None, dict.fromkeys(question.arms, why)) for name, why in lacked.items()}
    by = {key: nothing.get(key[0], each) for key, each in fits.by.items()}
    found = {text: _refused(each, lacked) for text, each in fits.found.items()}
    return replace(fits, by=by, found=found)


def _refused(found: Found, lacked: Mapping[str, str]) -> Found:
    """What was found, without the outcomes that some units lack."""
    refusals = [
        Refusal(
            outcome=each.outcome,
            treatment=each.treatment,
            reference=each.reference,
            estimator=each.estimator,
            because=lacked[each.outcome],
        )
        for each in found.estimates
        if each.outcome in lacked
    ]
    kept = [each for each in found.estimates if each.outcome not in lacked]
    return found._replace(estimates=kept, refusals=[*found.refusals, *refusals])


def _drawn(
    source: Source,
    question: Question,
    ways: Sequence[Way],
    by: Mapping[tuple[str, str], Fit],
) -> Drawn:
    """Resampled statistics by the estimators whose errors are of units drawn one by one."""
    if question.adjust not in RESAMPLED:
        return {}
    from apologylab.inference.many.redrawn import redrawn

    covariates = {
        way.asked.text: way.answer.cleaned_of(question)
        for way in ways
        if isinstance(way.answer, OfMeans) and way.answer.cleaned_of is not None
    }
    return redrawn(source, question, _read_off(by), covariates)


def _with_bases(asked: Sequence[Way]) -> list[Way]:
    """Those asked for, and those whose arm means they read."""
    texts = {way.asked.text: way for way in asked}
    for way in asked:
        if isinstance(way.answer, OfFits):
            base = find(way.answer.base(way.asked))
            texts.setdefault(base.asked.text, base)
    return list(texts.values())


def _found(
    source: Source,
    question: Question,
    way: Way,
    by: Mapping[tuple[str, str], Fit],
    moments: Mapping[str, Moments],
) -> Found:
    """What an estimator found that answers by itself, or by reading another's arm means."""
    if isinstance(way.answer, OfPanel):
        return way.answer.answer(source, question, way.asked)
    assert isinstance(way.answer, OfFits)
    base = find(way.answer.base(way.asked)).asked.text
    fits = {outcome: each for (outcome, text), each in by.items() if text == base}
    return way.answer.answer(Read(question, way.asked, fits, moments))


def _derived(
    source: Source, question: Question, ways: Sequence[Way]
) -> tuple[Source, Mapping[str, Mapping[str, Derived]]]:
    """The panel with every column that the estimators make of it, and each one's columns."""
    made = {
        way.asked.text: way.answer.columns(source, question, way.asked)
        for way in ways
        if isinstance(way.answer, OfMeans)
    }
    all_of_them = {name: column for each in made.values() for name, column in each.items()}
    return source.derive(all_of_them) if all_of_them else source, made


def _scanned(
    source: Source, question: Question, ways: Sequence[Way]
) -> tuple[dict[Request, Moments], Moments | None]:
    """The moments of every request in one scan, and those of the covariates by themselves."""
    requests = [_whole(outcome.name, question) for outcome in question.outcomes]
    for way in ways:
        if isinstance(way.answer, OfMeans):
            requests += way.answer.requests(question, way.asked)
    if (joint := _together(question)) is not None:
        requests.append(joint)
    requests = list(dict.fromkeys(requests))
    alone = [balance_request(question.covariates)] if question.covariates else []
    found = source.moments([*requests, *alone])
    kept = {
        request: select(each, [cell.arm in question.arms for cell in each.cells])
        for request, each in zip(requests, found[: len(requests)], strict=True)
    }
    return kept, found[-1] if alone else None


def _together(question: Question) -> Request | None:
    """All outcomes at once, where their adjustment reads how they go together."""
    if question.adjust not in JOINT or len(question.outcomes) < 2:
        return None
    return joint_request([each.name for each in question.outcomes], question.covariates)


def _whole(outcome: str, question: Question) -> Request:
    return Request(outcome, question.covariates)


def estimates(fits: Fits, question: Question) -> tuple[tuple[Estimate, ...], tuple[Refusal, ...]]:
    """Every contrast of every outcome by every estimator, or why not.

    p-values and intervals are from Student's t with the estimator's degrees of freedom; intervals
    are pointwise, p is adjusted within its family.
    """
    found: list[Estimate] = []
    refusals: list[Refusal] = []
    for asking in _askings(question):
        try:
            found.append(_estimate(fits, asking))
        except NotEstimable as error:
            refusals.append(refusal(asking, error.what))
    for each in fits.found.values():
        found += [_with_assigned(one, question) for one in each.estimates]
        refusals += each.refusals
    if question.watch is not None:
        from apologylab.inference.sequential.rows import look_at

        found, too_early = look_at(found, question, question.watch, _read_off(fits.by))
        refusals += too_early
    corrected = adjusted(
        found, question, _read_off(fits.by), _residuals(fits, question), fits.drawn
    )
    return with_declared(corrected, question), tuple(refusals)


def _with_assigned(found: Estimate, question: Question) -> Estimate:
    """The row with its units assigned, which are known only after the scan that made it."""
    return replace(found, n_assigned=sum(question.assigned.get(arm, 0) for arm, _ in found.cells))


def _read_off(by: Mapping[tuple[str, str], Fit]) -> Callable[[str, str], ArmMeans | None]:
    """The arm means that the rows of an outcome by an estimator were read off, if any."""

    def of(outcome: str, estimator: str) -> ArmMeans | None:
        made = by.get((outcome, estimator))
        return made.means if made else None

    return of


def _residuals(fits: Fits, question: Question) -> Callable[[str], Residuals | None]:
    """How the residuals of an estimator's outcomes go together, if that is known."""

    def of(estimator: str) -> Residuals | None:
        answer = find(estimator).answer
        if fits.together is None or not isinstance(answer, OfMeans) or answer.cleaned_of is None:
            return None
        outcomes = [each.name for each in question.outcomes]
        return residuals(fits.together, outcomes, answer.cleaned_of(question))

    return of


def _askings(question: Question) -> Iterator[Asking]:
    """One for each contrast of each outcome by each estimator of arm means."""
    ways = [way for text in question.estimators if isinstance((way := find(text)).answer, OfMeans)]
    for outcome in question.outcomes:
        for kind, contrast in question.contrasts:
            for way in ways:
                yield Asking(question, outcome, kind, contrast, way.asked.text)


def _estimate(fits: Fits, asking: Asking) -> Estimate:
    outcome, estimator, contrast = asking.outcome.name, asking.estimator, asking.contrast
    made = fits.by[outcome, estimator]
    if why := [made.refused[arm] for arm, _ in contrast.cells if arm in made.refused]:
        raise NotEstimable(why[0])
    means = fits.of(outcome, estimator)
    reading = means.read(contrast)
    low, high = bounds(reading, asking.question.alpha)
    way = find(estimator)
    assert isinstance(way.answer, OfMeans)
    unit = way.answer.unit(way.asked, asking.outcome.unit)
    return estimate(
        asking._replace(outcome=replace(asking.outcome, unit=unit)),
        of=way.answer.estimand(way.asked),
        who=way.answer.who,
        phases=sorted({cell.phase for cell in fits.moments[outcome].cells}),
        n=dict(zip(means.arms, means.n.tolist(), strict=True)),
        point=reading.point,
        std_error=reading.std_error,
        df=reading.df,
        low=low,
        high=high,
        interval=f"Student's t{way.answer.error(way.asked)}{made.path}",
        p_value=None if asking.kind == "mean" else p_value(reading),
        reference_mean=reading.reference_mean,
        details=made.details(contrast),
    )
