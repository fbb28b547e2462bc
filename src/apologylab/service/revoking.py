"""Take back by hand what a customer was given and has not used (R14)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from apologylab.errors import InputError, NotFoundError
from apologylab.record.facts import Assignment, Liability
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.budget import give_back
from apologylab.service.held import owed
from apologylab.service.start import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.service.held import Owed
    from apologylab.service.ports import Ledger, Transaction


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """Assignments by what became of their compensation.

    ``revoked`` now; ``waiting`` has not left yet, so there is nothing to take back; ``ended``
    before, used ones too.
    """

    experiment: str
    revoked: tuple[str, ...]
    waiting: tuple[str, ...]
    ended: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Whose compensations of an experiment are taken back: customers, and keys of assignments."""

    experiment: str
    because: str
    customers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    by: str = PROGRAM


def revoke(ledger: Ledger, asked: Recall, *, now: datetime) -> Revoked:
    """Revoke what was given and is neither used nor over; again, it finds nothing left.

    It tells the ledger, which frees the budget; that the coupon stops working is the shop's part.

    Raises:
        NotFoundError: nothing was given to any of them.
        InputError: nobody is named, or ``because`` is empty.
    """
    if not asked.because.strip():
        raise InputError("it is not said why it is revoked", do="the trail of changes will show it")
    if not asked.customers and not asked.keys:
        raise InputError("nobody is named", do="give --customer, or --key of an assignment")
    return again(partial(_revoke, ledger, asked, now))


def _revoke(ledger: Ledger, asked: Recall, now: datetime) -> Revoked:
    with ledger.transaction(recorded_at=now) as work:
        given = _given(work, asked)
        if not given:
            raise NotFoundError(
                f"{asked.experiment} gave nothing to "
                f"{', '.join([*asked.customers, *asked.keys][:5])}",
                do=f"see `apologylab explain CUSTOMER`; a key is {asked.experiment}/INCIDENT",
            )
        steps = [each.step("revoked", now) for each in given if each.is_open]
        work.append(steps)
        if steps:
            _write_down(work, asked, [each.assignment for each in steps], now)
        give_back(work, steps)
    return Revoked(
        experiment=asked.experiment,
        revoked=tuple(each.assignment for each in steps),
        waiting=_assignments(given, ("reserved",)),
        ended=_assignments(given, ("redeemed", "released", "expired", "revoked")),
    )


def _given(work: Transaction, asked: Recall) -> list[Owed]:
    """What was given, under the locks of those to whom."""
    answered = work.find_among(Assignment, "customer", asked.customers) if asked.customers else []
    keys = {*asked.keys, *(each.key for each in answered if each.experiment == asked.experiment)}
    named = work.find_among(Liability, "assignment", sorted(keys))
    work.lock([f"customer/{each}" for each in sorted({each.customer for each in named})])
    found = owed(work.find_among(Liability, "assignment", sorted(keys)))
    return [each for each in found.values() if each.reserved.experiment == asked.experiment]


def _write_down(
    work: Transaction, asked: Recall, assignments: Sequence[str], now: datetime
) -> None:
    note(
        work,
        experiment=asked.experiment,
        what="revoke",
        by=asked.by,
        detail={"because": asked.because.strip(), "assignments": ", ".join(assignments)},
        now=now,
    )


def _assignments(given: Sequence[Owed], states: Sequence[str]) -> tuple[str, ...]:
    return tuple(each.reserved.assignment for each in given if each.state in states)
