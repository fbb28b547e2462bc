"""Answer a batch of incidents in one ledger transaction: hash proposes, ledger decides (R2).

What others may not change meanwhile is locked first: the experiment, shared; then customers and
what the allocation is balanced within. The budget is only looked at, and charged as the last act
before the commit; where it does not hold what was seen any more, all is undone and done again with
the budget locked before the batch is judged (R14).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from apologylab.errors import LedgerError, OutdatedError
from apologylab.record.facts import Assignment, Closed, Halted, Incident, PhaseBegan, Remedy
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.remedy.letter import opened
from apologylab.service import schemes
from apologylab.service.again import again
from apologylab.service.asked import Asked
from apologylab.service.budget import Caps
from apologylab.service.hearing import Unheard, hear
from apologylab.service.history import History, contexts
from apologylab.service.judging import DRAWN, Case, judge
from apologylab.service.matching import as_standing
from apologylab.service.pinning import pin
from apologylab.service.recording import OTHER_CUSTOMER, keys_of, store, told
from apologylab.service.running import enrolment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Liability
    from apologylab.remedy.letter import Letter
    from apologylab.service.judging import Judged
    from apologylab.service.pinning import Pin
    from apologylab.service.ports import Ledger, LedgerIdentity, Transaction
    from apologylab.service.running import Enrolment, Running


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an incident gets.

    ``assignment`` is the stored answer, None if the incident could not be heard. ``remedy`` and
    ``letter`` are what was pinned, None where nothing is drawn or said. ``because`` says why an
    incident was not heard, or why a text is missing.
    """

    assignment: Assignment | None
    remedy: Remedy | None = None
    letter: Letter | None = None
    because: str = ""

    @property
    def text(self) -> str | None:
        """What is read."""
        return self.letter.text if self.letter is not None else None


@dataclass(frozen=True, kw_only=True)
class _Decided:
    """What one judging of a batch found."""

    past: History
    judged: Judged
    closing: str | None = None
    """Why the phase closes with this batch, if it does."""


class _BudgetMoved(Exception):  # noqa: N818 - it undoes a transaction and is nobody's error
    """The budget must be locked before the batch is judged."""


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
        OutdatedError: a later version of it was started.
        LedgerError: the ledger could not do it; nothing was stored.
    """
    heard = [hear(incident, running) for incident in incidents]
    batch = [each for each in heard if isinstance(each, Incident)]
    once = partial(_commit, ledger, running, batch, now, in_time)
    answers = again(once) if batch else {}
    return [
        Answer(assignment=None, because=each.because)
        if isinstance(each, Unheard)
        else _own(answers.get(each.key), each.customer)
        for each in heard
    ]


def _own(answer: Answer | None, customer: str) -> Answer:
    """``answer`` if it is about ``customer``."""
    if answer is None or answer.assignment is None or answer.assignment.customer != customer:
        return Answer(assignment=None, because=OTHER_CUSTOMER)
    return answer


def _commit(
    ledger: Ledger,
    running: Running,
    incidents: Sequence[Incident],
    now: datetime,
    in_time: Callable[[], None],
) -> dict[str, Answer]:
    """The batch in one transaction, or in a second one that locks the budget first."""

    def attempt(*, careful: bool) -> dict[str, Answer]:
        with ledger.transaction(recorded_at=now) as work:
            answers = _answer(work, running, incidents, now, ledger.identity, careful=careful)
            in_time()
            return answers

    for careful in (False, True):
        with suppress(_BudgetMoved):
            return attempt(careful=careful)
    raise LedgerError(
        f"the budget of {running.name} does not hold what it admitted under its lock",
        do="this should not happen: run `apologylab doctor --ledger`",
    )


def _answer(
    work: Transaction,
    running: Running,
    incidents: Sequence[Incident],
    now: datetime,
    identity: LedgerIdentity,
    *,
    careful: bool,
) -> dict[str, Answer]:
    locked = _lock(work, running, incidents)
    customers = sorted({each.customer for each in incidents})
    _expect(work, running, incidents, customers, now)
    stands = _enrolment(work, running)
    stored = work.find_among(Assignment, "customer", customers)
    standing = as_standing(work, incidents)
    incidents, heard = told(work, running, standing.incidents)
    case = Case(
        running=running,
        enrolment=stands,
        contexts=contexts(work, running, incidents),
        now=now,
        locked=locked,
    )
    decided = _decide(work, case, incidents, stored, careful=careful)
    given, before = decided.judged.answers, {each.key for each in stored}
    fresh = [each for each in incidents if given[each.key].key not in before]
    pins = _pins(case, decided, fresh, identity)
    stood = _stood(work, [each for each in given.values() if each.key in before])
    new = [each for each in given.values() if each.key not in before]
    _store(work, case, decided, [*heard, *standing.new, *new], list(pins.values()))
    answers = {
        incident: stood.get(each.key) or _told(each, pins.get(each.key))
        for incident, each in given.items()
    }
    return answers | {
        key: answers[stands] for key, stands in standing.stands.items() if stands in answers
    }


def _pins(
    case: Case, decided: _Decided, fresh: Sequence[Incident], identity: LedgerIdentity
) -> dict[str, Pin]:
    """Assignment -> what it gives, of those ``fresh`` incidents that were drawn."""
    return {
        each.key: pin(
            case.running, each, incident, decided.past.nth(each), ledger=identity, caps=case.caps
        )
        for incident in fresh
        if (each := decided.judged.answers[incident.key]).reason in DRAWN
    }


def _lock(work: Transaction, running: Running, incidents: Sequence[Incident]) -> list[str]:
    """Keep starts and stops out, and everybody from the histories that this batch reads.

    Gives what is locked for the scheme of allocation.
    """
    work.lock([f"experiment/{running.name}"], shared=True)
    customers = {f"customer/{each.customer}" for each in incidents}
    counted = schemes.names(work, running, incidents)
    work.lock([*sorted(customers), *counted])
    return counted


def _expect(
    work: Transaction,
    running: Running,
    incidents: Sequence[Incident],
    customers: Sequence[str],
    now: datetime,
) -> None:
    """Everything that every batch reads, at once."""
    name = running.name
    asked = [Asked(kind, "experiment", (name,)) for kind in (PhaseBegan, Closed, Halted)]
    work.expect(
        [
            *asked,
            Asked(Assignment, "customer", tuple(customers)),
            Asked(Complaint, "customer", tuple(customers)),
            Asked(Incident, "key", tuple(keys_of(incidents))),
        ],
        Caps(running, 1, now).rows,
    )


def _enrolment(work: Transaction, running: Running) -> Enrolment:
    name, version = running.name, running.experiment.version
    stands = enrolment(work, name, version)
    if stands.latest > version:
        raise OutdatedError(
            f"version {version} of {name} was followed by version {stands.latest}",
            do="load the experiment again",
        )
    return stands


def _decide(
    work: Transaction,
    case: Case,
    incidents: Sequence[Incident],
    stored: Sequence[Assignment],
    *,
    careful: bool,
) -> _Decided:
    """Judge the batch; if the budget admits fewer than it draws, judge it again within that (R14).

    Without the budget's lock only a limit that may have room again tomorrow is taken at its word.
    """
    begin = partial(
        schemes.begin, work, case.running, case.enrolment.phase, incidents, locked=case.locked
    )
    past = History(case.running, stored)
    judged = judge(case, incidents, past, scheme=begin())
    if not judged.draws:
        return _Decided(past=past, judged=judged)
    wanted, new = judged.draws, judged.new
    left = case.caps.room(work, draws=wanted, new=new, locked=careful)
    short = left.draws is not None and left.draws < wanted
    if not short and (left.new is None or left.new >= new):
        return _Decided(past=past, judged=judged)
    closes = short and left.closes and case.enrolment.closed is None
    if closes and not careful:
        raise _BudgetMoved
    past = History(case.running, stored)
    return _Decided(
        past=past,
        judged=judge(case, incidents, past, left, scheme=begin()),
        closing=left.drawn_because if closes else None,
    )


def _store(
    work: Transaction,
    case: Case,
    decided: _Decided,
    new: Sequence[Incident | SameIncident | Assignment],
    pins: Sequence[Pin],
) -> None:
    owed = [each.liability for each in pins if each.liability]
    beside = [fact for each in pins for fact in each.beside.facts]
    store(work, [*new, *(each.remedy for each in pins), *owed, *beside])
    if decided.closing is not None:
        work.append([_closed(case, decided.closing)])
    for each in pins:
        if each.text is not None and each.remedy.text is not None:
            work.put_text(each.remedy.text, each.text)
        if each.address is not None and each.remedy.address is not None:
            work.put_text(each.remedy.address, each.address)
        for text_id, body in each.beside.texts.items():
            work.put_text(text_id, body)
    if (scheme := decided.judged.scheme) is not None:
        work.advance(scheme.steps())
    _charge(work, case, decided, owed)


def _closed(case: Case, because: str) -> Closed:
    experiment, phase = case.running.experiment, case.enrolment.phase
    return Closed(
        key=f"{experiment.name}/{experiment.version}/{phase}",
        occurred_at=case.now,
        experiment=experiment.name,
        version=experiment.version,
        phase=phase,
        because=because,
    )


def _charge(work: Transaction, case: Case, decided: _Decided, owed: Sequence[Liability]) -> None:
    """The last act: the budget is held from here to the commit only (R14)."""
    judged = decided.judged
    if not case.caps.charge(work, drawn=judged.draws, new=judged.new, owed=owed):
        raise _BudgetMoved
    if decided.closing is not None:
        case.caps.seal(work)


def _stood(work: Transaction, before: Sequence[Assignment]) -> dict[str, Answer]:
    """The answers of retries by key, with the texts that were not forgotten."""
    if not before:
        return {}
    drawn = [each.key for each in before if each.reason in DRAWN]
    remedies = {each.key: each for each in work.find_among(Remedy, "key", drawn)} if drawn else {}
    said = [each.text for each in remedies.values() if each.text is not None]
    texts = work.texts(said) if said else {}
    return {each.key: _retold(each, remedies.get(each.key), texts) for each in before}


def _retold(assignment: Assignment, remedy: Remedy | None, texts: Mapping[str, str]) -> Answer:
    said = remedy.text if remedy is not None else None
    body = texts.get(said) if said is not None else None
    letter = opened(body) if body is not None else None
    return Answer(assignment=assignment, remedy=remedy, letter=letter)


def _told(assignment: Assignment, pinned: Pin | None) -> Answer:
    if pinned is None:
        return Answer(assignment=assignment)
    return Answer(
        assignment=assignment,
        remedy=pinned.remedy,
        letter=opened(pinned.text) if pinned.text is not None else None,
        because=pinned.because,
    )
