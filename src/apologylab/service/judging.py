"""Judge a batch of incidents in their order, given all that the ledger knows (R2, R4, R5).

The order of judging is the same for every arm: the incident's own fields, consent, fault and flags,
and the holdout; the customer's history; whether every arm's text can be filled; whether enrolment
is open. Only then is the arm looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from apologylab.assignment.answers import not_drawn
from apologylab.record.facts import Assignment
from apologylab.remedy.schedule import due

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from apologylab.assignment.assignment import Assignment as Proposal
    from apologylab.record.facts import Incident
    from apologylab.service.history import History
    from apologylab.service.running import Enrolment, Running

DRAWN = ("RANDOMISED", "OVERRIDE")
"""The reasons whose arm is given."""
BUDGET_SPENT = "budget.total: what is left does not cover the dearest arm"


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that decides the answers of one batch: it answers the same whenever it is judged."""

    running: Running
    enrolment: Enrolment
    contexts: Mapping[str, Mapping[str, object]]
    now: datetime

    @cached_property
    def refused(self) -> Callable[..., Proposal]:
        """The answer of a reason and its because, made once for each."""
        made = partial(not_drawn, self.running.experiment, phase=self.enrolment.phase)
        return lru_cache(maxsize=1_000)(made)


def judge(
    case: Case, incidents: Sequence[Incident], past: History, room: int | None = None
) -> dict[str, Assignment]:
    """Incident -> its answer; ``past`` learns them. At most ``room`` are drawn, the rest CLOSED."""
    answers: dict[str, Assignment] = {}
    taken = 0
    for incident in incidents:
        key = f"{case.running.name}/{incident.key}"
        answer = past.answered.get(key)
        if answer is None:
            spent = BUDGET_SPENT if room is not None and taken >= room else None
            closed = spent if case.enrolment.closed is None else case.enrolment.closed
            answer = _judge(case, incident, past, closed)
            taken += answer.reason in DRAWN
            past.add(answer)
        answers[incident.key] = answer
    return answers


def _judge(case: Case, incident: Incident, past: History, closed: str | None) -> Assignment:
    running = case.running
    unit = incident.customer if running.experiment.unit == "customer" else incident.key
    proposal = running.assigner.propose(unit, case.contexts[incident.key], case.enrolment.phase)
    if proposal.reason in DRAWN:
        because = past.keeps_out(incident.customer, incident.occurred_at) or _unsayable(
            running, incident
        )
        if because:
            proposal = case.refused("INELIGIBLE", because)
        elif closed is not None:
            proposal = case.refused("CLOSED", closed)
    own = past.own(incident.customer) if proposal.reason == "RANDOMISED" else []
    repeats = running.experiment.repeats
    if own and repeats is not None and repeats.next_incident == "sticky":
        proposal = _sticky(proposal, own[0])
    return stored_answer(
        running,
        incident,
        proposal,
        now=case.now,
        is_first=unit not in {each.unit for each in own},
    )


def _unsayable(running: Running, incident: Incident) -> str | None:
    return running.wording.lacking(running.wording.locale(incident.fields), incident.fields)


def _sticky(proposal: Proposal, first: Assignment) -> Proposal:
    return proposal._replace(
        arm=first.arm,
        propensity=first.propensity,
        delay_s=first.delay_s,
        because=f"sticky: the arm drawn at incident {first.incident}",
    )


def stored_answer(
    running: Running, incident: Incident, proposal: Proposal, *, now: datetime, is_first: bool
) -> Assignment:
    """The fact that stores ``proposal`` as the answer to ``incident``.

    It happens at the incident, which anchors every window (R12); when it was drawn is the ledger's
    ``recorded_at``.
    """
    experiment = running.experiment
    hold, delay_s = experiment.delivery.hold_seconds, proposal.delay_s or 0
    due_at = (
        due(incident.occurred_at, delay_s, hold_seconds=hold, now=now).at
        if proposal.reason in DRAWN
        else None
    )
    return Assignment(
        key=f"{experiment.name}/{incident.key}",
        occurred_at=incident.occurred_at,
        experiment=experiment.name,
        version=proposal.version,
        phase=proposal.phase,
        unit=incident.customer if experiment.unit == "customer" else incident.key,
        customer=incident.customer,
        incident=incident.key,
        arm=proposal.arm,
        reason=proposal.reason,
        propensity=proposal.propensity,
        entry=proposal.entry,
        holdout=proposal.holdout,
        because=proposal.because,
        delay_s=proposal.delay_s,
        due_at=due_at,
        first=is_first and proposal.reason == "RANDOMISED",
    )
