"""A world's events as rows of facts, ready for bulk append: fields in their declared order.

Times are integer microseconds since 1970 in UTC, which the ledger's bulk door takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from apologylab.record.facts import Incident
from apologylab.simulation.futures import CENTS, Contacts, Future, Ints, Orders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.simulation.riders import Flags, Floats, Riders
    from apologylab.simulation.world import World

Rows = list[tuple[Any, ...]]
Columns = TypeVar("Columns", Orders, Contacts)
RIDE_MINUTES = 30
"""A late ride was ordered so long before it ended."""
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Calendar:
    """Where a world's days lie: enrolment begins at ``start``."""

    start: datetime
    riders: Riders

    @cached_property
    def customers(self) -> list[str]:
        """The riders' ids, in their order."""
        return [customer(row) for row in range(len(self.riders))]

    def micros(self, rider: Ints, day: Floats) -> Ints:
        """Moments of events ``day`` days after each rider's late ride."""
        origin = (self.start - _EPOCH) // timedelta(microseconds=1)
        days = self.riders.hit_day[rider] + day
        return origin + np.round(days * _DAY_US).astype(np.int64)


def customer(row: int) -> str:
    """The id of a rider.

    >>> customer(7)
    'rider0000007'
    """
    return f"rider{row:07d}"


def row_of(customer_id: str) -> int:
    """The rider behind an id that :func:`customer` made."""
    return int(customer_id.removeprefix("rider"))


def incidents(calendar: Calendar, kind: str) -> list[Incident]:
    """All late rides in order of time: the one that each rider is here for, and second ones."""
    riders, n = calendar.riders, len(calendar.riders)
    again = np.flatnonzero(np.isfinite(riders.second_day))
    rider = np.r_[np.arange(n), again]
    day = np.r_[np.zeros(n), riders.second_day[again]]
    at = calendar.micros(rider, day)
    made = [
        Incident(
            key=f"late{row}-{1 + (i >= n)}",
            occurred_at=_EPOCH + timedelta(microseconds=int(at[i])),
            customer=customer(row),
            kind=kind,
            order=None if i >= n else f"ride{row}-late",
            fields=_incident_fields(riders, row),
        )
        for i, row in enumerate(rider.tolist())
    ]
    return sorted(made, key=lambda incident: incident.occurred_at)


def snapshots(calendar: Calendar) -> Rows:
    """What is known of each rider before enrolment begins."""
    riders = calendar.riders
    since = calendar.micros(np.arange(len(riders)), -riders.tenure).tolist()
    seen = calendar.start - timedelta(hours=1)
    consent = np.where(riders.no_consent, "none", "service").tolist()
    ids = calendar.customers
    return [
        (f"seen-{who}", seen, who, first, agreed, {})
        for who, first, agreed in zip(ids, since, consent, strict=True)
    ]


def past_orders(calendar: Calendar, past: Orders, currency: str) -> Rows:
    """Orders of the 84 days before, and the late rides themselves, in order of time."""
    n = len(calendar.riders)
    ordinary = _orders(calendar, past, currency, "before")
    late = calendar.micros(np.arange(n), np.full(n, -RIDE_MINUTES / 1440)).tolist()
    price = int(np.median(past.cents)) if len(past.cents) else 10 * CENTS
    failing = [
        (f"ride{row}-late", late[row], customer(row), price, price, currency, False, 0)
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


def later_orders(calendar: Calendar, orders: Orders, currency: str) -> Rows:
    """Orders after the late rides, in order of time."""
    return _by_time(_orders(calendar, orders, currency, "after"))


def redemptions(calendar: Calendar, orders: Orders, compensation: str, currency: str) -> Rows:
    """Coupons used, in order of time; a coupon costs the firm what it takes off."""
    used = np.flatnonzero(orders.discount)
    at = calendar.micros(orders.rider[used], orders.day[used]).tolist()
    cents, riders = orders.discount[used].tolist(), orders.rider[used].tolist()
    return _by_time(
        [
            (f"use{i}", when, customer(row), compensation, off, off, currency, f"after{i}", None)
            for i, when, row, off in zip(used.tolist(), at, riders, cents, strict=True)
        ]
    )


def complaints(calendar: Calendar, contacts: Contacts) -> Rows:
    """Complaints, in order of time."""
    at = calendar.micros(contacts.rider, contacts.day).tolist()
    riders = contacts.rider.tolist()
    return _by_time(
        [
            (f"complaint{i}", when, customer(row), "complaint", f"late{row}-1")
            for i, (when, row) in enumerate(zip(at, riders, strict=True))
        ]
    )


def goodwill(calendar: Calendar, contacts: Contacts, world: World) -> Rows:
    """Agents' credits, given as the complaint comes in."""
    given = _where(contacts, contacts.credited)
    at = calendar.micros(given.rider, given.day).tolist()
    amount = round(world.goodwill_amount * CENTS)
    return _by_time(
        [
            (
                f"credit{i}",
                when,
                customer(row),
                "credit",
                amount,
                world.currency,
                f"late{row}-1",
                "agent",
            )
            for i, (when, row) in enumerate(zip(at, given.rider.tolist(), strict=True))
        ]
    )


def _orders(calendar: Calendar, orders: Orders, currency: str, name: str) -> Rows:
    ids = calendar.customers
    at = calendar.micros(orders.rider, orders.day).tolist()
    cents, off = orders.cents.tolist(), orders.discount.tolist()
    columns = zip(at, orders.rider.tolist(), cents, off, strict=True)
    return [
        (f"{name}{i}", when, ids[row], price, price - less, currency, less > 0, 0)
        for i, (when, row, price, less) in enumerate(columns)
    ]


def _incident_fields(riders: Riders, row: int) -> dict[str, object]:
    fields: dict[str, object] = {
        "minutes_late": int(riders.minutes_late[row]),
        "country": "CA" if riders.abroad[row] else "US",
    }
    flags = {"already_refunded": riders.refunded[row], "abuse_flag": riders.abuse[row]}
    return fields | {name: True for name, raised in flags.items() if raised}


def _where(columns: Columns, kept: Flags) -> Columns:
    return type(columns)(**{name: column[kept] for name, column in vars(columns).items()})


def _joined(parts: Sequence[Columns]) -> Columns:
    names = vars(parts[0])
    return type(parts[0])(**{n: np.concatenate([vars(p)[n] for p in parts]) for n in names})


def _by_time(rows: Rows) -> Rows:
    return sorted(rows, key=itemgetter(1))
