"""A world's events as rows of facts, ready for bulk append: fields in their declared order.

Times are integer microseconds since 1970 in UTC, which the ledger's bulk door takes. Keys are
numbered in order of time, as a company's rides and orders are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from apologylab.decision.value import currency
from apologylab.design.arms import arms
from apologylab.design.routes import address_fields, format_of
from apologylab.errors import InputError
from apologylab.record.facts import Incident
from apologylab.simulation.futures import CENTS, Contacts, Future, Ints, Orders
from apologylab.simulation.truth import compensation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.design.routes import Format
    from apologylab.simulation.riders import Flags, Floats, Riders
    from apologylab.simulation.world import World

Rows = list[tuple[Any, ...]]
Columns = TypeVar("Columns", Orders, Contacts)
ABROAD = "ZZ"
"""A country in which nothing enrols."""
FIRST_NAMES = ("Ada", "Björn", "Chiara", "Đorđe", "Eglė", "Farid", "Grace", "Hana")
_ADDRESSES: Mapping[Format, str] = {
    "email": "rider{}@riders.invalid",
    "phone": "+1555{:07}",
    "any": "rider-{}",
}
"""Nobody has these (RFC 2606; 555 is no area)."""
RIDE_MINUTES = 30
"""A late ride was ordered so long before it ended."""
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A world's riders in one experiment: enrolment begins at ``start``."""

    experiment: Experiment
    start: datetime
    riders: Riders

    @cached_property
    def customers(self) -> list[str]:
        """The riders' ids, in their order."""
        return [customer(row) for row in range(len(self.riders))]

    @cached_property
    def currency(self) -> str:
        """The money that the experiment counts in."""
        return currency(self.experiment)

    @cached_property
    def late(self) -> LateRides:
        """All late rides: the one that each rider is here for, and second ones."""
        n, again = len(self.riders), np.flatnonzero(np.isfinite(self.riders.second_day))
        rider = np.r_[np.arange(n), again]
        at = self.micros(rider, np.r_[np.zeros(n), self.riders.second_day[again]])
        return LateRides(rider=rider, at=at, number=_numbers(at))

    def micros(self, rider: Ints, day: Floats) -> Ints:
        """Moments of events ``day`` days after each rider's late ride."""
        origin = (self.start - _EPOCH) // timedelta(microseconds=1)
        days = self.riders.hit_day[rider] + day
        return np.asarray(origin + np.round(days * _DAY_US), dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class LateRides:
    """Late rides: riders, moments, and their numbers in order of time.

    That of rider i, for which it is here, stands in place i; second ones follow.
    """

    rider: Ints
    at: Ints
    number: Ints


def customer(row: int) -> str:
    """The id of a rider.

    >>> customer(7)
    'rider0000007'
    """
    return f"rider{row:07d}"


def row_of(customer_id: str) -> int:
    """The rider behind an id that :func:`customer` made."""
    return int(customer_id.removeprefix("rider"))


def incidents(scene: Scene) -> list[Incident]:
    """All late rides in order of time; which ride it was is known of the first only."""
    riders, n, kind, home = scene.riders, len(scene.riders), *_place(scene.experiment)
    late, reached = scene.late, _formats(scene.experiment)
    made = [
        Incident(
            key=_key("late", number),
            occurred_at=_EPOCH + timedelta(microseconds=at),
            customer=customer(row),
            kind=kind,
            order=None if i >= n else _key("ride", number),
            fields=_incident_fields(riders, row, home)
            | _names(scene.experiment, row)
            | {name: _ADDRESSES[form].format(row) for name, form in reached.items()},
        )
        for i, (row, at, number) in enumerate(
            zip(late.rider.tolist(), late.at.tolist(), late.number.tolist(), strict=True)
        )
    ]
    return sorted(made, key=attrgetter("key"))


def snapshots(scene: Scene) -> Rows:
    """What is known of each rider before enrolment begins."""
    riders = scene.riders
    since = scene.micros(np.arange(len(riders)), -riders.tenure).tolist()
    seen = scene.start - timedelta(hours=1)
    consent = np.where(riders.no_consent, "none", scene.experiment.eligibility.consent).tolist()
    ids = scene.customers
    return [
        (f"seen-{who}", seen, who, first, agreed, {})
        for who, first, agreed in zip(ids, since, consent, strict=True)
    ]


def past_orders(scene: Scene, past: Orders) -> Rows:
    """Orders of the 84 days before, and the late rides themselves, in order of time."""
    n = len(scene.riders)
    ordinary = _orders(scene, past, "before")
    at = scene.micros(np.arange(n), np.full(n, -RIDE_MINUTES / 1440)).tolist()
    number = scene.late.number[:n].tolist()
    price = int(np.median(past.cents)) if len(past.cents) else 10 * CENTS
    failing = [
        (_key("ride", number[row]), at[row], customer(row), price, price, scene.currency, False, 0)
        for row in range(n)
    ]
    return _by_time([*ordinary, *failing])


def received(futures: Mapping[str, Future], drawn: Sequence[str]) -> Future:
    """What happens when rider i is given the arm ``drawn[i]``, of the futures by arm."""
    arm = np.array(drawn)
    return Future(
        orders=_joined([_where(f.orders, arm[f.orders.rider] == a) for a, f in futures.items()]),
        contacts=_joined(
            [_where(f.contacts, arm[f.contacts.rider] == a) for a, f in futures.items()]
        ),
    )


def later_orders(scene: Scene, orders: Orders) -> Rows:
    """Orders after the late rides, in order of time."""
    return _orders(scene, orders, "after")


def redemptions(scene: Scene, orders: Orders, drawn: Sequence[str]) -> Rows:
    """Coupons used, in order of time; a coupon costs the firm its share of what it takes off."""
    gives = {arm.name: compensation(scene.experiment, arm) for arm in arms(scene.experiment)}
    used, at = np.flatnonzero(orders.discount), scene.micros(orders.rider, orders.day)
    chosen = (column[used].tolist() for column in (_numbers(at), at, orders.rider, orders.discount))
    rows = []
    for number, when, row, off in zip(*chosen, strict=True):
        name, share = gives[drawn[row]]
        use, order, cost = _key("use", number), _key("after", number), round(off * share)
        rows.append((use, when, customer(row), name, off, cost, scene.currency, order, None))
    return _by_time(rows)


def complaints(scene: Scene, contacts: Contacts) -> Rows:
    """Complaints about riders' first late rides, in order of time."""
    return [
        (_key("complaint", number), when, customer(row), "complaint", incident, "customer")
        for number, when, row, incident in _about(scene, contacts)
    ]


def goodwill(scene: Scene, contacts: Contacts, world: World) -> Rows:
    """Agents' credits, given as the complaint comes in."""
    given, amount = _where(contacts, contacts.credited), round(world.goodwill_amount * CENTS)
    money, why = scene.currency, "complaint"
    return [
        (
            _key("credit", number),
            when,
            customer(row),
            "credit",
            amount,
            money,
            incident,
            "agent",
            why,
        )
        for number, when, row, incident in _about(scene, given)
    ]


def _about(scene: Scene, contacts: Contacts) -> Iterator[tuple[int, int, int, str]]:
    """Number, moment, rider and incident of contacts, in order of time."""
    at = scene.micros(contacts.rider, contacts.day)
    turn = np.argsort(at, kind="stable")
    late = scene.late.number[contacts.rider]
    columns = (column[turn].tolist() for column in (at, contacts.rider, late))
    for number, (when, row, ride) in enumerate(zip(*columns, strict=True)):
        yield number, when, row, _key("late", ride)


def _orders(scene: Scene, orders: Orders, name: str) -> Rows:
    """Orders in order of time."""
    ids, money = scene.customers, scene.currency
    at = scene.micros(orders.rider, orders.day)
    turn = np.argsort(at, kind="stable")
    columns = (
        column[turn].tolist() for column in (at, orders.rider, orders.cents, orders.discount)
    )
    return [
        (_key(name, number), when, ids[row], price, price - less, money, less > 0, 0)
        for number, (when, row, price, less) in enumerate(zip(*columns, strict=True))
    ]


def _key(name: str, number: int) -> str:
    """A key; keys of one name sort as their numbers do.

    >>> _key("late", 7)
    'late00000007'
    """
    return f"{name}{number:08d}"


def _numbers(at: Ints) -> Ints:
    """The place of each moment in order of time."""
    numbers = np.empty(len(at), dtype=np.int64)
    numbers[np.argsort(at, kind="stable")] = np.arange(len(at))
    return numbers


def _place(experiment: Experiment) -> tuple[str, str]:
    """Kind of the incident, and the country in which it enrols."""
    incident = experiment.incident
    if incident is None:
        raise InputError(
            f"{experiment.name} declares no incident", do="simulate one that a ledger enrols for"
        )
    return incident.kind, str(incident.where.get("country", ("US",))[0])


def _incident_fields(riders: Riders, row: int, home: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "minutes_late": int(riders.minutes_late[row]),
        "country": ABROAD if riders.abroad[row] else home,
    }
    flags = {"already_refunded": riders.refunded[row], "abuse_flag": riders.abuse[row]}
    return fields | {name: True for name, raised in flags.items() if raised}


def _names(experiment: Experiment, row: int) -> dict[str, object]:
    """A first name, where the messages use one."""
    uses = "first_name" in experiment.messages.placeholders
    return {"first_name": FIRST_NAMES[row % len(FIRST_NAMES)]} if uses else {}


def _formats(experiment: Experiment) -> dict[str, Format]:
    """Field of an address -> what it must be, where the experiment's channels need any."""
    return {name: format_of(name) for name in address_fields(experiment).values()}


def _where(columns: Columns, kept: Flags) -> Columns:
    return type(columns)(**{name: column[kept] for name, column in vars(columns).items()})


def _joined(parts: Sequence[Columns]) -> Columns:
    names = vars(parts[0])
    return type(parts[0])(**{n: np.concatenate([vars(p)[n] for p in parts]) for n in names})


def _by_time(rows: Rows) -> Rows:
    return sorted(rows, key=itemgetter(1))
