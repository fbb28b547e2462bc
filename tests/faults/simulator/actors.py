"""Who does what: order systems, dispatch workers, an operator, a feed of facts, and the tide.

An actor is a process with a supervisor: whatever fails is tried again a few times, and a process
that died is started anew, knowing nothing. What was acknowledged is written into the book, which
survives everything.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from apologylab.errors import ApologylabError
from apologylab.record.facts import (
    Contact,
    CustomerSnapshot,
    Goodwill,
    Incident,
    Order,
    Redemption,
    Resolution,
)
from apologylab.record.later_facts import Visit
from apologylab.service.assign import assign
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ending import ENDS, end
from apologylab.service.forget import forget
from apologylab.service.letters import give_up, replay
from apologylab.service.liabilities import settle_liabilities
from apologylab.service.record import record_rows
from apologylab.service.reporting import report_delivery, report_fallback
from apologylab.service.revoking import Recall, revoke
from apologylab.service.start import start
from apologylab.storage.rows import unpack
from simulator.outside import START
from simulator.schedule import Died, HungUpError
from simulator.world import NAMES

BROKEN = (ApologylabError, HungUpError)


class CallerGoneError(Exception):
    """The caller waits no longer."""


@dataclass
class Book:
    """What was acknowledged, and at which step."""

    answers: dict = field(default_factory=lambda: defaultdict(list))
    "(experiment, incident) -> replies."
    facts: list = field(default_factory=list)
    "Facts that the feed was told are stored."
    promised: list = field(default_factory=list)
    "(kind, key) of facts that a use case said that it stored."
    ends: list = field(default_factory=list)
    "(experiment, what, step)."
    changes: Counter = field(default_factory=Counter)
    "What was done by hand -> how often at least."
    marks: list = field(default_factory=list)
    "(as of, mark, what was read as of it)."
    snapshots: list = field(default_factory=list)
    forgotten: list = field(default_factory=list)
    "(customer, step)."
    maybe_forgotten: set = field(default_factory=set)
    refused: list = field(default_factory=list)
    "Errors that nobody injected."


class Process:
    """What every actor has at hand."""

    def __init__(self, run, actor):
        self.run, self.actor = run, actor
        self.ledger = run.ledger_of(actor)
        self.clock = run.clock_of(actor)
        self.chance = run.schedule.chance
        self.book = run.book

    def as_worker(self, batch):
        """What this process is to the queue; after its death it is somebody else."""
        return Worker(
            holder=f"{self.actor.name}/{self.actor.lives}",
            clock=self.clock,
            chance=self.chance.random,
            batch=batch,
        )

    def tried(self, attempt, times):
        """Whether ``attempt`` came back, within ``times`` tries."""
        for _ in range(times):
            self.actor.busy = 0
            try:
                attempt()
            except BROKEN as error:
                self.run.judge_error(self.actor, error)
            except CallerGoneError:
                pass
            except Died:
                self.run.schedule.restart(self.actor)
            else:
                return True
        return False


def incidents(chance, number, customers):
    """A pool of incidents: several of one customer, some long ago, some that contradict another."""
    pool = []
    for place in range(number):
        at = START - timedelta(minutes=chance.choice((0, 1, 5, 60, 60 * 24 * 20)))
        kind = NAMES[chance.random() < 0.25]
        fields = {"first_name": "Ada"} if chance.random() < 0.3 else {}
        if chance.random() < 0.9:
            fields["consent"] = "service"
        fields["city"] = chance.choice(("riga", "oslo"))
        customer = f"c{chance.randrange(customers)}"
        pool.append(
            Incident(key=f"i{place}", occurred_at=at, customer=customer, kind=kind, fields=fields)
        )
    for _ in range(number // 5):
        twisted = chance.choice(pool)
        other = f"c{chance.randrange(customers)}" if chance.random() < 0.5 else twisted.customer
        pool.append(replace(twisted, customer=other, order=chance.choice((None, "o7"))))
    return pool


def client(run, batches):
    """An order system that asks about ``batches`` of incidents, again and again if it must."""

    def live(actor):
        process = Process(run, actor)
        for name, batch in batches:
            running = run.running(name)
            if process.tried(partial(_ask, process, running, batch), run.upto(3)):
                if running.experiment.delivery.by == "caller":
                    process.tried(partial(_report_delivery, process, running, batch), 2)
            elif run.schedule.chance.random() < 0.5:
                process.tried(partial(_report_fallback, process, running, batch), 3)

    return live


def _ask(process, running, batch):
    gone = process.chance.random() < 0.05

    def in_time():
        if gone:
            raise CallerGoneError

    answers = assign(process.ledger, running, batch, now=process.clock(), in_time=in_time)
    for incident, answer in zip(batch, answers, strict=True):
        process.run.answered(running.name, incident, answer)


def _report_fallback(process, running, batch):
    now = process.clock()
    for incident in batch:
        report_fallback(process.ledger, running, incident, because="timeout", at=now, now=now)
        process.book.promised.append(("fallback_report", f"{running.name}/{incident.key}"))


def _report_delivery(process, running, batch):
    for incident in batch:
        for answer in process.book.answers[running.name, incident.key]:
            if answer.remedy is not None:
                silent = answer.remedy.arm == "silence"
                state = "would_send" if silent else process.chance.choice(("sent", "failed"))
                report_delivery(
                    process.ledger, running, incident.key, state=state, now=process.clock()
                )
                process.book.promised.append(("delivery", answer.remedy.key))


def worker(run, rounds):
    """A dispatcher that looks ``rounds`` times, a few remedies at a time."""

    def live(actor):
        process = Process(run, actor)
        channel = run.channel_of(actor)
        for _ in range(rounds):
            run.schedule.rest(actor, run.schedule.chance.choice((0, 0, 60)))
            if run.schedule.chance.random() < 0.4:
                run.hands.pass_by(timedelta(minutes=run.schedule.chance.choice((1, 61, 1500))))
            name = NAMES[run.schedule.chance.random() < 0.25]
            process.tried(partial(_dispatch, process, channel, name), 1)

    return live


def _dispatch(process, channel, name):
    running = process.run.running(name)
    if running.experiment.delivery.by != "caller":
        dispatch_once(process.ledger, channel, running, process.as_worker(3))


def operator(run, orders):
    """Somebody who ends and moves experiments, and tidies up."""

    def live(actor):
        process = Process(run, actor)
        for what, name in orders:
            run.schedule.rest(actor, run.schedule.chance.choice((0, 50, 200)))
            process.tried(partial(ORDERS[what], process, name), 3)

    return live


def _phase(process, name):
    catalogue = process.run.company.catalogues[1]
    done = start(process.ledger, catalogue, name, now=process.clock(), phase=2)
    process.book.changes["phase"] += done.did == "phase"


def _version(process, name):
    done = start(process.ledger, process.run.company.catalogues[2], name, now=process.clock())
    process.book.changes["start"] += done.did == "started"


def _end(how, process, name):
    end(process.ledger, name, because="enough", now=process.clock(), how=how)
    process.book.ends.append((name, how, process.run.schedule.steps))


def _replay(process, name):
    done = replay(process.ledger, name, [], now=process.clock(), by="ops")
    process.book.changes["replay"] += bool(done.letters)


def _give_up(process, name):
    done = give_up(process.ledger, name, [], now=process.clock(), by="ops")
    process.book.promised += [("delivery", each.remedy.key) for each in done.letters]
    process.book.changes["give up"] += bool(done.letters)


def _revoke(process, name):
    asked = Recall(experiment=name, because="abuse", customers=("c0", "c1"))
    done = revoke(process.ledger, asked, now=process.clock())
    process.book.promised += [("liability", f"{each}/revoked") for each in done.revoked]
    process.book.changes["revoke"] += bool(done.revoked)


def _forget(process, name):
    customer = f"c{process.chance.randrange(3)}"
    process.book.maybe_forgotten.add(customer)
    forget(process.ledger, [customer], because="asked", by="ops", now=process.clock())
    process.book.forgotten.append((customer, process.run.schedule.steps))
    process.book.changes["forget"] = 1


def _settle(process, name):
    settle_liabilities(process.ledger, process.run.latest(), now=process.clock())


ORDERS = {
    "phase": _phase,
    "version": _version,
    **{how: partial(_end, how) for how in ENDS},
    "replay": _replay,
    "give up": _give_up,
    "revoke": _revoke,
    "forget": _forget,
    "settle": _settle,
}


def feed(run, facts):
    """A feed that tells what happened elsewhere, each piece until it is taken."""

    def live(actor):
        process = Process(run, actor)
        for fact in facts:
            process.tried(partial(_tell, process, fact), 3)

    return live


def _tell(process, fact):
    record_rows(process.ledger, type(fact), unpack([fact]), now=process.clock())
    process.book.facts.append(fact)


def visits(pool):
    """Two customers of three come by, at several hours after their incidents."""
    customers = sorted({each.customer for each in pool})
    return [
        Visit(key=f"v{place}/{hour}", occurred_at=START + timedelta(hours=hour), customer=customer)
        for place, customer in enumerate(customers)
        for hour in (1, 3, 5)
        if (place + hour) % 3
    ]


def happenings(chance, pool, number):
    """Facts that come in from elsewhere about the incidents in ``pool``."""
    return [_happening(chance, chance.choice(pool), place) for place in range(number)]


def _happening(chance, incident, place):
    at, customer = START + timedelta(minutes=chance.randrange(300)), incident.customer
    common = {"key": f"f{place}", "occurred_at": at, "customer": customer}
    consent = chance.choice(("none", "service"))
    return chance.choice(
        [
            lambda: CustomerSnapshot(consent=consent, **common),
            lambda: CustomerSnapshot(consent="service", **common),
            lambda: Contact(kind="call", incident=incident.key, **common),
            lambda: Goodwill(
                kind="credit", amount=300, currency="USD", incident=incident.key, **common
            ),
            lambda: Resolution(incident=incident.key, resolved=True, took="refund", **common),
            lambda: Order(list_amount=900, paid_amount=400, currency="USD", **common),
            lambda: Redemption(
                compensation="usd5", amount=500, cost_amount=300, currency="USD",
                assignment=f"{incident.kind}/{incident.key}", **common,
            ),
        ]
    )()  # fmt: skip


def tide(run, number):
    """Time passes, clocks are set forward and back, and somebody looks at what stands."""

    def live(actor):
        process, chance = Process(run, actor), run.schedule.chance
        for _ in range(number):
            run.schedule.rest(actor, chance.choice((0, 20, 100)))
            what = chance.random()
            if what < 0.05:
                run.hands.pass_by(timedelta(days=25))
            elif what < 0.5:
                run.hands.pass_by(timedelta(minutes=chance.choice((1, 20, 61, 1500))))
            elif what < 0.7:
                off = timedelta(minutes=chance.choice((-60, -1, 1, 60)))
                run.hands.set_off(chance.choice(run.names), off)
            elif what < 0.85:
                process.tried(partial(_mark, process), 1)
            else:
                run.snapshot()

    return live


def _mark(process):
    as_of = process.clock() - timedelta(minutes=process.chance.choice((0, 0, 1, 30)))
    mark = process.ledger.mark(as_of)
    process.book.marks.append((as_of, mark, process.run.as_of(mark)))
