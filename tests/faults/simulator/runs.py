"""One run: a seed makes the company, its actors and their faults; then all heals and is judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from apologylab.errors import InputError, LedgerBusyError, NotFoundError, StateError
from apologylab.record.facts import KINDS, Delivery, Halted, Started
from apologylab.record.later_facts import DueMoved
from apologylab.service.again import TRIES
from apologylab.storage.memory import MemoryLedger
from simulator import actors
from simulator.faulty import AllAtOnce, FaultyChannel, FaultyLedger, OneAtATime, faulty_clock
from simulator.healing import heal
from simulator.interleaved import InterleavedLedger, places
from simulator.oracle import violations
from simulator.outside import START, Hands, Outbox
from simulator.schedule import Schedule, StuckError
from simulator.world import IDENTITY, NAMES, VARIANTS, WAITING, company

TIGHT = ("small budget", "small budget", "caps")
"""Variants that are run more often: where the last coupon is raced for."""
CALLERS = (InputError, NotFoundError, StateError, LedgerBusyError)
"""What a caller may be told without a fault: the wrong incident, the wrong moment, or to wait."""


@dataclass
class Result:
    """What came of a run."""

    seed: int
    mode: str
    variant: str
    violations: list
    trace: list
    faults: Counter
    words: Counter
    replies: dict
    content: str
    ends: Counter
    "Why remedies did not leave, and how many were moved."

    @property
    def what(self):
        """All that two stores must agree on."""
        return self.trace, self.replies, self.content


class Run:
    """One run on ``ledger``; ``interleaved`` says that the ledger lets many write at once."""

    def __init__(self, seed, ledger=None, *, interleaved=False, variant=None, scale=1):
        self.schedule = Schedule(seed, scale)
        self.scale = scale
        chance = self.schedule.chance
        chosen = chance.choice([*sorted(VARIANTS), *TIGHT])
        self.company = company(variant or chosen)
        self.hands = Hands(self.schedule)
        if ledger is None:
            ledger = (
                InterleavedLedger(IDENTITY, self.schedule)
                if interleaved
                else MemoryLedger(IDENTITY)
            )
        self.ledger = ledger
        self.turns = (AllAtOnce if interleaved else OneAtATime)(self.schedule)
        self.outbox = Outbox(
            self.schedule,
            once=chance.random() < 0.5,
            remembers=chance.random() < 0.5,
            takes=chance.choice((0.9, 0.6, 0.2)),
        )
        self.book = actors.Book()
        self.wrong = []
        self.is_over = False
        self.pool = actors.incidents(
            chance, scale * chance.randrange(6, 13), scale * chance.randrange(2, 6)
        )
        self.names = []

    def go(self):
        """Run, heal, judge."""
        with self.ledger.transaction(recorded_at=START - timedelta(days=1)) as work:
            work.append(self.company.started)
        found = []
        try:
            self._populate()
            self.schedule.run()
            heal(self)
        except StuckError as stuck:
            found.append(str(stuck))
        except Exception as error:  # noqa: BLE001 - what the service should never raise
            found.append(f"{type(error).__name__}: {error}")
        return found or [*self.wrong, *violations(self)]

    def _populate(self):
        chance, add = self.schedule.chance, self.add
        for place in range(3):
            add(
                f"client{place}",
                actors.client(self, self._batches(self.scale * chance.randrange(2, 6))),
            )
        for place in range(2):
            add(f"worker{place}", actors.worker(self, self.scale * chance.randrange(3, 9)))
        add("operator", actors.operator(self, self._orders()))
        happenings = actors.happenings(chance, self.pool, self.scale * chance.randrange(2, 7))
        if self.company.variant in WAITING:
            add("visitors", actors.feed(self, actors.visits(self.pool)))
        add("feed", actors.feed(self, happenings))
        add("tide", actors.tide(self, self.scale * chance.randrange(3, 9)))

    def add(self, name, body):
        self.names.append(name)
        self.schedule.add(name, body)

    def _batches(self, number):
        chance = self.schedule.chance
        batches = []
        for _ in range(number):
            name = NAMES[chance.random() < 0.25]
            mine = [each for each in self.pool if each.kind == name]
            if mine:
                batches.append((name, [chance.choice(mine) for _ in range(chance.randrange(1, 4))]))
        return batches

    def _orders(self):
        chance = self.schedule.chance
        tidying = chance.choices(
            ("replay", "give up", "revoke", "forget", "settle"), k=4 * self.scale
        )
        what = [each for each in tidying if chance.random() < 0.5]
        what += [each for each in actors.ENDS if chance.random() < 0.2]
        what += ["phase"] * (self.company.variant == "phases")
        what += ["version"] * (chance.random() < 0.25)
        chance.shuffle(what)
        return [(each, NAMES[chance.random() < 0.25]) for each in what]

    def upto(self, most):
        """A number from 1 to ``most``."""
        return self.schedule.chance.randrange(1, most + 1)

    def newest(self, name):
        """The version that runs, whoever knows of it."""
        return max(each.version for each in self.ledger.read(Started, experiment=name))

    def is_killed(self, name):
        """Whether the version that runs was killed."""
        halted = self.ledger.read(Halted, experiment=name, version=self.newest(name))
        return any(each.how == "kill" for each in halted)

    def running(self, name):
        """What a process has loaded of an experiment; it may be an old version."""
        version = self.newest(name)
        if version > 1 and not self.schedule.healed and self.schedule.chance.random() < 0.3:
            version -= 1
        return self.company.versions[name, version]

    def latest(self):
        """All experiments as they run."""
        return [self.company.versions[name, self.newest(name)] for name in NAMES]

    def ledger_of(self, actor):
        return FaultyLedger(self.schedule, actor, self.ledger, self.turns)

    def clock_of(self, actor):
        return faulty_clock(self.schedule, actor, self.hands)

    def channel_of(self, actor):
        return FaultyChannel(self.schedule, actor, self.outbox)

    def answered(self, name, incident, answer):
        """A client got ``answer``; one without an assignment was not heard."""
        if answer.assignment is not None:
            self.book.answers[name, incident.key].append(answer)

    def judge_error(self, actor, error):
        """Note an error that no fault made and no caller can make, and giving up too early."""
        if type(error) is LedgerBusyError and actor.busy < TRIES and actor.name != "tide":
            self.book.refused.append((actor.name, error))
        made = error
        while made is not None and not hasattr(made, "injected"):
            made = made.__cause__ or made.__context__
        if made is None and not isinstance(error, CALLERS):
            self.book.refused.append((actor.name, error))

    def places(self):
        """(kind, key) -> the place in commit order, and when it was recorded."""
        return places(self.ledger)

    def as_of(self, mark):
        """All keys of every kind up to ``mark``."""
        return {
            name: [each.key for each in self.ledger.read(kind, mark=mark)]
            for name, kind in KINDS.items()
        }

    def snapshot(self):
        """Keep what stands now; it must stand for ever."""
        self.book.snapshots.append(self.everything())

    def everything(self):
        """(kind, key) -> fact."""
        return {
            (name, fact.key): fact
            for name, kind in KINDS.items()
            for fact in self.ledger.read(kind)
        }

    def replies(self):
        """What the clients were told, in the order they were told it."""
        return {place: list(told) for place, told in self.book.answers.items()}


def run(seed, mode="memory", *, ledger=None, variant=None):
    """The result of one seed; ``mode`` is memory, interleaved, or sqlite with its ``ledger``."""
    one = Run(seed, ledger, interleaved=mode == "interleaved", variant=variant)
    found = one.go()
    schedule = one.schedule
    return Result(
        seed=seed,
        mode=mode,
        variant=one.company.variant,
        violations=found,
        trace=schedule.trace,
        faults=schedule.faults,
        words=one.outbox.words,
        replies=one.replies(),
        content=one.ledger.content_hash(),
        ends=Counter(each.because for each in one.ledger.read(Delivery))
        + Counter(moved=one.ledger.count(DueMoved)),
    )
