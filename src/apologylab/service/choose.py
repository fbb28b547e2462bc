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
        if any(each.key == assignment and each.chosen == chosen for each in before):
            return
        choice = Choice(
            key=assignment,
            occurred_at=at,
            assignment=assignment,
            experiment=stands.reserved.experiment,
            customer=customer,
            chosen=chosen,
        )
        made = any(each.because is None for each in choices([stands], before))
        _refuse(work, stands, choice, made=made)
        steps, given_up = _settled(stands, choice)
        work.append([choice, *steps])
        give_back_difference(work, given_up)


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
