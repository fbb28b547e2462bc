"""The end of a compensation's life as the facts tell it: chosen, redeemed or expired (R14).

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
from apologylab.record.facts import Feed, Forgotten, Liability, Merged, Redemption
from apologylab.record.later_facts import Choice
from apologylab.service.again import again
from apologylab.service.baskets import below_basket
from apologylab.service.breakage import Stand, stands
from apologylab.service.budget import give_back, give_back_difference
from apologylab.service.choosing import UNKNOWN
from apologylab.service.ends_of_gifts import Person, Until, refused_choices
from apologylab.service.held import owed
from apologylab.service.redeeming import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from apologylab.design.experiment import NormaliseRule
    from apologylab.record.facts import Fact
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
    """What became of compensations, and which facts about them are odd.

    Of redemptions: ``late`` used one after its life; ``strange`` have a name of which the customer
    was given none, or none more; ``small`` were of an order below the least that it is for. All of
    them count as they were told. ``refused`` are choices that do not count, with why.
    """

    redeemed: int = 0
    expired: int = 0
    chosen: int = 0
    late: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    small: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    stands: tuple[Stand, ...] = field(default=(), compare=False)


def settle_liabilities(
    ledger: Ledger, every: Iterable[Running], *, now: datetime, batch: int = BATCH
) -> Settled:
    """Bring the compensations of all experiments up to what the facts say of them.

    It reads all liabilities, choices and redemptions, so let it run now and then; doing it again
    changes nothing. ``every`` are the started experiments, whose rules say how ids are spelt (R8).
    """
    people, nobodys = _people(ledger, sorted({each.experiment.unit_id for each in every}))
    until = Until(_complete(ledger, "redemption", now), _complete(ledger, "choice", now))
    busy = [each for each in people if each.ends(each.given, until).facts]
    steps: list[Liability] = []
    for first in range(0, len(busy), batch):
        steps += again(partial(_settle, ledger, busy[first : first + batch], until, now))
    stood = owed(ledger.read(Liability)) if people else {}
    for each in people:
        each.given = _again(each, stood)
    found = [match for each in people for match in matches(each.given, each.redemptions)]
    refused = [pair for each in people for pair in refused_choices(each)]
    return Settled(
        redeemed=sum(each.state == "redeemed" for each in steps),
        expired=sum(each.state == "expired" for each in steps),
        chosen=sum(each.state == "chosen" for each in steps),
        late=_keys(found, lambda each: each.is_late),
        strange=_keys(found, lambda each: each.owed is None),
        small=below_basket(ledger, found, now=now),
        refused=tuple(sorted([*refused, *((each, UNKNOWN) for each in nobodys)])),
        stands=stands(stood.values()),
    )


def _keys(found: Iterable[Match], chosen: Callable[[Match], bool]) -> tuple[str, ...]:
    return tuple(sorted(each.redemption.key for each in found if chosen(each)))


def _complete(ledger: Ledger, fact: str, now: datetime) -> datetime:
    """Until when all facts of a kind are known."""
    through = (each.through for each in ledger.read(Feed, fact=fact))
    return max(now - GRACE, min(now, max(through, default=now - GRACE)))


def _settle(
    ledger: Ledger, people: Sequence[Person], until: Until, now: datetime
) -> list[Liability]:
    facts: list[Fact] = []
    with ledger.transaction(recorded_at=now) as work:
        work.lock([f"customer/{customer}" for each in people for customer in each.ids])
        keys = [one.reserved.assignment for each in people for one in each.given]
        now_owed = owed(work.find_among(Liability, "assignment", keys))
        ends = [each.ends(_again(each, now_owed), until) for each in people]
        facts = [fact for each in ends for fact in each.facts]
        work.append(facts)
        give_back_difference(work, [pair for each in ends for pair in each.chosen])
        give_back(work, [step for each in ends for step in each.expired])
    return [each for each in facts if isinstance(each, Liability)]


def _again(person: Person, now_owed: Mapping[str, Owed]) -> list[Owed]:
    """What a person was given, as it stands under the lock."""
    return [now_owed[each.reserved.assignment] for each in person.given]


def _people(ledger: Ledger, rules: Sequence[NormaliseRule]) -> tuple[list[Person], list[str]]:
    """Everybody who was ever given something, with what they chose and used; others' choices."""
    one = _one(ledger)
    people: dict[str, Person] = defaultdict(Person)
    for each in owed(ledger.read(Liability)).values():
        customer = each.reserved.customer
        people[one.get(customer, customer)].given.append(each)
        people[one.get(customer, customer)].ids.add(customer)

    def person(customer: str) -> Person:
        known = (one.get(each, each) for each in _spellings(customer, rules))
        return next((people[each] for each in known if each in people), nobody)

    nobody = Person()
    for redemption in ledger.read(Redemption):
        person(redemption.customer).redemptions.append(redemption)
    for choice in ledger.read(Choice):
        person(choice.customer).choices.append(choice)
    for gone in ledger.read(Forgotten):
        person(gone.customer).is_forgotten = True
    return list(people.values()), [each.key for each in nobody.choices]


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
