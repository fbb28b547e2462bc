"""What riders do: before the incident once, after it under every arm at the same time.

Potential outcomes are coupled by thinning (Lewis and Shedler 1979): candidates are drawn at the
highest rate that any arm can cause, each with one mark; under an arm those happen whose mark lies
below that arm's rate. So the truth of a world is an exact count, with no noise between arms that
act alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apologylab.design.experiment import NONE
from apologylab.simulation.riders import HORIZON, Flags, Floats, Riders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.arms import Arm
    from apologylab.simulation.world import World

Ints = NDArray[np.int64]
COUPON_DAYS = 60.0
"""Days in which a coupon can be used."""
COMPLAINT_DAYS = 28.0
CENTS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Orders:
    """Orders sorted by rider, then time.

    Attributes:
        rider: (m,) row of the rider.
        day: (m,) days from the rider's incident, negative before it.
        cents: (m,) list price in minor units.
        discount: (m,) minor units of it that our coupon took off.
    """

    rider: Ints
    day: Floats
    cents: Ints
    discount: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Contacts:
    """Complaints: rider and day, and whether an agent gave a credit."""

    rider: Ints
    day: Floats
    credited: Flags


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Everything that could happen after the incident, under one arm or another."""

    orders: Orders
    order_mark: Floats
    contacts: Contacts
    contact_mark: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Future:
    """What happens after the incident under one assignment of arms to riders."""

    orders: Orders
    contacts: Contacts


def past(world: World, riders: Riders, generator: np.random.Generator) -> Orders:
    """Orders in the 84 days before the incident; none before the rider's first day."""
    known = np.minimum(riders.tenure, HORIZON)
    return _orders(world, riders.rate * known / HORIZON, -known, generator)


def candidates(world: World, riders: Riders, generator: np.random.Generator) -> Candidates:
    """All orders and complaints that any arm could bring in the 84 days after the incident."""
    top = _highest(world)
    rate = np.where(riders.lost, 0.0, riders.rate * (1.0 - world.harm) * top)
    orders = _orders(world, rate, np.full(len(riders), HORIZON), generator)
    complaint = _repeat(np.full(len(riders), world.contacts_28d), generator)
    m = len(complaint)
    contacts = Contacts(
        rider=complaint,
        day=np.minimum(generator.exponential(world.contact_delay, m), COMPLAINT_DAYS - 1e-3),
        credited=generator.random(m) < world.goodwill_share,
    )
    return Candidates(
        orders=orders,
        order_mark=generator.uniform(0.0, top, len(orders.rider)),
        contacts=contacts,
        contact_mark=generator.random(m),
    )


def under(
    world: World, riders: Riders, possible: Candidates, arm: Arm, *, coupon: int = 0
) -> Future:
    """What happens if every rider is given ``arm``, with a coupon of so many minor units."""
    reached = ~riders.unreachable
    orders, complaints = possible.orders, possible.contacts
    happens = possible.order_mark < _multiplier(world, riders, orders, arm.levels)
    spared = world.words_spare_contacts if _speaks(arm.levels) else 0.0
    complains = possible.contact_mark >= np.where(reached[complaints.rider], spared, 0.0)
    kept = Orders(**{name: column[happens] for name, column in vars(orders).items()})
    return Future(
        orders=_redeem(kept, riders.redeems & reached, coupon),
        contacts=Contacts(
            rider=complaints.rider[complains],
            day=complaints.day[complains],
            credited=complaints.credited[complains],
        ),
    )


def fading(world: World, day: Floats) -> Floats:
    """Weight of an effect ``day`` days on: halves each half-life, mean 1 over 84 days."""
    decay = np.log(2.0) / world.effect_half_life
    mean = -np.expm1(-decay * HORIZON) / (decay * HORIZON)
    return np.asarray(np.exp(-decay * day) / mean, dtype=np.float64)


def _highest(world: World) -> float:
    """Upper bound on any arm's multiplier: the best words and the best coupon on the first day."""
    first = float(fading(world, np.zeros(1))[0])
    best = sorted((max(effect, 0.0) for effect in world.effects.values()), reverse=True)[:2]
    return float(np.prod([1.0 + effect * first for effect in best]))


def _multiplier(world: World, riders: Riders, orders: Orders, levels: Mapping[str, str]) -> Floats:
    weight = fading(world, orders.day)
    product = np.ones(len(orders.rider))
    for level in levels.values():
        product *= 1.0 + world.effects.get(level, 0.0) * weight
    if "commitment" in levels.values():
        broken = orders.day > riders.second_day[orders.rider]
        product *= np.where(broken, 1.0 + world.broken_promise, 1.0)
    return np.where(riders.unreachable[orders.rider], 1.0, product)


def _speaks(levels: Mapping[str, str]) -> bool:
    return levels.get("wording", NONE) != NONE


def _redeem(orders: Orders, willing: Flags, coupon: int) -> Orders:
    """Use the coupon on the first order of each willing rider, if it comes within its life."""
    first = np.r_[True, orders.rider[1:] != orders.rider[:-1]][: len(orders.rider)]
    used = first & willing[orders.rider] & (orders.day < COUPON_DAYS)
    return replace(orders, discount=np.where(used, np.minimum(coupon, orders.cents), 0))


def _repeat(rate: Floats, generator: np.random.Generator) -> Ints:
    """Row numbers, each as often as a Poisson count with its rate says."""
    return np.repeat(np.arange(len(rate)), generator.poisson(rate)).astype(np.int64)


def _orders(world: World, rate: Floats, span: Floats, generator: np.random.Generator) -> Orders:
    """Poisson orders, even over ``span`` days (negative: before the incident), lognormal prices."""
    rider = _repeat(rate, generator)
    day = span[rider] * generator.random(len(rider))
    order = np.lexsort((day, rider))
    spread = np.log1p(world.basket_cv**2)
    price = generator.lognormal(np.log(world.basket_mean) - spread / 2, np.sqrt(spread), len(rider))
    return Orders(
        rider=rider,
        day=day[order],
        cents=np.maximum(np.round(price * CENTS), 1.0).astype(np.int64),
        discount=np.zeros(len(rider), dtype=np.int64),
    )
