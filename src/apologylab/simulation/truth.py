"""The truth of a world: potential outcomes of every rider under every arm, and their means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from apologylab.decision.value import VALUE, LedgerValue, ledger_value
from apologylab.design.arms import arms
from apologylab.design.experiment import NONE, SILENCE, TIMING
from apologylab.errors import InputError
from apologylab.simulation.futures import CENTS, Future, under

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.arms import Arm
    from apologylab.design.experiment import Experiment, Outcome
    from apologylab.simulation.futures import Candidates, Future, Ints
    from apologylab.simulation.riders import Flags, Floats, Riders
    from apologylab.simulation.world import World

USED_ON_ORDERS = ("coupon", "credit")
"""Kinds of compensation that a world's riders use."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Potential:
    """Potential outcomes: ``outcomes[name]`` is (arms, n), in whole units of the currency."""

    arms: tuple[str, ...]
    outcomes: Mapping[str, Floats]

    def observed(self, drawn: Ints) -> Mapping[str, Floats]:
        """(n,) of each outcome, with the arm of row ``drawn[i]`` for rider i."""
        return {
            name: np.take_along_axis(y, drawn[None, :], 0)[0] for name, y in self.outcomes.items()
        }

    def among(self, chosen: Flags) -> Potential:
        """The same for the riders ``chosen``, a mask of shape (n,)."""
        kept = {name: y[:, chosen] for name, y in self.outcomes.items()}
        return Potential(arms=self.arms, outcomes=kept)

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Outcome -> arm -> mean over all riders."""
        return {
            name: dict(zip(self.arms, y.mean(axis=1).tolist(), strict=True))
            for name, y in self.outcomes.items()
        }

    def truth(self, outcome: str, cells: Sequence[tuple[str, float]]) -> float:
        """Mean potential-outcome difference over all riders, for a contrast's weights by arm."""
        means = self.means[outcome]
        return sum(weight * means[arm] for arm, weight in cells)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sends:
    """The m remedies that leave, whatever the arm: where incidents repeat, several to a rider.

    Attributes:
        rider: (m,) row of the rider.
        day: arm -> (m,) days from the rider's first late ride until it leaves in that arm.
    """

    rider: Ints
    day: Mapping[str, Floats]

    def among(self, chosen: Flags) -> Sends:
        """Those to riders of whom the mask ``chosen``, of shape (n,), is true."""
        kept = chosen[self.rider]
        days = {arm: day[kept] for arm, day in self.day.items()}
        return Sends(rider=self.rider[kept], day=days)


def one_send(experiment: Experiment, n: int) -> Sends:
    """One remedy to each of n riders, as late as its arm says."""
    day = timedelta(days=1)
    return Sends(
        rider=np.arange(n),
        day={arm.name: np.full(n, (arm.delay or timedelta(0)) / day) for arm in arms(experiment)},
    )


def potential(
    world: World,
    experiment: Experiment,
    riders: Riders,
    futures: Mapping[str, Future],
    *,
    sends: Sends | None = None,
) -> Potential:
    """Outcomes of ``experiment`` for every rider under every arm, net value included.

    ``sends`` are the remedies that leave, by default one to each rider; those to riders who cannot
    be reached bounce.
    """
    n = len(riders)
    sent = (sends or one_send(experiment, n)).among(~riders.unreachable)
    outcomes = {
        outcome.name: np.array([measure(outcome, future, n) for future in futures.values()])
        for outcome in experiment.outcomes
    }
    worth = ledger_value(experiment)
    if worth is not None:
        outcomes[VALUE] = np.array(
            [
                _earned(world, worth, futures[arm.name], n)
                - _given(experiment, worth, arm, futures[arm.name], sent, n)
                for arm in arms(experiment)
            ]
        )
    return Potential(arms=tuple(futures), outcomes=outcomes)


def futures_by_arm(
    world: World, experiment: Experiment, riders: Riders, possible: Candidates
) -> Mapping[str, Future]:
    """What happens if everybody is given one arm, for each arm in declared order.

    Raises:
        InputError: something is given of which a world knows no effect.
    """
    _refuse_unknown_gifts(experiment)
    return {
        arm.name: under(world, riders, possible, arm, coupon=coupon_value(experiment, arm))
        for arm in arms(experiment)
    }


def _refuse_unknown_gifts(experiment: Experiment) -> None:
    """A world's riders use coupons and credits of one value, on any order."""
    for name, given in experiment.compensation.items():
        why = f"a {given.kind}" if given.kind not in USED_ON_ORDERS else None
        why = why or ("by share or market" if given.value is None else None)
        why = why or ("only from minimum_basket" if given.minimum_basket is not None else None)
        if why is not None:
            raise InputError(
                f"compensation.{name} is given as {why}, of which a world knows no effect",
                do='simulate a copy in which it is a coupon with a value, like "5.00 USD"',
            )


def unknown_levels(world: World, experiment: Experiment) -> tuple[str, ...]:
    """Levels whose effect on orders the world does not know: they have none there.

    The moment of a remedy has none in any world.
    """
    levels = {pair for arm in arms(experiment) for pair in arm.levels.items()}
    known = {NONE, *world.effects}
    moments = {level for factor, level in levels if factor == TIMING}
    untimed = moments if len(moments) < 2 else set()
    return tuple(
        f"{factor}={level}" for factor, level in sorted(levels) if level not in known | untimed
    )


def compensation(experiment: Experiment, arm: Arm) -> tuple[str, float]:
    """Name of the arm's compensation, and the firm's share of its cost; "" and 0 for none."""
    found = _given_levels(experiment, arm)
    return (found[0], experiment.compensation[found[0]].cost_share) if found else ("", 0.0)


def coupon_value(experiment: Experiment, arm: Arm) -> int:
    """Minor units that the arm's compensation takes off."""
    given = (experiment.compensation[level].value for level in _given_levels(experiment, arm))
    return sum(value.minor for value in given if value is not None)


def _given_levels(experiment: Experiment, arm: Arm) -> list[str]:
    return [level for level in arm.levels.values() if level in experiment.compensation]


def measure(outcome: Outcome, future: Future, n: int) -> Floats:
    """(n,) what a declared outcome finds in one future, as the panel would.

    Raises:
        InputError: a world does not produce the facts that the outcome reads.
    """
    rider, day, amount, by_coupon = _facts(outcome, future)
    inside = (day >= outcome.from_days) & (day < (outcome.window_days or np.inf))
    if "our_coupon" in outcome.where:
        inside &= by_coupon == outcome.where["our_coupon"]
    total = np.bincount(rider[inside], weights=amount[inside], minlength=n).astype(np.float64)
    return np.minimum(total, 1.0) if outcome.measure == "any" else total


def _facts(outcome: Outcome, future: Future) -> tuple[Ints, Floats, Floats, Flags]:
    """Rider, day, what counts, and whether our coupon was used, of each fact."""
    if outcome.fact == "order":
        orders = future.orders
        money = outcome.measure == "sum(list_amount)"
        amount = orders.cents / CENTS if money else np.ones(len(orders.rider))
        return orders.rider, orders.day, amount, orders.discount > 0
    if outcome.fact == "contact":
        rider = future.contacts.rider
        return rider, future.contacts.day, np.ones(len(rider)), np.zeros(len(rider), np.bool_)
    raise InputError(
        f"outcome {outcome.name} reads {outcome.fact}", do="a world has orders and contacts"
    )


def _earned(world: World, worth: LedgerValue, future: Future, n: int) -> Floats:
    """(n,) margin x sales, less handling and goodwill (R16)."""
    contacts = future.contacts
    credit = world.goodwill_amount * contacts.credited + worth.handling_cost
    soothed = np.bincount(contacts.rider, credit, n)
    value: Floats = worth.margin * measure(worth.sales, future, n) - soothed
    return value


def _given(
    experiment: Experiment, worth: LedgerValue, arm: Arm, future: Future, sends: Sends, n: int
) -> Floats:
    """(n,) messages, what coupons used cost the firm, and what is open of the others (R16)."""
    if arm.name == SILENCE:
        return np.zeros(n)
    window, orders = float(worth.sales.window_days or 0), future.orders
    left = sends.day[arm.name] < window
    rider, day = sends.rider[left], sends.day[arm.name][left]
    used = (orders.discount > 0) & (orders.day < window)
    name, share = compensation(experiment, arm)
    off = np.bincount(orders.rider[used], orders.discount[used] / CENTS, n)
    each = 0.0 if arm.name in worth.wordless else worth.message_cost
    each += worth.effort.get(arm.name, 0.0)
    cost: Floats = each * np.bincount(rider, minlength=n) + share * off
    if name not in worth.outliving:
        return cost
    first = np.full(n, np.inf)
    first[orders.rider[used]] = orders.day[used]
    life = worth.compensation[name].expires_days
    still = _open(rider, day + (np.inf if life is None else life), first, window, n)
    value = worth.compensation[name].value
    face = share * (0.0 if value is None else float(value)) * still
    rate = {"face": 1.0, "zero": 0.0, "expected": float(used.sum()) / max(len(rider), 1)}
    return cost + rate[worth.open_liability] * face


def _open(rider: Ints, ends: Floats, used: Floats, window: float, n: int) -> Floats:
    """(n,) coupons, expiring at ``ends``, that can be used after the window.

    ``used`` is (n,) the day of the rider's one redemption: it takes the earliest that lives then.
    """
    lives = ends > window
    usable = np.flatnonzero(ends > used[rider])
    order = usable[np.lexsort((ends[usable], rider[usable]))]
    taken = order[np.unique(rider[order], return_index=True)[1]]
    lives[taken] = False
    return np.bincount(rider[lives], minlength=n).astype(np.float64)
