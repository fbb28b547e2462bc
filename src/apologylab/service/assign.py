"""Answer a batch of incidents in one ledger transaction: hash proposes, ledger decides (R2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apologylab.record.facts import Assignment, Closed, Incident, Remedy
from apologylab.service.budget import charge, room
from apologylab.service.hearing import Unheard, hear
from apologylab.service.history import History, contexts
from apologylab.service.judging import BUDGET_SPENT, DRAWN, Case, judge
from apologylab.service.pinning import pin
from apologylab.service.recording import OTHER_CUSTOMER, recorded
from apologylab.service.running import enrolment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Fact
    from apologylab.service.pinning import Pin
    from apologylab.service.ports import Ledger, Transaction
    from apologylab.service.running import Running


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an incident gets.

    ``assignment`` is the stored answer, None if the incident could not be heard. ``remedy`` and
    ``text`` are what was pinned, None where nothing is drawn or said. ``because`` says why an
    incident was not heard, or why a text is missing.
    """

    assignment: Assignment | None
    remedy: Remedy | None = None
    text: str | None = None
    because: str = ""


def assign(
    ledger: Ledger,
    running: Running,
    incidents: Sequence[Incident],
    *,
    now: datetime,
    in_time: Callable[[], None] = lambda: None,
) -> list[Answer]:
    """Answer ``incidents`` in their order; a retry gets the stored answer (R2).

    An incident that cannot be heard is answered without being stored; it does not stop the others.
    ``in_time`` is called before the commit and raises to undo it, when the caller has gone (R11).

    Raises:
        StateError: the experiment is not started.
        LedgerError: the ledger could not do it; nothing was stored.
    """
    heard = [hear(incident, running) for incident in incidents]
    with ledger.transaction(recorded_at=now) as work:
        batch = [each for each in heard if isinstance(each, Incident)]
        answers = _answer(work, running, batch, now, ledger.identity.id) if batch else {}
        in_time()
    return [
        Answer(assignment=None, because=each.because)
        if isinstance(each, Unheard)
        else _with_text(ledger, _own(answers.get(each.key), each.customer))
        for each in heard
    ]


def _own(answer: Answer | None, customer: str) -> Answer:
    """``answer`` if it is about ``customer``."""
    if answer is None or answer.assignment is None or answer.assignment.customer != customer:
        return Answer(assignment=None, because=OTHER_CUSTOMER)
    return answer


def _with_text(ledger: Ledger, answer: Answer) -> Answer:
    """A retry's text comes from the ledger."""
    if answer.text is not None or answer.remedy is None or answer.remedy.text is None:
        return answer
    return replace(answer, text=ledger.text(answer.remedy.text))


def _answer(
    work: Transaction,
    running: Running,
    incidents: Sequence[Incident],
    now: datetime,
    ledger_id: str,
) -> dict[str, Answer]:
    incidents = recorded(work, running, incidents)
    stored = _answers_before(work, incidents)
    case = Case(
        running=running,
        enrolment=enrolment(work, running.name, running.experiment.version),
        contexts=contexts(work, running, incidents),
        now=now,
    )
    past, given = _decide(work, case, incidents, stored)
    before = {each.key for each in stored}
    pins = {
        each.key: pin(running, each, incident, past.nth(each), ledger_id)
        for incident in incidents
        if (each := given[incident.key]).reason in DRAWN and each.key not in before
    }
    new = [each for each in given.values() if each.key not in before]
    _store(work, running, new, pins.values())
    old = [each.key for each in given.values() if each.reason in DRAWN and each.key in before]
    remedies = {each.key: each for each in work.find_among(Remedy, "key", old)} if old else {}
    return {incident: _told(each, pins.get(each.key), remedies) for incident, each in given.items()}


def _answers_before(work: Transaction, incidents: Sequence[Incident]) -> list[Assignment]:
    """All earlier answers to the customers in the batch, of every experiment."""
    customers = sorted({incident.customer for incident in incidents})
    return work.find_among(Assignment, "customer", customers)


def _decide(
    work: Transaction, case: Case, incidents: Sequence[Incident], stored: Sequence[Assignment]
) -> tuple[History, dict[str, Assignment]]:
    """Judge the batch; if the budget admits fewer than it draws, close and judge again (R14)."""
    past = History(case.running, stored)
    known = set(past.answered)
    given = judge(case, incidents, past)
    wanted = sum(1 for each in given.values() if each.reason in DRAWN and each.key not in known)
    admitted = room(work, case.running, wanted)
    if admitted < wanted:
        past = History(case.running, stored)
        given = judge(case, incidents, past, admitted)
        work.append([_closing(case)])
    return past, given


def _closing(case: Case) -> Closed:
    experiment, phase = case.running.experiment, case.enrolment.phase
    return Closed(
        key=f"{experiment.name}/{experiment.version}/{phase}",
        occurred_at=case.now,
        experiment=experiment.name,
        version=experiment.version,
        phase=phase,
        because=BUDGET_SPENT,
    )


def _store(
    work: Transaction, running: Running, new: Sequence[Assignment], pins: Iterable[Pin]
) -> None:
    pins = list(pins)
    owed = [each.liability for each in pins if each.liability]
    facts: list[Fact] = [*new, *(each.remedy for each in pins), *owed]
    work.append(facts)
    for each in pins:
        if each.text is not None and each.remedy.text is not None:
            work.put_text(each.remedy.text, each.text)
    charge(work, running, sum(each.amount for each in owed))


def _told(assignment: Assignment, pinned: Pin | None, remedies: Mapping[str, Remedy]) -> Answer:
    if pinned is None:
        return Answer(assignment=assignment, remedy=remedies.get(assignment.key))
    return Answer(
        assignment=assignment, remedy=pinned.remedy, text=pinned.text, because=pinned.because
    )
