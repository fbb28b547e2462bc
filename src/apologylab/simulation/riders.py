"""Riders whom an incident hits: what they are before anything is said or given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from apologylab.simulation.world import World

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LATE_FROM = 10.0
"""Minutes: a ride later than this enrols."""
HORIZON = 84.0
"""Days before and after the incident that a world lives through."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Riders:
    """n riders; times are days, from the start of enrolment (``hit_day``) or from the incident.

    Attributes:
        rate: (n,) orders in 84 days if nothing had gone wrong.
        hit_day: (n,) when the late ride ended.
        minutes_late: (n,) whole minutes.
        tenure: (n,) days since the first ride, at the incident.
        second_day: (n,) days from the incident to a second late ride, infinite if there is none.
        lost: (n,) never rides again, whatever is done.
        abroad, refunded, abuse, no_consent: (n,) why some are not eligible.
        unreachable: (n,) the remedy bounces.
        redeems: (n,) would use a coupon at the next ride.
    """

    rate: Floats
    hit_day: Floats
    minutes_late: NDArray[np.int64]
    tenure: Floats
    second_day: Floats
    lost: Flags
    abroad: Flags
    refunded: Flags
    abuse: Flags
    no_consent: Flags
    unreachable: Flags
    redeems: Flags

    def __len__(self) -> int:
        return len(self.rate)

    @property
    def eligible(self) -> Flags:
        """(n,) riders whom the late-ride experiment may enrol."""
        return ~(self.abroad | self.refunded | self.abuse | self.no_consent)


def draw_riders(
    world: World, n: int, *, enrol_days: float, generator: np.random.Generator
) -> Riders:
    """``n`` riders hit by a late ride, spread evenly over ``enrol_days``."""

    def share(probability: float) -> Flags:
        return generator.random(n) < probability

    late = LATE_FROM + generator.exponential(world.late_mean, n)
    worst = late >= LATE_FROM - world.late_mean * np.log(world.worst_share)
    second = np.where(share(world.second_late_84d), generator.uniform(0, HORIZON, n), np.inf)
    return Riders(
        rate=generator.gamma(world.rate_shape, world.orders_84d / world.rate_shape, n),
        hit_day=np.sort(generator.uniform(0, enrol_days, n)),
        minutes_late=np.floor(late).astype(np.int64),
        tenure=1.0 + generator.exponential(world.tenure_days, n),
        second_day=second,
        lost=share(world.lapse_share) | (worst & share(world.worst_lost)),
        abroad=share(world.abroad_share),
        refunded=share(world.refunded_share),
        abuse=share(world.abuse_share),
        no_consent=share(world.no_consent_share),
        unreachable=share(world.unreachable_share),
        redeems=share(world.redeem_share),
    )
