"""Decide: the declared rule on net value, applied to the panel (R34-R36)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from apologylab.decision.guardrail import read_guardrail
from apologylab.decision.rule import Evidence, recommended, verdict_word
from apologylab.decision.value import (
    AT_FACE,
    AT_ZERO,
    REDEEMED,
    SALES,
    VALUE,
    currency,
)
from apologylab.decision.verdict import ArmValue, Verdict
from apologylab.decision.words import reasons, verdict_sentence
from apologylab.design.contrasts import against, arm_contrasts
from apologylab.design.rule import parse_rule
from apologylab.design.worth import sales_outcome
from apologylab.errors import NotEstimable, StateError
from apologylab.inference.many.simultaneous import jointly_simultaneous
from apologylab.inference.many.words import JOINT
from apologylab.inference.multiplicity import simultaneous
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured
from apologylab.inference.registry import find
from apologylab.inference.rounding import digits, rounded
from apologylab.inference.sentence import sentence
from apologylab.inference.sequential.rows import at_contrast, held_at_all_looks, seen_by
from apologylab.service.analyse import about
from apologylab.service.break_even import difference, with_break_even
from apologylab.service.checks import at_assignment, checks, of_source, warnings
from apologylab.service.looks import append_planned, looks, unplanned, watch
from apologylab.service.question import estimators, question
from apologylab.service.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.decision.verdict import GuardrailReading
    from apologylab.design.contrasts import Contrast
    from apologylab.design.experiment import Experiment, Outcome
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.multiplicity import Interval
    from apologylab.inference.plan import Fits
    from apologylab.inference.question import Question
    from apologylab.inference.results import Check
    from apologylab.inference.sequential.watch import Seen
    from apologylab.service.conclude import About
    from apologylab.service.ports import Ledger, Panel


def decide_panel(experiment: Experiment, panel: Panel, *, now: datetime) -> Verdict:
    """Decide on a table of finished outcomes: it has ended.

    Raises:
        StateError: the declaration has no [decision].
        InputError: the table's rows are not what the declaration says.
    """
    asked = _question(experiment, panel, phases=(1,))
    return _conclude(experiment, panel, asked, about(experiment, as_of=now))


def decide(
    experiment: Experiment, panel: Panel, ledger: Ledger, *, as_of: datetime, now: datetime
) -> Verdict:
    """Decide on a started experiment as of a date (R31).

    Before its end no contrast is read, unless the plan has looks: then this is one, and appended.

    Raises:
        StateError: it was not started by then, or the declaration has no [decision].
    """
    moments_of = timeline(ledger, experiment, mark=ledger.mark(as_of))
    head = about(experiment, as_of=as_of, simulated=ledger.identity.simulated)
    asked = _question(experiment, panel, phases=moments_of.phases)
    flow = panel.flow()
    before = looks(ledger, experiment)
    at = watch(experiment, before, flow, moments_of, as_of=as_of)
    if at is not None or moments_of.ended(flow, as_of=as_of):
        departures = (*unplanned(before), *moments_of.endings)
        seen: dict[str, Seen] = {}
        asked = replace(asked, watch=at)
        verdict = _conclude(experiment, panel, asked, head, departures=departures, seen=seen)
        if at is not None and not at.last:
            append_planned(ledger, experiment, seen, contrasts=len(seen), as_of=as_of, now=now)
        return verdict
    failed = _failed([at_assignment(asked, flow)])
    besides = moments_of.endings
    evidence = Evidence(values=(), unread={}, failed=failed, ended=False, besides=besides)
    return _verdict(experiment, head, evidence)


def _question(experiment: Experiment, panel: Panel, *, phases: Sequence[int]) -> Question:
    """v, its parts and the guardrails, by the one estimator that the decision reads."""
    if experiment.decision is None:
        raise StateError(
            f"{experiment.name} declares no [decision]",
            do="declare ship_if before launch; `apologylab analyse` shows effects without one",
        )
    if VALUE not in panel.columns:
        raise StateError(
            f"{experiment.name} declares a decision without margin and sales",
            do='write margin = 0.25 and sales = "OUTCOME" under [decision], in a new version',
        )
    asked = question(experiment, covariates=panel.covariates, phases=phases)
    sales = sales_outcome(experiment)
    unit = currency(experiment)
    parts = [VALUE, *(name for name in _PARTS if name in panel.columns)]
    outcomes = [Measured(name=name, role="value", unit=unit) for name in parts]
    kept = (each for each in asked.outcomes if _kept(sales, each))
    return replace(
        asked,
        outcomes=(*outcomes, *kept),
        factor_contrasts=(),
        named_contrasts=(),
        estimators=(_decisive(asked),),
    )


def _decisive(asked: Question) -> str:
    """The plan's first estimator that gives arm means of the outcome itself."""
    decisive = (text for text in asked.estimators if find(text).decides)
    return next(decisive, estimators(asked.covariates, asked.drawing.scheme)[0])


def _kept(sales: str | None, outcome: Measured) -> bool:
    return outcome.role in {"primary", "guardrail"} or outcome.name == sales


_PARTS = (SALES, REDEEMED, AT_FACE, AT_ZERO)


def _guarded(experiment: Experiment) -> list[Outcome]:
    return [each for each in experiment.outcomes if each.role == "guardrail"]


def _conclude(
    experiment: Experiment,
    panel: Panel,
    asked: Question,
    head: About,
    *,
    departures: tuple[str, ...] = (),
    seen: dict[str, Seen] | None = None,
) -> Verdict:
    """The verdict; ``seen`` is filled with what a look of the plan saw."""
    fits = fit(panel.source, asked)
    failed = _failed([*checks(asked, panel.flow(), fits), *of_source(panel, asked, fits)])
    if failed:
        return _verdict(experiment, head, Evidence(values=(), unread={}, failed=failed))
    found = _Findings(values=[], guardrails=[], unread={}, seen={} if seen is None else seen)
    shippable = arm_contrasts(experiment)
    for contrast in shippable:
        found.add(experiment, fits, asked, contrast, of=len(shippable))
    evidence = Evidence(
        values=found.values,
        guardrails=found.guardrails,
        unread=found.unread,
        early=asked.watch is not None and not asked.watch.last,
        besides=(
            *warnings(panel, asked, fits),
            *_open_liability(experiment, fits, asked, found.values),
            *_effects(fits, asked, found.seen),
            *departures,
        ),
    )
    return _verdict(experiment, head, evidence)


def _effects(fits: Fits, asked: Question, seen: dict[str, Seen]) -> tuple[str, ...]:
    """The primary outcomes in words: an arm can win them and lose money."""
    primary = tuple(each for each in asked.outcomes if each.role == "primary")
    found, _ = estimates(fits, replace(asked, outcomes=primary))
    seen |= seen_by(found)
    return tuple(sentence(each, alpha=asked.alpha) for each in found)


def _open_liability(
    experiment: Experiment, fits: Fits, asked: Question, values: Sequence[ArmValue]
) -> tuple[str, ...]:
    """Each arm's value with what is still open at face and at zero (R16)."""
    lines, errors = [], {each.arm: each.std_error for each in values}
    declared = experiment.decision.open_liability if experiment.decision else None
    for contrast in asked.arm_contrasts:
        face, zero = (
            difference(fits, name, asked.estimators[0], contrast) for name in (AT_FACE, AT_ZERO)
        )
        if face is not None and zero is not None:
            shown = digits(errors.get(contrast.treatment, inf), currency(experiment))
            lines.append(
                f"`{contrast.treatment}`: what can still be redeemed counts at {declared or 'face'}"
                f"; the value would be {rounded(face, shown, signed=True)} at face and "
                f"{rounded(zero, shown, signed=True)} at zero"
            )
    return tuple(lines)


def _failed(found: Sequence[Check]) -> tuple[str, ...]:
    return tuple(f"{check.name}: {check.says}" for check in found if check.passed is False)


@dataclass(kw_only=True)
class _Findings:
    """What was read of the arms so far."""

    values: list[ArmValue]
    guardrails: list[GuardrailReading]
    unread: dict[str, str]
    seen: dict[str, Seen]

    def add(
        self, experiment: Experiment, fits: Fits, asked: Question, contrast: Contrast, *, of: int
    ) -> None:
        """Read one arm's value and guardrails, or note why not."""
        arm = contrast.treatment
        try:
            self.values.append(_value(experiment, fits, asked, contrast, of=of, seen=self.seen))
        except NotEstimable as error:
            self.unread[arm] = f"its value cannot be estimated: {error.what}"
            return
        for outcome in _guarded(experiment):
            comparator = outcome.comparator or experiment.arms.reference
            try:
                self.guardrails += _guardrail(fits, asked, outcome, arm, comparator, self.seen)
            except NotEstimable as error:
                self.unread[arm] = f"guardrail {outcome.name} cannot be read: {error.what}"


def _value(
    experiment: Experiment,
    fits: Fits,
    asked: Question,
    contrast: Contrast,
    *,
    of: int,
    seen: dict[str, Seen],
) -> ArmValue:
    """One arm's net value against the reference, simultaneous over all that could be shipped."""
    means = fits.of(VALUE, asked.estimators[0])
    interval = _together(means, asked, contrast, of=of)
    if asked.watch is not None:
        at = at_contrast(asked.watch, means, contrast, asked.estimators[0])
        seen[at.contrast] = at.now
        interval = held_at_all_looks(interval, at, alpha=asked.alpha, of=of)
    value = ArmValue(
        arm=contrast.treatment,
        point=interval.point,
        std_error=interval.std_error,
        ci_low=interval.low,
        ci_high=interval.high,
        level=interval.level,
        interval_kind=interval.kind,
        n=int(means.n[means.arms.index(contrast.treatment)]),
    )
    return with_break_even(value, experiment, fits, asked.estimators[0], contrast)


def _together(means: ArmMeans, asked: Question, contrast: Contrast, *, of: int) -> Interval:
    """The interval of one arm's value: by max-t where the plan adjusts so, else Bonferroni's."""
    if asked.adjust in JOINT and asked.watch is None and of == len(asked.arm_contrasts):
        found = jointly_simultaneous(means, asked.arm_contrasts, alpha=asked.alpha)
        if mine := [each for each in found if each.contrast == contrast]:
            return mine[0]
    (interval,) = simultaneous(means, [contrast], alpha=asked.alpha, of=of)
    return interval


def _guardrail(
    fits: Fits,
    asked: Question,
    outcome: Outcome,
    arm: str,
    comparator: str,
    seen: dict[str, Seen],
) -> list[GuardrailReading]:
    """The reading of one guardrail in one arm; none where the arm is its own comparator."""
    if arm == comparator:
        return []
    (contrast,) = against([arm], comparator)
    means = fits.of(outcome.name, asked.estimators[0])
    reading, reach = means.read(contrast), None
    if asked.watch is not None:
        at = at_contrast(asked.watch, means, contrast, asked.estimators[0])
        seen[at.contrast] = at.now
        reach = at.reach(2 * asked.alpha)  # each of its two ends by itself at alpha
    unit = next(each.unit for each in asked.outcomes if each.name == outcome.name)
    return [
        read_guardrail(outcome, arm, comparator, reading, unit=unit, alpha=asked.alpha, reach=reach)
    ]


def _verdict(experiment: Experiment, head: About, evidence: Evidence) -> Verdict:
    assert experiment.decision is not None
    rule = parse_rule(experiment.decision.ship_if)
    word = verdict_word(rule, evidence)
    best = recommended(rule, evidence) if word == "ship" else None
    reference, unit = experiment.arms.reference, currency(experiment)
    return Verdict(
        experiment=head.experiment,
        version=head.version,
        as_of=head.as_of.isoformat(),
        simulated=head.simulated,
        verdict=word,
        recommended_arm=best.arm if best else None,
        reference=reference,
        unit=f"{unit} per affected customer",
        rule=rule.text,
        sentence=verdict_sentence(word, rule, evidence, reference=reference, currency=unit),
        reasons=reasons(rule, evidence, reference=reference, currency=unit),
        values=tuple(evidence.values),
        guardrails=tuple(evidence.guardrails),
    )
