"""The end of a compensation's life as the facts tell it: redeemed or expired (R14).

A compensation expires so many days after it was committed as were declared when it was drawn. It is
only said to have expired once no redemption can be on its way any more: when the feed of
redemptions is complete through that moment, or ``GRACE`` has passed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from apologylab.assignment.units import normalise
from apologylab.errors import UnitIdError
from apologylab.record.facts import Feed, Liability, Merged, Redemption
from apologylab.service.again import again
from apologylab.service.budget import give_back
from apologylab.service.held import owed
from apologylab.service.redeeming import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from apologylab.design.experiment import NormaliseRule
    from apologylab.service.held import Owed
    from apologylab.service.ports import Ledger
    from apologylab.service.redeeming import Match
    from apologylab.service.running import Running

GRACE: Final = timedelta(days=7)
"""How long a redemption may be on its way, where no feed is declared complete."""
BATCH: Final = 500
"""Customers settled in one transaction."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What became of compensations, and which redemptions found none that could be used.

    ``late`` used one after its life; ``strange`` have a name of which the customer was given none,
    or none more.
    """

    redeemed: int = 0
    expired: int = 0
    late: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Person:
    """What one customer was given under all ids, and used."""

    ids: set[str] = field(default_factory=set)
    given: list[Owed] = field(default_factory=list)
    redemptions: list[Redemption] = field(default_factory=list)

    def ends(self, given: Sequence[Owed], until: datetime) -> list[Liability]:
        """Facts of those ``given`` that were redeemed, or expired by ``until``."""
        found = {
            match.owed.reserved.assignment: match.owed.step(
                "redeemed", match.redemption.occurred_at
            )
            for match in matches(given, self.redemptions)
            if match.owed is not None and match.owed.state == "committed"
        }
        gone = (
            each.step("expired", each.ends)
            for each in given
            if each.state == "committed"
            and each.reserved.assignment not in found
            and each.ends is not None
            and each.ends <= until
        )
        return [*found.values(), *gone]


def settle_liabilities(
    ledger: Ledger, every: Iterable[Running], *, now: datetime, batch: int = BATCH
) -> Settled:
    """Bring the compensations of all experiments up to what the facts say of them.

    It reads all liabilities and redemptions, so let it run now and then; doing it again changes
    nothing. ``every`` are the started experiments, whose rules say how ids are spelt (R8).
    """
    people = _people(ledger, sorted({each.experiment.unit_id for each in every}))
    until = _complete(ledger, now)
    busy = [each for each in people if each.ends(each.given, until)]
    steps: list[Liability] = []
    for first in range(0, len(busy), batch):
        steps += again(partial(_settle, ledger, busy[first : first + batch], until, now))
    found = [match for each in people for match in matches(each.given, each.redemptions)]
    return Settled(
        redeemed=sum(each.state == "redeemed" for each in steps),
        expired=sum(each.state == "expired" for each in steps),
        late=_keys(found, lambda each: each.is_late),
        strange=_keys(found, lambda each: each.owed is None),
    )


def _keys(found: Iterable[Match], chosen: Callable[[Match], bool]) -> tuple[str, ...]:
    return tuple(sorted(each.redemption.key for each in found if chosen(each)))


def _complete(ledger: Ledger, now: datetime) -> datetime:
    """Until when all redemptions are known."""
    through = (each.through for each in ledger.read(Feed, fact="redemption"))
    return max(now - GRACE, min(now, max(through, default=now - GRACE)))


def _settle(
    ledger: Ledger, people: Sequence[_Person], until: datetime, now: datetime
) -> list[Liability]:
    with ledger.transaction(recorded_at=now) as work:
        work.lock([f"customer/{customer}" for each in people for customer in each.ids])
        keys = [one.reserved.assignment for each in people for one in each.given]
        now_owed = owed(work.find_among(Liability, "assignment", keys))
        steps = [step for each in people for step in each.ends(_again(each, now_owed), until)]
        work.append(steps)
        give_back(work, [each for each in steps if each.state == "expired"])
    return steps


def _again(person: _Person, now_owed: Mapping[str, Owed]) -> list[Owed]:
    """What a person was given, as it stands under the lock."""
    return [now_owed[each.reserved.assignment] for each in person.given]


def _people(ledger: Ledger, rules: Sequence[NormaliseRule]) -> list[_Person]:
    """Everybody who was ever given something, with what they used."""
    one = _one(ledger)
    people: dict[str, _Person] = defaultdict(_Person)
    for each in owed(ledger.read(Liability)).values():
        customer = each.reserved.customer
        people[one.get(customer, customer)].given.append(each)
        people[one.get(customer, customer)].ids.add(customer)
    for redemption in ledger.read(Redemption):
        names = _spellings(redemption.customer, rules)
        known = (one.get(each, each) for each in names)
        found = next((each for each in known if each in people), None)
        if found is not None:
            people[found].redemptions.append(redemption)
    return list(people.values())


def _spellings(customer: str, rules: Sequence[NormaliseRule]) -> list[str]:
    """An id as it came, then as experiments store it."""
    try:
        return [customer, *(normalise(customer, rule) for rule in rules)]
    except UnitIdError:
        return [customer]


def _one(ledger: Ledger) -> dict[str, str]:
    """Id -> the one that stands for all ids of a person; without those that stand for themselves.

    Whichever of two merged ids is followed, both lead to the same one (R8).
    """
    one: dict[str, str] = {}

    def root(name: str) -> str:
        while name in one:
            name = one[name]
        return name

    for each in ledger.read(Merged):
        first, second = root(each.customer), root(each.into)
        if first != second:
            one[first] = second
    return {name: root(name) for name in one}
