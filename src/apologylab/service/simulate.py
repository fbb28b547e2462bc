"""Let a world live through an experiment: the use cases of production under a simulated clock.

Incidents are answered and remedies dispatched every half hour while the experiment enrols, then
once a day; orders, coupons used, complaints and credits arrive as the bulk feeds of a company do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from apologylab.design.arms import arms
from apologylab.design.experiment import SILENCE, TIMING
from apologylab.design.hours import hours, shortest_open
from apologylab.design.moments import moment
from apologylab.errors import InputError, LedgerOtherError, StateError
from apologylab.record.facts import (
    Assignment,
    Contact,
    CustomerSnapshot,
    Delivery,
    Feed,
    Goodwill,
    Incident,
    Order,
    Redemption,
)
from apologylab.remedy.timing import Timing
from apologylab.service.assign import assign
from apologylab.service.backlog import Backlog
from apologylab.service.bouncing import Bouncing
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.running import load
from apologylab.service.start import start
from apologylab.simulation import feeds
from apologylab.simulation.futures import candidates, past
from apologylab.simulation.riders import HORIZON, draw_riders
from apologylab.simulation.truth import Potential, Sends, futures_by_arm, potential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from apologylab.design.experiment import Experiment
    from apologylab.record.facts import Fact
    from apologylab.service.channel import Channel
    from apologylab.service.ports import Catalogue, Clock, Ledger, Progress
    from apologylab.service.running import Running
    from apologylab.simulation.feeds import Rows, Scene
    from apologylab.simulation.futures import Future
    from apologylab.simulation.world import World

    Watch = Callable[[str, int], AbstractContextManager[Progress]]
    """Shows one stage: what it is and how many steps it has."""
    Connect = Callable[[Running, Clock], AbstractContextManager["Hook"]]
    """Opens the order system's door to a running experiment, under the simulated clock."""

BEGINS = datetime(2025, 1, 6, tzinfo=UTC)
"""In the past, so that what is simulated can be analysed today."""
ENROL_DAYS = 30
"""Where the plan does not say."""
TURN = timedelta(minutes=30)
"""How often the simulated company runs its dispatcher while it enrols; afterwards once a day."""
IN_HOURS = timedelta(hours=6)
"""How often afterwards where there are quiet hours, if they leave so much time a day."""
FEEDS = ("order", "redemption", "contact", "goodwill")


class Hook(Protocol):
    """The door of an order system: one incident, one answer."""

    def assign(self, incident: Incident) -> object:
        """Answer ``incident``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What a simulation passes through, and who watches.

    The first ``one_by_one`` incidents go through the hook that ``connect`` opens, one call each.
    """

    ledger: Ledger
    catalogue: Catalogue
    channel: Channel
    watch: Watch
    connect: Connect
    one_by_one: int = 0


@dataclass(frozen=True, kw_only=True)
class Lived:
    """What a simulation knows beside the ledger: the truth about the enrolled units."""

    experiment: Experiment
    potential: Potential
    ended: datetime
    incidents: int
    facts: int


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A world before its first day: what was, and what could be under each arm."""

    world: World
    scene: Scene
    incidents: Sequence[Incident]
    history: Rows
    futures: Mapping[str, Future]
    closes: datetime
    ends: datetime

    @cached_property
    def bouncing(self) -> frozenset[str]:
        """Customers whom no remedy reaches."""
        rows = np.flatnonzero(self.scene.riders.unreachable).tolist()
        return frozenset(feeds.customer(row) for row in rows)

    @cached_property
    def rest(self) -> timedelta:
        """How often the dispatcher runs once nobody is enrolled any more."""
        quiet = self.scene.experiment.delivery.quiet
        if quiet is None:
            return timedelta(days=1)
        return IN_HOURS if shortest_open(hours(quiet)) >= IN_HOURS else TURN

    def turn(self, due: datetime) -> datetime:
        """When the dispatcher runs next: at ``due``, or after it."""
        for until, step in ((self.closes, TURN), (self.ends, self.rest)):
            now = BEGINS - step * ((BEGINS - due) // step)
            if now <= until:
                return now
        return self.ends + timedelta(days=1)


def simulate(doors: Doors, name: str, world: World, *, customers: int, seed: int) -> Lived:
    """Run ``name`` over ``customers`` of a world until all is mature.

    Raises:
        LedgerOtherError: the ledger is not a simulated one.
        StateError: the experiment was started before, or nobody could be enrolled.
    """
    experiment = doors.catalogue.experiment(name)
    _refuse(doors.ledger, experiment)
    _refuse_moments(experiment)
    with doors.watch("riders imagined", customers) as done:
        plot = _plot(experiment, world, customers, np.random.default_rng(seed))
        done(customers)
    history = Backlog(rows={Order: plot.history})
    _remember(doors, plot, history)
    start(doors.ledger, doors.catalogue, name, now=plot.scene.start)
    running = load(doors.ledger, experiment)
    enrolled = _enrol(doors, plot, running)
    drawn = _drawn(plot, enrolled)
    later = Backlog(rows=_later(plot, drawn))
    again = _follow(doors, plot, running, (history, later))
    _complete(doors.ledger, plot.ends)
    return Lived(
        experiment=experiment,
        potential=_truth(doors.ledger, plot, [*enrolled, *again]),
        ended=plot.ends,
        incidents=len(plot.incidents),
        facts=history.size + later.size,
    )


def _refuse(ledger: Ledger, experiment: Experiment) -> None:
    if not ledger.identity.simulated:
        raise LedgerOtherError(
            "this ledger is not marked as simulated",
            do="run `apologylab init --simulated` elsewhere",
        )
    if ledger.count(Assignment, experiment=experiment.name):
        raise StateError(
            f"the ledger holds assignments of {experiment.name}", do="simulate into a new ledger"
        )


def _refuse_moments(experiment: Experiment) -> None:
    """A world brings incidents, orders and complaints, and nothing that a remedy waits for."""
    levels = experiment.factors.get(TIMING, ())
    if waiting := [each for each in levels if moment(experiment, each).after != "incident"]:
        raise InputError(
            f"no world knows of timing {', '.join(waiting)}",
            do="simulate a copy whose levels of timing are delays after the incident",
        )


def _plot(
    experiment: Experiment, world: World, customers: int, generator: np.random.Generator
) -> Plot:
    days = experiment.plan.enrol_days or ENROL_DAYS
    riders = draw_riders(world, customers, enrol_days=days, generator=generator)
    scene = feeds.Scene(experiment=experiment, start=BEGINS, riders=riders)
    history = feeds.past_orders(scene, past(world, riders, generator))
    possible = candidates(world, riders, generator)
    closes = BEGINS + timedelta(days=days)
    waits = max((each.window_days or 0) + each.settle_days for each in experiment.outcomes)
    return Plot(
        world=world,
        scene=scene,
        incidents=feeds.incidents(scene),
        history=history,
        futures=futures_by_arm(world, experiment, riders, possible),
        closes=closes,
        ends=closes + timedelta(days=max(waits, HORIZON) + 1),
    )


def _remember(doors: Doors, plot: Plot, history: Backlog) -> None:
    """What the company knows before the experiment begins."""
    seen = feeds.snapshots(plot.scene)
    with doors.watch("history recorded", len(seen) + history.size) as done:
        doors.ledger.append_rows(CustomerSnapshot, seen, recorded_at=plot.scene.start)
        done(len(seen))
        history.bring(doors.ledger, plot.scene.start, done)


def _enrol(doors: Doors, plot: Plot, running: Running) -> list[Assignment]:
    """Turn by turn; the first incidents one by one through the order system's hook."""
    coming = [each for each in plot.incidents if each.occurred_at < plot.closes]
    singly, rest = coming[: doors.one_by_one], coming[doors.one_by_one :]
    with doors.watch("late rides answered", len(coming)) as done:
        _ask(doors, running, singly, done)
        found = list(doors.ledger.read(Assignment, experiment=running.name))
        after = singly[-1].occurred_at if singly else plot.scene.start
        for now, batch in _batches(rest, _ticks(after, plot.closes, TURN)):
            found += _turn(doors, plot, running, batch, now)
            done(len(batch))
    return found


def _ask(doors: Doors, running: Running, singly: Sequence[Incident], done: Progress) -> None:
    """One by one, each at the moment it occurs."""
    now = [BEGINS]
    with doors.connect(running, lambda: now[0]) as hook:
        for incident in singly:
            now[0] = incident.occurred_at
            hook.assign(incident)
            done(1)


def _follow(
    doors: Doors, plot: Plot, running: Running, backlogs: Sequence[Backlog]
) -> list[Assignment]:
    """Turn by turn until all is mature: second late rides, and each week what riders did."""
    found: list[Assignment] = []
    left = sum(each.size - each.done.total() for each in backlogs)
    coming = [each for each in plot.incidents if each.occurred_at >= plot.closes]
    with doors.watch("orders recorded", left) as done:
        for now, batch in _batches(coming, _ticks(plot.closes, plot.ends, plot.rest)):
            for backlog in backlogs if _is_feed_day(plot, now) else ():
                backlog.bring(doors.ledger, now, done)
            found += _turn(doors, plot, running, batch, now)
    return found


def _turn(
    doors: Doors, plot: Plot, running: Running, batch: Sequence[Incident], now: datetime
) -> list[Assignment]:
    """Answer what came in, send what is due."""
    answers = assign(doors.ledger, running, batch, now=now) if batch else []
    worker = Worker(holder="simulation", clock=lambda: now, chance=lambda: 0.5)
    dispatch_once(doors.ledger, Bouncing(doors.channel, plot.bouncing), running, worker)
    return [each.assignment for each in answers if each.assignment is not None]


def _is_feed_day(plot: Plot, now: datetime) -> bool:
    return (now - plot.closes).days % 7 == 0 or now == plot.ends


def _batches(
    incidents: Sequence[Incident], ticks: Iterator[datetime]
) -> Iterator[tuple[datetime, Sequence[Incident]]]:
    """For each tick what occurred since the one before."""
    first = 0
    for now in ticks:
        last = bisect_left(incidents, now, key=lambda incident: incident.occurred_at)
        yield now, incidents[first:last]
        first = last


def _ticks(after: datetime, until: datetime, step: timedelta) -> Iterator[datetime]:
    """Whole steps from the start of the simulation, after ``after`` and up to ``until``."""
    now = BEGINS + step * ((after - BEGINS) // step)
    while now < until:
        now = min(now + step, until)
        yield now


def _drawn(plot: Plot, answers: Sequence[Assignment]) -> list[str]:
    """The arm of every rider; who was not drawn gets what silence gets.

    Raises:
        StateError: nobody was drawn.
    """
    arms = {each.customer: each.arm for each in answers if each.reason == "RANDOMISED"}
    if not arms:
        because = Counter(each.because for each in answers).most_common(1)
        raise StateError(
            f"no rider of world {plot.world.name} could be enrolled: {because}",
            do="see whether the declaration's eligibility fits what the world produces",
        )
    return [arms.get(customer, SILENCE) for customer in plot.scene.customers]


def _later(plot: Plot, drawn: Sequence[str]) -> Mapping[type[Fact], Rows]:
    """What riders do after their late rides, given what they got."""
    future = feeds.received(plot.futures, drawn)
    return {
        Order: feeds.later_orders(plot.scene, future.orders),
        Redemption: feeds.redemptions(plot.scene, future.orders, drawn),
        Contact: feeds.complaints(plot.scene, future.contacts),
        Goodwill: feeds.goodwill(plot.scene, future.contacts, plot.world),
    }


def _complete(ledger: Ledger, now: datetime) -> None:
    """Say that every feed reaches until now (R20)."""
    with ledger.transaction(recorded_at=now) as work:
        work.append(
            [
                Feed(key=f"{name}-{now:%Y-%m-%d}", occurred_at=now, fact=name, through=now)
                for name in FEEDS
            ]
        )


def _truth(ledger: Ledger, plot: Plot, answers: Sequence[Assignment]) -> Potential:
    """Potential outcomes of the riders who were drawn."""
    drawn = [each for each in answers if each.reason == "RANDOMISED"]
    enrolled = np.zeros(len(plot.scene.riders), dtype=np.bool_)
    enrolled[[feeds.row_of(each.customer) for each in drawn]] = True
    left = {
        each.assignment
        for each in ledger.read(Delivery, experiment=plot.scene.experiment.name)
        if each.state not in ("suppressed", "would_suppress")
    }
    anchors = {each.customer: each.occurred_at for each in reversed(drawn)}
    sends = _sends(plot, [each for each in drawn if each.key in left], anchors)
    all_riders = potential(
        plot.world, plot.scene.experiment, plot.scene.riders, plot.futures, sends=sends
    )
    return all_riders.among(enrolled)


def _sends(plot: Plot, drawn: Sequence[Assignment], anchors: Mapping[str, datetime]) -> Sends:
    """When the remedies of ``drawn`` leave in each arm: at the first turn after they are due."""
    timing = Timing(plot.scene.experiment)
    zone, _ = timing.zone_of({})

    def left(each: Assignment, delay: timedelta) -> float:
        due = timing.after(each.occurred_at, int(delay.total_seconds()), zone, each.occurred_at)
        leaves = timing.first_allowed(plot.turn(due.at), zone)
        return _days(anchors[each.customer], plot.turn(leaves))

    days = {
        arm.name: np.array([left(each, arm.delay or timedelta(0)) for each in drawn])
        for arm in arms(plot.scene.experiment)
    }
    return Sends(rider=np.array([feeds.row_of(each.customer) for each in drawn]), day=days)


def _days(anchor: datetime, at: datetime) -> float:
    return (at - anchor) / timedelta(days=1)
