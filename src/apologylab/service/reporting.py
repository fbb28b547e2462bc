"""What callers report: a fallback that they gave (R11), and a delivery that they made (R15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.assignment.answers import not_drawn
from apologylab.design.experiment import SILENCE
from apologylab.errors import InputError, NotFoundError, StateError
from apologylab.record.facts import Assignment, FallbackReport, Incident, Remedy
from apologylab.service.hearing import Unheard, hear
from apologylab.service.history import contexts
from apologylab.service.judging import DRAWN, stored_answer
from apologylab.service.recording import OTHER_CUSTOMER, recorded
from apologylab.service.running import enrolment
from apologylab.service.settling import Outcome, settle

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.record.facts import Fact
    from apologylab.service.ports import Ledger, Transaction
    from apologylab.service.running import Running

CALLER: Final = "caller"
"""The channel of a delivery that the caller made."""
REPORTED: Final = ("sent", "failed", "suppressed", "in_doubt")
REPORTED_OF_SILENCE: Final = ("would_send", "would_suppress")


def report_fallback(
    ledger: Ledger,
    running: Running,
    incident: Incident,
    *,
    because: str,
    at: datetime,
    now: datetime,
) -> None:
    """Store that the caller gave the fallback at ``at``, with the arm that was proposed (R11).

    Where no answer stands, FALLBACK becomes the incident's answer for good. Where a draw stands,
    it stays, and the dispatcher does not send: what was given is goodwill.

    Raises:
        InputError: the incident cannot be heard.
        StateError: the experiment is not started.
    """
    heard = hear(incident, running)
    if isinstance(heard, Unheard):
        raise InputError(heard.because)
    with ledger.transaction(recorded_at=now) as work:
        answered = recorded(work, running, [heard])
        if not answered:
            raise InputError(OTHER_CUSTOMER, do="give each incident a key of its own")
        (standing,) = answered
        key = f"{running.name}/{standing.key}"
        facts: list[Fact] = [_fallback_report(work, running, standing, key, at)]
        if not work.find_among(Assignment, "key", [key]):
            facts.append(_fallback(work, running, standing, because, now))
        work.append(facts)


def _fallback_report(
    work: Transaction, running: Running, incident: Incident, key: str, at: datetime
) -> FallbackReport:
    experiment = running.experiment
    phase = enrolment(work, running.name, experiment.version).phase
    unit = incident.customer if experiment.unit == "customer" else incident.key
    context = contexts(work, running, [incident])[incident.key]
    proposal = running.assigner.propose(unit, context, phase)
    return FallbackReport(
        key=key,
        occurred_at=at,
        experiment=running.name,
        unit=unit,
        customer=incident.customer,
        incident=incident.key,
        proposed=proposal.arm if proposal.reason in DRAWN else "",
        given=not_drawn(experiment, "FALLBACK", "").arm,
    )


def _fallback(
    work: Transaction, running: Running, incident: Incident, because: str, now: datetime
) -> Assignment:
    experiment = running.experiment
    phase = enrolment(work, experiment.name, experiment.version).phase
    proposal = not_drawn(experiment, "FALLBACK", because, phase=phase)
    return stored_answer(running, incident, proposal, now=now, is_first=False)


def report_delivery(
    ledger: Ledger,
    running: Running,
    incident: str,
    *,
    state: str,
    because: str = "",
    now: datetime,
) -> None:
    """Store what became of a remedy that the caller delivers itself; twice is as once (R15).

    Raises:
        StateError: the experiment is delivered by apologylab.
        NotFoundError: the incident has no remedy.
        InputError: ``state`` is none that this remedy can end in.
    """
    if running.experiment.delivery.by != CALLER:
        raise StateError(
            f"{running.name} is delivered by apologylab", do="run `apologylab dispatch --once`"
        )
    with ledger.transaction(recorded_at=now) as work:
        found = work.find_among(Remedy, "key", [f"{running.name}/{incident}"])
        if not found:
            raise NotFoundError(
                f"incident {incident} has no remedy in {running.name}", do="assign it first"
            )
        _refuse_state(found[0], state)
        settle(work, running, [Outcome(found[0], state, because)], channel=CALLER, now=now)


def _refuse_state(remedy: Remedy, state: str) -> None:
    allowed = REPORTED_OF_SILENCE if remedy.arm == SILENCE else REPORTED
    if state not in allowed:
        raise InputError(
            f"a delivery in {remedy.arm} cannot be {state!r}", do=f"say one of {', '.join(allowed)}"
        )
