"""Remedies that give so much that a person must release them first (``budget.approve_above``).

They wait in the queue, past their due time; the wait is part of the delay that is recorded (R12).
Released, they leave; refused, they are suppressed with the reason ``not_approved``, their money is
freed, and the unit stays in its arm (R13).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from apologylab.design.faces import in_own
from apologylab.errors import InputError, NotFoundError, StateError
from apologylab.record.facts import Delivery, Remedy
from apologylab.record.later_facts import Approval
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.start import PROGRAM, lock_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Ledger, Transaction
    from apologylab.service.running import Running

NOT_APPROVED: Final = "not_approved"
UNAPPROVED: Final = "waits for approval"
LOOK_AGAIN: Final = timedelta(minutes=10)
"""How long the dispatcher leaves one alone that nobody has decided on; a decision wakes it up."""
REASONS: Final[Mapping[str, str]] = {
    "agreed": "what is given is what it should be",
    "too_much": "it is more than what happened is worth",
    "wrong_amount": "what it was reckoned from is wrong",
    "not_our_fault": "somebody else should pay",
    "settled_otherwise": "the customer has had enough already",
    "abuse": "it looks like abuse",
    "other": "none of these",
}
"""Reason code -> what it means; ``agreed`` is the only one of a release by default."""
SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Remedies of one experiment above its limit, and what was done with them."""

    experiment: str
    remedies: Sequence[Remedy]
    did: Literal["listed", "released", "refused"] = "listed"


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a person decides: which, how and why. Without ``keys`` it is all that waits."""

    released: bool
    keys: tuple[str, ...] = ()
    reason: str = "agreed"
    by: str = PROGRAM


def is_above(experiment: Experiment, remedy: Remedy) -> bool:
    """Whether ``remedy`` gives more than the limit of ``experiment``."""
    limit = experiment.budget.approve_above if experiment.budget is not None else None
    if limit is None or remedy.currency is None:
        return False
    return in_own(experiment, remedy.amount, remedy.currency) > limit.minor


def undecided(
    work: Transaction, running: Running, due: Sequence[Remedy]
) -> tuple[frozenset[str], frozenset[str]]:
    """The keys of ``due`` that wait for a person, and those that were refused."""
    above = [each.key for each in due if is_above(running.experiment, each)]
    if not above:
        return frozenset(), frozenset()
    decided = {each.key: each.released for each in work.find_among(Approval, "key", above)}
    refused = frozenset(key for key, released in decided.items() if not released)
    return frozenset(key for key in above if key not in decided), refused


def awaiting_approval(ledger: Ledger, running: Running) -> Waiting:
    """What waits for a person, longest due first; remedies that are not due yet are among it."""
    name = running.name
    gone = {each.key for each in ledger.read(Delivery, experiment=name)}
    gone |= {each.key for each in ledger.read(Approval, experiment=name)}
    found = (
        each
        for each in ledger.read(Remedy, experiment=name)
        if each.key not in gone and is_above(running.experiment, each)
    )
    return Waiting(
        experiment=running.name, remedies=sorted(found, key=lambda each: (each.due_at, each.key))
    )


def decide_on(ledger: Ledger, running: Running, decided: Decided, *, now: datetime) -> Waiting:
    """Store what a person ``decided``; the same again is as once.

    Raises:
        NotFoundError: a key is not of a remedy above the limit; nothing was done.
        StateError: it has left, or was decided the other way before; nothing was done.
        InputError: the reason is none of ``REASONS``, or a refusal gives none.
    """
    _refuse_reason(decided)
    keys = decided.keys or tuple(each.key for each in awaiting_approval(ledger, running).remedies)
    return again(partial(_decide_on, ledger, running, decided, keys, now))


def _refuse_reason(decided: Decided) -> None:
    if decided.reason not in REASONS or (not decided.released and decided.reason == "agreed"):
        codes = [code for code in REASONS if decided.released or code != "agreed"]
        raise InputError(f"{decided.reason!r} is no reason", do=f"give one of {', '.join(codes)}")


def _decide_on(
    ledger: Ledger, running: Running, decided: Decided, keys: Sequence[str], now: datetime
) -> Waiting:
    with ledger.transaction(recorded_at=now) as work:
        work.lock([lock_name(running.name)], shared=True)
        work.lock([f"approvals/{running.name}"])
        new = _undecided(work, running, decided, keys)
        if new:
            work.append([_approval(each, decided, now) for each in new])
            _note(work, running, decided, new, now)
            work.bring_forward({each.key: now for each in new if each.due_at <= now})
    did: Literal["released", "refused"] = "released" if decided.released else "refused"
    return Waiting(experiment=running.name, remedies=new, did=did)


def _undecided(
    work: Transaction, running: Running, decided: Decided, keys: Sequence[str]
) -> list[Remedy]:
    """The remedies of ``keys`` on which nothing is decided yet."""
    found = {each.key: each for each in work.find_among(Remedy, "key", list(keys))}
    known = {
        key
        for key, each in found.items()
        if each.experiment == running.name and is_above(running.experiment, each)
    }
    if unknown := [key for key in keys if key not in known]:
        raise NotFoundError(
            f"{', '.join(unknown[:5])}: no remedy of {running.name} above budget.approve_above",
            do=f"run `apologylab approve {running.name}` to see what waits",
        )
    before = {each.key: each for each in work.find_among(Approval, "key", list(keys))}
    gone = {each.key for each in work.find_among(Delivery, "key", list(keys))}
    for key, each in before.items():
        if each.released != decided.released:
            was = "released" if each.released else "refused"
            raise StateError(f"{key} was {was} by {each.by}", do="what was decided first stands")
    if left := sorted(gone - before.keys()):
        raise StateError(f"{', '.join(left[:5])} does not wait any more", do="see `explain`")
    return [found[key] for key in dict.fromkeys(keys) if key not in before]


def _approval(remedy: Remedy, decided: Decided, now: datetime) -> Approval:
    return Approval(
        key=remedy.key,
        occurred_at=now,
        assignment=remedy.assignment,
        experiment=remedy.experiment,
        customer=remedy.customer,
        released=decided.released,
        reason=decided.reason,
        by=decided.by,
    )


def _note(
    work: Transaction, running: Running, decided: Decided, new: Sequence[Remedy], now: datetime
) -> None:
    keys = [each.key for each in new]
    what = "release" if decided.released else "refuse"
    detail = {"remedies": len(keys), "keys": " ".join(keys[:SHOWN]), "reason": decided.reason}
    note(work, experiment=running.name, what=what, by=decided.by, detail=detail, now=now)
