"""Judge a batch of incidents in their order, given all that the ledger knows (R2, R4, R5).

The order of judging is the same for every arm: the incident's own fields, consent, fault and flags,
and the holdout; the customer's history; whether every arm's text can be filled; whether enrolment
is open and the budget has room. Only then is the arm looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from apologylab.assignment.answers import not_drawn
from apologylab.record.facts import Assignment
from apologylab.service.budget import Caps
from apologylab.service.schemes.scheme import Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from apologylab.assignment.assignment import Assignment as Proposal
    from apologylab.record.facts import Incident
    from apologylab.service.budget import Room
    from apologylab.service.history import History
    from apologylab.service.running import Enrolment, Running
    from apologylab.service.schemes.scheme import Scheme

DRAWN = ("RANDOMISED", "OVERRIDE")
"""The reasons whose arm is given."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that decides the answers of one batch: it answers the same whenever it is judged."""

    running: Running
    enrolment: Enrolment
    contexts: Mapping[str, Mapping[str, object]]
    now: datetime
    locked: Sequence[str] = ()
    """What is locked for the scheme of allocation."""

    @cached_property
    def caps(self) -> Caps:
        """What the budget admits in this phase at this time."""
        return Caps(self.running, self.enrolment.phase, self.now)

    @cached_property
    def refused(self) -> Callable[..., Proposal]:
        """The answer of a reason and its because, made once for each."""
        made = partial(not_drawn, self.running.experiment, phase=self.enrolment.phase)
        return lru_cache(maxsize=1_000)(made)


@dataclass(kw_only=True)
class Judged:
    """Incident -> its answer, and how many of those that were not known draw an arm.

    ``new`` are the draws that are no sticky repeats. ``room`` bounds both; None while it is asked
    what is wanted. ``scheme`` draws the arms, where the ledger's counts do.
    """

    room: Room | None
    scheme: Scheme | None = None
    answers: dict[str, Assignment] = field(default_factory=dict)
    draws: int = 0
    new: int = 0

    def full(self, *, repeat: bool) -> str | None:
        """Why no more is drawn, or None."""
        room = self.room
        if room is None:
            return None
        if room.draws is not None and self.draws >= room.draws:
            return room.drawn_because
        if not repeat and room.new is not None and self.new >= room.new:
            return room.new_because
        return None


def judge(
    case: Case,
    incidents: Sequence[Incident],
    past: History,
    room: Room | None = None,
    *,
    scheme: Scheme | None = None,
) -> Judged:
    """Answer ``incidents``; ``past`` and ``scheme`` learn them. Beyond ``room`` all are CLOSED."""
    judged = Judged(room=room, scheme=scheme)
    for incident in incidents:
        answer = past.answered.get(f"{case.running.name}/{incident.key}")
        if answer is None:
            answer = _judge(case, incident, past, judged)
            past.add(answer)
        judged.answers[incident.key] = answer
    return judged


def _judge(case: Case, incident: Incident, past: History, judged: Judged) -> Assignment:
    running = case.running
    proposal = _proposed(case, incident)
    if proposal.reason not in DRAWN:
        return stored_answer(running, incident, Placed(proposal), now=case.now)
    own = past.own(incident.customer) if proposal.reason == "RANDOMISED" else []
    repeat = bool(own) and _is_sticky(running)
    refused = _refused(case, incident, past, judged, repeat=repeat)
    if refused is not None:
        return stored_answer(running, incident, Placed(refused), now=case.now)
    judged.draws += 1
    judged.new += not repeat
    if repeat:
        answer = stored_answer(running, incident, _sticky(proposal, own[0]), now=case.now)
        return answer if answer.unit == own[0].unit else replace(answer, unit=own[0].unit)
    placed = _placed(case, incident, proposal, judged.scheme)
    is_first = not own or (
        running.experiment.unit == "incident" and incident.key not in {each.unit for each in own}
    )
    return stored_answer(running, incident, placed, now=case.now, is_first=is_first)


def _proposed(case: Case, incident: Incident) -> Proposal:
    unit = case.running.unit(incident)
    if unit is None:
        named = case.running.experiment.allocation.cluster
        return case.refused("INELIGIBLE", f"allocation.cluster: the incident names no {named}")
    context = case.contexts[incident.key]
    return case.running.assigner.propose(unit, context, case.enrolment.phase)


def _placed(case: Case, incident: Incident, proposal: Proposal, scheme: Scheme | None) -> Placed:
    """What is drawn: by the hash alone, or by the ledger's counts."""
    unit = case.running.unit(incident)
    if scheme is None or unit is None or proposal.reason != "RANDOMISED":
        return Placed(proposal)
    return scheme.draw(unit, case.contexts[incident.key], proposal)


def _refused(
    case: Case, incident: Incident, past: History, judged: Judged, *, repeat: bool
) -> Proposal | None:
    """The answer to an incident that could be drawn and is not, or None if it is."""
    because = (
        past.keeps_out(incident.customer, incident.occurred_at)
        or case.running.giving.unfit(incident.fields)
        or _unsayable(case.running, incident)
        or case.running.unreachable(incident.fields)
        or case.running.timing.untimely(incident.fields, incident.occurred_at, case.now)
    )
    if because:
        return case.refused("INELIGIBLE", because)
    closed = case.enrolment.closed
    if closed is None or (repeat and case.enrolment.halted is None):
        closed = judged.full(repeat=repeat)
    return None if closed is None else case.refused("CLOSED", closed)


def _unsayable(running: Running, incident: Incident) -> str | None:
    return running.wording.unsayable(running.giving.sayable(running.fills(incident)))


def _is_sticky(running: Running) -> bool:
    repeats = running.experiment.repeats
    return repeats is not None and repeats.next_incident == "sticky"


def _sticky(proposal: Proposal, first: Assignment) -> Placed:
    answer = proposal._replace(
        arm=first.arm,
        propensity=first.propensity,
        delay_s=first.delay_s,
        timing=first.timing,
        because=f"sticky: the arm drawn at incident {first.incident}",
    )
    return Placed(answer, first.stratum, first.block)


def stored_answer(
    running: Running,
    incident: Incident,
    placed: Placed,
    *,
    now: datetime,
    is_first: bool = False,
) -> Assignment:
    """The fact that stores ``placed`` as the answer to ``incident``.

    It happens at the incident, which anchors every window (R12); when it was drawn is the ledger's
    ``recorded_at``.
    """
    experiment, proposal = running.experiment, placed.proposal
    scheduled = running.scheduled(proposal, incident, now) if proposal.reason in DRAWN else None
    return Assignment(
        key=f"{experiment.name}/{incident.key}",
        occurred_at=incident.occurred_at,
        experiment=experiment.name,
        version=proposal.version,
        phase=proposal.phase,
        unit=running.unit(incident) or incident.customer,
        customer=incident.customer,
        incident=incident.key,
        arm=proposal.arm,
        reason=proposal.reason,
        propensity=proposal.propensity,
        entry=proposal.entry,
        holdout=proposal.holdout,
        because=proposal.because,
        delay_s=proposal.delay_s,
        due_at=scheduled.at if scheduled else None,
        first=is_first and proposal.reason == "RANDOMISED",
        stratum=placed.stratum,
        block=placed.block,
        timing=proposal.timing,
    )
