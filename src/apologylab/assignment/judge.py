"""One phase of an experiment compiled to one function: unit and context in, answer out (R1, R4).

Order of judging: the unit id; never-list and eligibility; overrides; holdout; layer; entry; arm.
The first that keeps a unit out decides. Overrides stand after eligibility, so that QA, too, never
apologises to an injured customer in a test's words; and before the holdout, so that QA reaches any
unit that it names.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from apologylab.assignment.answers import (
    arm_answers,
    drawn_arms,
    entry_share,
    held_out,
    is_whole,
    not_drawn,
    not_entered,
    outside_layer,
    shadow_delays,
    unplaced,
)
from apologylab.assignment.eligibility import Context, compile_refusal, rules
from apologylab.assignment.hashing import (
    ARM,
    DELAY,
    experiment_prefix,
    share_bound,
    shared_prefix,
    word,
)
from apologylab.assignment.units import normalise
from apologylab.errors import StateError

if TYPE_CHECKING:
    from apologylab.assignment.assignment import Assignment, Reason
    from apologylab.design.experiment import Experiment, NormaliseRule

Judge = Callable[[str, Context], "Assignment"]
Exposed = Callable[[str, "Assignment"], object]
Gate = Callable[[bytes], "Assignment | None"]
"""From a unit id in UTF-8 to the answer that keeps it out, or None."""


def compile_judge(
    experiment: Experiment,
    *,
    phase: int,
    reason: Reason,
    on_exposure: Exposed | None = None,
) -> Judge:
    """The function that answers for ``phase``; a drawn arm carries ``reason``.

    ``on_exposure(unit, answer)`` gets each answer that enters an analysis: drawn, or held out.

    Raises:
        StateError: the experiment is a panel, or has no such phase.
        UnitIdError: (the function) the unit id breaks R8.
    """
    refuse_panel(experiment)
    rule = experiment.unit_id
    refusal = compile_refusal(
        rules(experiment),
        lambda because: not_drawn(experiment, "INELIGIBLE", because, phase=phase),
    )
    overrides = _overrides(experiment, phase)
    kept_out, draw = _shared_gate(experiment, phase), _arm_draw(experiment, phase, reason)
    in_clusters = experiment.unit == "cluster"

    def judge(unit: str, context: Context) -> Assignment:
        unit = normalise(unit, rule)
        answer = refusal(context)
        if answer is not None:
            return answer
        if unit in overrides:
            return overrides[unit]
        message = unit.encode()
        if kept_out is not None:
            answer = kept_out(_customer(context, rule) if in_clusters else message)
        if answer is None:
            answer = draw(message)
        if on_exposure is not None and answer.reason != "INELIGIBLE":
            on_exposure(unit, answer)
        return answer

    return judge


def _customer(context: Context, rule: NormaliseRule) -> bytes:
    """Holdout and layer are drawn on the customer, whatever else is drawn together (R9)."""
    return normalise(str(context.get("customer", "")), rule).encode()


def refuse_panel(experiment: Experiment) -> None:
    """Refuse an experiment that describes finished outcomes.

    Raises:
        StateError: it is one.
    """
    if experiment.panel is not None:
        raise StateError(
            f"{experiment.name} describes a file of finished outcomes, so nothing is drawn",
            do=f"run `apologylab analyse {experiment.name} --panel FILE`",
        )


def _overrides(experiment: Experiment, phase: int) -> dict[str, Assignment]:
    # Overrides are outside every analysis, so the first delay of silence serves as well as any.
    return {
        normalise(unit, experiment.unit_id): arm_answers(
            experiment, arm, phase=phase, reason="OVERRIDE"
        )[0]
        for unit, arm in experiment.overrides.items()
    }


def _shared_gate(experiment: Experiment, phase: int) -> Gate | None:
    held, sliced = _holdout_gate(experiment, phase), _layer_gate(experiment, phase)
    if held is None or sliced is None:
        return held or sliced
    return lambda unit: held(unit) or sliced(unit)


def _holdout_gate(experiment: Experiment, phase: int) -> Gate | None:
    held = experiment.holdout
    if held is None or held.share == 0:
        return None
    answer = held_out(experiment, held, phase)
    start, bound = sha256(shared_prefix("holdout", held.salt)).copy, share_bound(held.share)

    def gate(unit: bytes) -> Assignment | None:
        digest = start()
        digest.update(unit)
        return answer if bound is None or digest.digest() < bound else None

    return gate


def _layer_gate(experiment: Experiment, phase: int) -> Gate | None:
    layer = experiment.layer
    if layer is None or is_whole(layer):
        return None
    answer = outside_layer(experiment, layer, phase)
    start, below, end = (
        sha256(shared_prefix("layer", layer.name)).copy,
        share_bound(layer.start),
        share_bound(layer.end),
    )

    def gate(unit: bytes) -> Assignment | None:
        digest = start()
        digest.update(unit)
        place = digest.digest()
        inside = below is not None and place >= below and (end is None or place < end)
        return None if inside else answer

    return gate


def _arm_draw(experiment: Experiment, phase: int, reason: Reason) -> Callable[[bytes], Assignment]:
    if experiment.allocation.scheme != "independent":
        return _entry_draw(experiment, phase)
    arms, delays = drawn_arms(experiment, phase), shadow_delays(experiment)
    entry = share_bound(entry_share(experiment, phase))
    outside = not_entered(experiment, phase)
    answers = [arm_answers(experiment, arm, phase=phase, reason=reason) for arm in arms.items]
    start = sha256(experiment_prefix(experiment)).copy
    arm_cuts, delay_cuts = arms.cuts, delays.cuts

    def draw(unit: bytes) -> Assignment:
        hashed = start()
        hashed.update(unit)
        digest = hashed.digest()
        # Word 0 needs no slice: bytes compare at the first that differs.
        if entry is not None and digest >= entry:
            return outside
        answer = answers[bisect_right(arm_cuts, word(digest, ARM))]
        if len(answer) == 1:
            return answer[0]
        return answer[bisect_right(delay_cuts, word(digest, DELAY))]

    return draw


def _entry_draw(experiment: Experiment, phase: int) -> Callable[[bytes], Assignment]:
    """Whether a unit enters, where the ledger's counts draw its arm."""
    entry = share_bound(entry_share(experiment, phase))
    inside, outside = unplaced(experiment, phase), not_entered(experiment, phase)
    start = sha256(experiment_prefix(experiment)).copy

    def draw(unit: bytes) -> Assignment:
        if entry is None:
            return inside
        hashed = start()
        hashed.update(unit)
        return inside if hashed.digest() < entry else outside

    return draw
