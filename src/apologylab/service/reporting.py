"""What callers report: a fallback that they gave (R11), and a delivery that they made (R15)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from apologylab.assignment.answers import not_drawn
from apologylab.design.experiment import SILENCE
from apologylab.errors import InputError, NotFoundError, StateError
from apologylab.record.facts import Assignment, Delivery, FallbackReport, Incident, Remedy
from apologylab.service.again import again
from apologylab.service.hearing import Unheard, hear
from apologylab.service.history import contexts
from apologylab.service.judging import DRAWN, stored_answer
from apologylab.service.promising import commit
from apologylab.service.recording import OTHER_CUSTOMER, store, told
from apologylab.service.running import enrolment
from apologylab.service.schemes.scheme import Placed
from apologylab.service.settling import Outcome, settle
from apologylab.service.start import lock_name

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
    again(partial(_report_fallback, ledger, running, heard, because, at, now))


def _report_fallback(
    ledger: Ledger, running: Running, heard: Incident, because: str, at: datetime, now: datetime
) -> None:
    with ledger.transaction(recorded_at=now) as work:
        work.lock([lock_name(running.name)], shared=True)
        work.lock([f"customer/{heard.customer}"])
        answered, new = told(work, running, [heard])
        if not answered:
            raise InputError(OTHER_CUSTOMER, do="give each incident a key of its own")
        (standing,) = answered
        key = f"{running.name}/{standing.key}"
        store(work, new)
        facts: list[Fact] = [_fallback_report(work, running, standing, key, at)]
        if not work.find_among(Assignment, "key", [key]):
            facts.append(_fallback(work, running, standing, because, now))
        work.append(facts)


def _fallback_report(
    work: Transaction, running: Running, incident: Incident, key: str, at: datetime
) -> FallbackReport:
    experiment = running.experiment
    phase = enrolment(work, running.name, experiment.version).phase
    unit = running.unit(incident)
    context = contexts(work, running, [incident])[incident.key]
    proposal = running.assigner.propose(unit, context, phase) if unit is not None else None
    return FallbackReport(
        key=key,
        occurred_at=at,
        experiment=running.name,
        unit=unit or incident.customer,
        customer=incident.customer,
        incident=incident.key,
        proposed=proposal.arm if proposal is not None and proposal.reason in DRAWN else "",
        given=not_drawn(experiment, "FALLBACK", "").arm,
    )


def _fallback(
    work: Transaction, running: Running, incident: Incident, because: str, now: datetime
) -> Assignment:
    experiment = running.experiment
    phase = enrolment(work, experiment.name, experiment.version).phase
    proposal = not_drawn(experiment, "FALLBACK", because, phase=phase)
    return stored_answer(running, incident, Placed(proposal), now=now)


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

    The first report stands: who is ``in_doubt`` and learns more later has reported too early.

    Raises:
        StateError: the experiment is delivered by apologylab, or another state was reported before.
        NotFoundError: the incident has no remedy.
        InputError: ``state`` is none that this remedy can end in.
    """
    if running.experiment.delivery.by != CALLER:
        raise StateError(
            f"{running.name} is delivered by apologylab", do="run `apologylab dispatch`"
        )
    again(partial(_report_delivery, ledger, running, incident, state, because, now))


def _report_delivery(
    ledger: Ledger, running: Running, incident: str, state: str, because: str, now: datetime
) -> None:
    with ledger.transaction(recorded_at=now) as work:
        found = work.find_among(Remedy, "key", [f"{running.name}/{incident}"])
        if not found:
            raise NotFoundError(
                f"incident {incident} has no remedy in {running.name}", do="assign it first"
            )
        (remedy,) = found
        _refuse_state(remedy, state)
        work.lock([lock_name(running.name)], shared=True)
        work.lock([f"customer/{remedy.customer}"])
        settled = settle(work, [Outcome(remedy, state, because)], channel=CALLER, now=now)
        if not settled:
            _refuse_another(work, remedy, state)
        commit(work, running, settled, now=now)


def _refuse_another(work: Transaction, remedy: Remedy, state: str) -> None:
    (stands,) = work.find_among(Delivery, "key", [remedy.key])
    if stands.state != state:
        raise StateError(
            f"the remedy of {remedy.key} was reported as {stands.state}, and now as {state}",
            do="report once, when it is known; what was reported first stands",
        )


def _refuse_state(remedy: Remedy, state: str) -> None:
    allowed = REPORTED_OF_SILENCE if remedy.arm == SILENCE else REPORTED
    if state not in allowed:
        raise InputError(
            f"a delivery in {remedy.arm} cannot be {state!r}", do=f"say one of {', '.join(allowed)}"
        )
