"""Store what a customer chose of a menu, and settle it at once (R14)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from apologylab.errors import NotFoundError, StateError
from apologylab.record.facts import Forgotten, Liability
from apologylab.record.later_facts import Choice
from apologylab.service.again import again
from apologylab.service.budget import give_back_difference
from apologylab.service.choosing import AGAIN, FORGOTTEN, choices, refused
from apologylab.service.held import follow, owed
from apologylab.service.using_up import used_up

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.record.facts import Fact
    from apologylab.service.held import Owed
    from apologylab.service.ports import Ledger, Transaction


def choose(ledger: Ledger, assignment: str, chosen: str, *, at: datetime, now: datetime) -> None:
    """Store that the customer of ``assignment`` chose ``chosen`` at ``at``; twice is as once.

    What was reserved beyond it is given back to every budget. A choice of what has not left yet
    waits until it has.

    Raises:
        NotFoundError: nothing was given there.
        StateError: the choice does not count, and says why: nothing was stored.
    """
    again(partial(_choose, ledger, assignment, chosen, at, now))


def _choose(ledger: Ledger, assignment: str, chosen: str, at: datetime, now: datetime) -> None:
    with ledger.transaction(recorded_at=now) as work:
        found = work.find_among(Liability, "assignment", [assignment])
        if not found:
            raise NotFoundError(
                f"nothing was given for {assignment}", do="see `apologylab explain`"
            )
        customer = found[0].customer
        work.lock([f"customer/{customer}"])
        stands = owed(work.find_among(Liability, "assignment", [assignment]))[assignment]
        before = work.find_among(Choice, "assignment", [assignment])
        counted = _counted(stands, before)
        if any(each.chosen == chosen for each in counted):
            return
        choice = Choice(
            key=_free_key(work, assignment),
            occurred_at=at,
            assignment=assignment,
            experiment=stands.reserved.experiment,
            customer=customer,
            chosen=chosen,
        )
        _refuse(work, stands, choice, made=bool(counted))
        steps, given_up = _settled(stands, choice)
        work.append([choice, *steps])
        give_back_difference(work, given_up)


def _counted(stands: Owed, before: Sequence[Choice]) -> list[Choice]:
    """Those of ``before`` that were settled, or will be once it has left."""
    waiting = [each.choice for each in choices([stands], before) if each.because is None]
    return waiting + [each for each in before if each.key == stands.reserved.because]


def _free_key(work: Transaction, assignment: str) -> str:
    """The assignment's, but where a file brought a choice under it that does not count."""
    key, number = assignment, 1
    while work.find_among(Choice, "key", [key]):
        number += 1
        key = f"{assignment}/{number}"
    return key


def _refuse(work: Transaction, stands: Owed, choice: Choice, *, made: bool) -> None:
    because = refused(stands, choice.chosen, choice.occurred_at)
    if because is None and work.find_among(Forgotten, "customer", [choice.customer]):
        because = FORGOTTEN
    if because is None and made:
        because = AGAIN
    if because is not None:
        offered = f"; the menu is {', '.join(stands.menu)}" if stands.menu else ""
        raise StateError(
            f"{choice.chosen} cannot be chosen for {choice.assignment}: {because}{offered}",
            do="what was chosen first stands; see `apologylab explain`",
        )


def _settled(stands: Owed, choice: Choice) -> tuple[list[Fact], list[tuple[Liability, Liability]]]:
    """The facts of a choice that can be settled now, and what was reserved beside what is."""
    steps = [step for each in choices([stands], [choice]) if (step := each.step()) is not None]
    facts = [
        fact for step in steps for fact in (step, *used_up(follow(stands, step), step.occurred_at))
    ]
    return facts, [(stands.reserved, step) for step in steps]
