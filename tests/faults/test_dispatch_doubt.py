"""Retries, hang-ups, crashes, late and many workers: at most one effect, exactly one end (R15)."""

import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import pytest

from apologylab.errors import LedgerBusyError, LedgerGoneError
from apologylab.record.facts import Attempt, Delivery, FallbackReport, Goodwill, Liability, Remedy
from apologylab.service.dispatch import IN_DOUBT, LEASE, Worker, dispatch_once
from apologylab.service.ending import end
from apologylab.service.letters import dead_letters, replay
from apologylab.service.retrying import store as store_fates
from apologylab.service.settling import Outcome
from apologylab.storage.sqlite import create

UNITS = 24
MINUTE = timedelta(minutes=1)


class Crash(BaseException):
    """The process is gone."""


STORES = [
    "memory",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("sqlite", "postgres")),
]


@pytest.fixture(params=STORES)
def store(request, ledger, tmp_path):
    if request.param != "sqlite":
        named = {"memory": "ledger", "postgres": "postgres_ledger"}
        yield request.getfixturevalue(named[request.param])
        return
    made = create(tmp_path / "ledger.sqlite", ledger.identity)
    yield made
    made.close()


@pytest.fixture
def scene(store, loop):
    """Customers in all arms, their remedies due in an hour; ``at`` is every worker's clock."""
    return Scene(store, loop)


class Scene:
    def __init__(self, ledger, loop, *, text=None):
        self.ledger, self.loop = ledger, loop
        declared = loop.Declared(text or loop.DECLARATION)
        declared.change("hold_seconds = 60", "attempts = 3\nbackoff_seconds = 60")
        self.running = loop.begin(ledger, declared)
        self.answers = loop.ask(ledger, self.running, *(loop.incident(i) for i in range(UNITS)))
        self.at = loop.START + loop.HOUR
        self.speaking = {each.key for each in self.answers if each.arm != "silence"}

    def dispatch(self, channel, holder="w", *, ahead=timedelta(0), **more):
        worker = Worker(holder=holder, clock=lambda: self.at + ahead, chance=lambda: 0.5, **more)
        return dispatch_once(self.ledger, channel, self.running, worker)

    def states(self):
        return Counter(each.state for each in self.ledger.read(Delivery))

    def left(self):
        with self.ledger.transaction(recorded_at=self.at) as work:
            return work.undelivered(self.running.name)

    def give(self):
        """Goodwill for every incident: whatever is looked at from now on must not leave."""
        gifts = [
            Goodwill(key=each.key, occurred_at=self.at, customer=each.customer, kind="credit",
                     amount=1, currency="USD", incident=each.incident)
            for each in self.answers
        ]  # fmt: skip
        with self.ledger.transaction(recorded_at=self.at) as work:
            work.append(gifts)

    def assert_settled(self, channel, *, at_most_once=True):
        """Every remedy has one end, money agrees with it, and nothing took effect twice."""
        ends = {each.key: each.state for each in self.ledger.read(Delivery)}
        assert len(ends) == self.ledger.count(Delivery) == UNITS
        assert self.left() == 0
        if at_most_once:
            assert set(channel.took.values()) <= {1}
        taken = {key.removeprefix("ledger-1/") for key in channel.took}
        for key, state in ends.items():
            if state == "sent":
                assert key in taken
            elif state != "in_doubt":
                assert key not in taken
        given = {each.key: each.amount for each in self.ledger.read(Remedy) if each.compensation}
        steps = Counter(each.assignment for each in self.ledger.read(Liability))
        assert steps == dict.fromkeys(given, 2)
        released = {e.assignment for e in self.ledger.read(Liability) if e.state == "released"}
        assert released == {key for key in given if ends[key] in ("failed", "suppressed")}
        held = sum(given[key] for key in given.keys() - released)
        assert self.ledger.reserved(self.loop.NAME) == held


def test_what_cannot_be_taken_now_is_tried_later_and_leaves(scene, outboxes):
    outbox = outboxes.Outbox(mood=["later", "breaks before"])
    first = scene.dispatch(outbox)
    assert first.postponed == {"it later": len(scene.speaking)}
    assert first.states == {"would_send": UNITS - len(scene.speaking)}
    # Half of the longest wait, which is a minute after the first failure and two after the second.
    again = {each.again_at - scene.at for each in scene.ledger.read(Attempt)}
    assert again == {MINUTE / 2}
    assert scene.dispatch(outbox).postponed == {}
    scene.at += MINUTE / 2
    second = scene.dispatch(outbox)
    assert second.postponed == {"the channel broke down: Connection refused": len(scene.speaking)}
    scene.at += MINUTE
    assert scene.dispatch(outbox).states == {"sent": len(scene.speaking)}
    numbers = Counter(each.number for each in scene.ledger.read(Attempt))
    assert numbers == {1: len(scene.speaking), 2: len(scene.speaking)}
    scene.assert_settled(outbox)


def test_what_was_not_taken_is_looked_at_again_before_it_leaves(scene, outboxes):
    outbox = outboxes.Outbox(mood=["later"])
    scene.dispatch(outbox)
    scene.give()
    scene.at += MINUTE
    assert scene.dispatch(outbox).states == {"suppressed": len(scene.speaking)}
    scene.assert_settled(outbox)
    assert outbox.took == {}


@pytest.mark.parametrize("mood", ["hangs up", "breaks after", "says nothing", "loses"])
def test_what_may_have_left_is_sent_again_by_the_same_key_whatever_came_meanwhile(
    scene, outboxes, mood
):
    outbox = outboxes.Outbox(mood=[mood], remembers=False)
    assert scene.dispatch(outbox).postponed.total() == len(scene.speaking)
    scene.give()
    scene.at += MINUTE
    assert scene.dispatch(outbox).states == {"sent": len(scene.speaking)}
    assert outbox.calls[0] == outbox.calls[1]
    scene.assert_settled(outbox)


@pytest.mark.parametrize("mood", ["hangs up", "breaks after", "says nothing", "loses"])
def test_a_channel_that_is_not_once_leaves_doubt_and_is_never_asked_twice(scene, outboxes, mood):
    outbox = outboxes.Outbox(mood=[mood], once=False)
    assert scene.dispatch(outbox).states["in_doubt"] == len(scene.speaking)
    scene.at += scene.loop.DAY
    scene.dispatch(outbox)
    assert len(outbox.calls) == 1
    scene.assert_settled(outbox)


def test_doubt_stays_through_a_later_refusal(scene, outboxes):
    """It hung up, then was too busy to look: it may still have taken the first."""
    outbox = outboxes.Outbox(mood=["hangs up", "later"], remembers=False)
    scene.dispatch(outbox)
    scene.at += MINUTE
    scene.dispatch(outbox)
    scene.give()
    scene.at += 2 * MINUTE
    assert scene.dispatch(outbox).states == {"sent": len(scene.speaking)}
    scene.assert_settled(outbox)


def test_a_failure_ends_no_doubt(scene, outboxes):
    """Whoever handed it over first may be late, and send it after the second was refused."""
    outbox = outboxes.Outbox(mood=["sent", "failed"], remembers=False)
    _die(scene, outbox)
    scene.at += LEASE
    assert scene.dispatch(outbox, "next").states == {"in_doubt": len(scene.speaking)}
    scene.assert_settled(outbox)


def test_after_the_declared_attempts_it_waits_for_a_person(scene, outboxes):
    outbox = outboxes.Outbox(mood=["later"] * 3)
    for _ in range(3):
        done = scene.dispatch(outbox)
        scene.at += 4 * MINUTE
    assert done.dead == {"it later": len(scene.speaking)}
    assert [each.again_at for each in scene.ledger.read(Attempt) if each.number == 3] == [
        None
    ] * len(scene.speaking)
    scene.at += 9 * scene.loop.DAY
    assert scene.dispatch(outbox).settled == 0
    found = dead_letters(scene.ledger, scene.loop.NAME, now=scene.at).letters
    assert {each.remedy.key for each in found} == scene.speaking
    assert {(each.attempts, each.because, each.handed) for each in found} == {
        (3, "it later", False)
    }


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("mood", ["sent", "loses"])
def test_a_worker_that_died_before_it_told(scene, outboxes, once, remembers, mood):
    outbox = outboxes.Outbox(once=once, remembers=remembers, mood=[mood])
    _die(scene, outbox)
    scene.give()
    assert scene.dispatch(outbox, "next").settled == 0  # the dead one's lease still runs
    scene.at += LEASE
    done = scene.dispatch(outbox, "next")
    known = remembers and mood == "sent"
    assert done.states == {"sent" if known or once else "in_doubt": len(scene.speaking)}
    assert len(outbox.calls) == (2 if once and not known else 1)
    scene.assert_settled(outbox)


def test_who_died_before_it_handed_anything_over_leaves_nothing(scene, outboxes):
    """Its claim is not stored, so the next looks at all again."""

    store = scene.ledger
    scene.ledger = Failing(store, Crash, {1}, stored=False)
    with pytest.raises(Crash):
        scene.dispatch(outboxes.Outbox(once=False))
    scene.ledger = store
    outbox = outboxes.Outbox(once=False)
    assert scene.dispatch(outbox, "next").states["sent"] == len(scene.speaking)
    scene.assert_settled(outbox)


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("ahead", [-1, 0, 1])
@pytest.mark.parametrize("wait", [0, 1, 200])
def test_two_workers_at_once_however_their_clocks_stand(scene, outboxes, once, ahead, wait):
    """The second runs while the first is in its call; by its clock the lease may be over."""
    outbox = outboxes.Outbox(once=once)

    def meanwhile():
        outbox.during = None
        scene.at += wait * MINUTE
        scene.dispatch(outbox, "second", ahead=ahead * scene.loop.HOUR)

    outbox.during = meanwhile
    scene.dispatch(outbox, "first", batch=7)
    for _ in range(3):
        scene.at += 2 * scene.loop.HOUR
        scene.dispatch(outbox, "last")
    scene.assert_settled(outbox)
    assert len(outbox.took) == len(scene.speaking)
    assert scene.states().keys() <= {"sent", "would_send", "in_doubt"}
    if once:
        assert "in_doubt" not in scene.states()


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("lease", [timedelta(0), LEASE])
def test_many_workers_at_once(scene, outboxes, once, lease):
    """Four threads; without a lease each takes over at once what the others hold."""
    outbox, ran = outboxes.Outbox(once=once, during=lambda: time.sleep(0.003)), []

    def run(number):
        for turn in range(30):
            holder = f"{number}/{turn}"
            ran.append(scene.dispatch(outbox, holder, lease=lease, batch=3).settled)

    threads = [Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ran) == 120
    assert sum(ran) == UNITS
    scene.assert_settled(outbox)
    assert scene.states().keys() <= {"sent", "would_send", "in_doubt"}
    if once or lease:
        assert "in_doubt" not in scene.states()


def test_what_a_late_worker_learned_does_not_contradict_what_stands(scene, outboxes):
    """The second's word was stored while the first was still sending: it stands, money too."""
    late = outboxes.Outbox(once=False, fails=frozenset(a.customer for a in scene.answers))

    def meanwhile():
        late.during = None
        scene.at += LEASE
        scene.dispatch(outboxes.Outbox(once=False), "second")

    late.during = meanwhile
    done = scene.dispatch(late, "first")
    assert done.states == {"would_send": UNITS - len(scene.speaking)}
    assert scene.states()["in_doubt"] == len(scene.speaking)
    scene.assert_settled(late)


class Slow:
    """``inner``, but a transaction waits a moment before its commit, telling ``begun``."""

    def __init__(self, inner, begun):
        self.inner, self.begun = inner, begun

    @contextmanager
    def transaction(self, *, recorded_at):
        with self.inner.transaction(recorded_at=recorded_at) as work:
            yield work
            self.begun.set()
            time.sleep(0.3)


def test_two_words_on_a_remedy_at_the_same_moment(scene):
    """The late worker stores its failure while the second's yes is on its way to the disk."""
    due = [remedy for remedy in scene.ledger.read(Remedy) if remedy.key in scene.speaking]
    with scene.ledger.transaction(recorded_at=scene.at) as work:
        work.claim(scene.loop.NAME, holder="second", now=scene.at, until=scene.at, limit=UNITS)
    stored = {}

    def tell(holder, state, ledger):
        worker = Worker(holder=holder, clock=lambda: scene.at, chance=lambda: 0.5)
        fates = [Outcome(remedy, state, "") for remedy in due]
        stored[holder] = store_fates(ledger, scene.running, worker, fates, channel="file").ended

    begun = Event()
    second = Thread(target=tell, args=["second", "sent", Slow(scene.ledger, begun)])
    second.start()
    assert begun.wait(20)
    tell("late", "failed", scene.ledger)
    second.join()
    assert (len(stored["second"]), stored["late"]) == (len(scene.speaking), [])
    assert scene.states() == {"sent": len(scene.speaking)}
    states = Counter(each.state for each in scene.ledger.read(Liability))
    assert states.keys() == {"reserved", "committed"}


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_set_back_delays_and_does_nothing_else(scene, outboxes, back):
    outbox = outboxes.Outbox(mood=["later"])
    scene.dispatch(outbox)
    scene.at -= back
    assert scene.dispatch(outbox).settled == 0
    scene.at += back + MINUTE
    scene.dispatch(outbox)
    scene.assert_settled(outbox)


def test_a_fallback_reported_before_it_is_handed_over_holds_it_back(scene, outboxes):
    """The first seven are in the channel when all reports arrive: those leave, no others."""
    outbox = outboxes.Outbox()

    def report():
        outbox.during = None
        reports = [
            FallbackReport(key=each.key, occurred_at=scene.at, experiment=scene.loop.NAME,
                           unit=each.unit, customer=each.customer, incident=each.incident,
                           proposed="", given="today")
            for each in scene.answers
        ]  # fmt: skip
        with scene.ledger.transaction(recorded_at=scene.at) as work:
            work.append(reports)

    outbox.during = report
    scene.dispatch(outbox, batch=7)
    assert scene.states()["sent"] == len(outbox.calls[0])
    assert scene.states()["suppressed"] == len(scene.speaking) - len(outbox.calls[0])
    scene.assert_settled(outbox)


def _die(scene, outbox):
    """A worker takes all that is due and dies in its call."""

    def die():
        outbox.during = None
        raise Crash

    outbox.during = die
    with pytest.raises(Crash):
        scene.dispatch(outbox, "dead")


def _kill(scene):
    end(scene.ledger, scene.loop.NAME, because="a mistake", now=scene.at, how="kill", by="ana")


def test_a_kill_ends_all_that_waits_due_or_not(scene, outboxes):
    scene.at -= scene.loop.HOUR / 2
    _kill(scene)
    outbox = outboxes.Outbox()
    done = scene.dispatch(outbox)
    silent = UNITS - len(scene.speaking)
    assert done.states == {"suppressed": len(scene.speaking), "would_suppress": silent}
    assert done.reasons == {"killed": UNITS}
    assert scene.ledger.reserved(scene.loop.NAME) == 0
    assert outbox.calls == []
    scene.assert_settled(outbox)


def test_a_kill_ends_what_waits_in_large_batches(store, loop, outboxes):
    running = loop.begin(store)
    loop.ask(store, running, *(loop.incident(i) for i in range(400)))
    end(store, loop.NAME, because="a mistake", now=loop.START, how="kill", by="ana")
    worker = Worker(holder="w", clock=lambda: loop.START, chance=lambda: 0.5, seconds=lambda: 0.0)
    claimed = []
    dispatch_once(store, outboxes.Outbox(once=False), running, worker, progress=claimed.append)
    assert claimed == [50, 350]


def test_a_kill_during_a_call_is_heeded_before_the_next(scene, outboxes):
    outbox = outboxes.Outbox()

    def kill():
        outbox.during = None
        _kill(scene)

    outbox.during = kill
    scene.dispatch(outbox, batch=5)
    assert len(outbox.calls) == 1
    assert scene.states()["sent"] == len(outbox.took) <= 5
    scene.assert_settled(outbox)


def test_a_kill_ends_dead_letters_and_retries_too(scene, outboxes):
    outbox, name = outboxes.Outbox(mood=["later"] * 4), scene.loop.NAME
    for _ in range(3):
        scene.dispatch(outbox)
        scene.at += 4 * MINUTE
    again = sorted(scene.speaking)[:5]
    replay(scene.ledger, name, again, now=scene.at, by="ana")
    scene.dispatch(outbox)
    assert len(dead_letters(scene.ledger, name, now=scene.at).letters) == len(scene.speaking) - 5
    _kill(scene)
    assert scene.dispatch(outbox).states == {"suppressed": len(scene.speaking)}
    assert outbox.took == {}
    scene.assert_settled(outbox)


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize(("remembers", "state"), [(True, "sent"), (False, "in_doubt")])
def test_after_a_kill_what_may_have_left_is_asked_for_and_never_sent(
    scene, outboxes, once, remembers, state
):
    outbox = outboxes.Outbox(once=once, remembers=remembers)
    _die(scene, outbox)
    _kill(scene)
    scene.at += LEASE
    assert scene.dispatch(outbox, "next").states == {state: len(scene.speaking)}
    assert len(outbox.calls) == 1
    scene.assert_settled(outbox)


def test_after_a_kill_a_channel_that_cannot_be_asked_leaves_doubt(scene, outboxes):
    class Deaf(outboxes.Outbox):
        def accepted(self, keys):
            raise TimeoutError

    outbox = Deaf()
    _die(scene, outbox)
    _kill(scene)
    scene.at += LEASE
    assert scene.dispatch(outbox, "next").states == {"in_doubt": len(scene.speaking)}
    scene.assert_settled(outbox)


@pytest.mark.parametrize("once", [True, False])
def test_a_channel_that_cannot_be_asked_now_is_asked_later(scene, outboxes, once):
    class Deaf(outboxes.Outbox):
        deaf = True

        def accepted(self, keys):
            if self.deaf:
                raise TimeoutError
            return super().accepted(keys)

    outbox = Deaf(once=once)
    _die(scene, outbox)
    scene.at += LEASE
    assert scene.dispatch(outbox, "next").postponed.total() == len(scene.speaking)
    outbox.deaf = False
    scene.at += MINUTE
    assert scene.dispatch(outbox, "next").states == {"sent": len(scene.speaking)}
    assert len(outbox.calls) == 1
    scene.assert_settled(outbox)


def test_a_new_version_beside_a_killed_one_sends_its_own_only(scene, outboxes, loop):
    _kill(scene)
    declared = loop.Declared(
        loop.DECLARATION.replace('owner = "riders"', 'owner = "o"\nversion = 2')
    )
    running = loop.begin(scene.ledger, declared, now=scene.at)
    later = [loop.incident(UNITS + i) for i in range(8)]
    new = loop.ask(scene.ledger, running, *later, now=scene.at)
    outbox, scene.running = outboxes.Outbox(), running
    scene.at += scene.loop.HOUR
    done = scene.dispatch(outbox)
    speaking = {f"ledger-1/{each.key}" for each in new if each.arm != "silence"}
    assert outbox.took.keys() == speaking
    assert done.reasons == {"killed": UNITS}


def test_batches_grow_while_the_channel_is_quick_and_shrink_when_it_is_not(store, loop, outboxes):
    running = loop.begin(store)
    loop.ask(store, running, *(loop.incident(i) for i in range(1_000)))
    now, seconds, each_takes = loop.START + loop.HOUR, [0.0], [0.0001]
    outbox = outboxes.Outbox()

    def during():
        seconds[0] += each_takes[0] * len(outbox.calls[-1])
        if len(outbox.calls) == 4:
            each_takes[0] = 0.01

    outbox.during = during
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5, seconds=lambda: seconds[0])
    claimed = []
    dispatch_once(store, outbox, running, worker, progress=claimed.append)
    assert claimed[:5] == [50, 100, 200, 400, 250]
    assert store.count(Delivery) == 1_000
    slow = [len(call) for call in outbox.calls[5:]]
    assert all(size * 0.01 <= 1 for size in slow)


def test_few_are_in_doubt_at_once_where_sending_twice_would_count(store, loop, outboxes):
    running = loop.begin(store)
    loop.ask(store, running, *(loop.incident(i) for i in range(200)))
    now = loop.START + loop.HOUR
    outbox = outboxes.Outbox(once=False)
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5)
    assert dispatch_once(store, outbox, running, worker).settled == 200
    assert max(map(len, outbox.calls)) <= IN_DOUBT


def test_told_to_end_it_settles_what_it_holds_and_takes_no_more(scene, outboxes):
    outbox = outboxes.Outbox()
    worker = Worker(holder="w", clock=lambda: scene.at, chance=lambda: 0.5, batch=5)
    done = dispatch_once(
        scene.ledger, outbox, scene.running, worker, stop=lambda: bool(outbox.calls)
    )
    assert done.settled == scene.ledger.count(Delivery)
    assert len(outbox.calls) == 1
    assert scene.dispatch(outbox, "next").settled == UNITS - done.settled
    scene.assert_settled(outbox)


class Failing:
    """``inner``, but its commits number ``fails`` raise ``error``, after they were stored or not."""

    def __init__(self, inner, error, fails, *, stored):
        self.inner, self.error, self.fails, self.stored = inner, error, fails, stored
        self.commits = 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def transaction(self, *, recorded_at):
        @contextmanager
        def failing():
            self.commits += 1
            fail = self.commits in self.fails
            with self.inner.transaction(recorded_at=recorded_at) as work:
                yield work
                if fail and not self.stored:
                    raise self.error("the ledger went away")
            if fail:
                raise self.error("the ledger went away")

        return failing()


@pytest.mark.parametrize("stored", [True, False])
def test_what_was_sent_is_stored_when_the_ledger_is_back(scene, outboxes, stored):
    """The second transaction settles: lost or not, it is done again, and nothing is sent twice."""
    outbox, rested = outboxes.Outbox(once=False), []
    scene.ledger = Failing(scene.ledger, LedgerGoneError, {2, 3}, stored=stored)
    scene.dispatch(outbox, rest=rested.append)
    assert rested == [0.5, 1.0]
    assert scene.states()["sent"] == len(scene.speaking)
    scene.assert_settled(outbox)


def test_a_busy_ledger_is_asked_again(scene, outboxes):
    outbox = outboxes.Outbox(once=False)
    scene.ledger = Failing(scene.ledger, LedgerBusyError, {1, 2, 4, 5}, stored=False)
    scene.dispatch(outbox)
    assert scene.states()["sent"] == len(scene.speaking)
    scene.assert_settled(outbox)


def test_a_ledger_that_stays_away_ends_the_run_and_the_next_takes_over(scene, outboxes):
    outbox = outboxes.Outbox()
    scene.ledger = Failing(scene.ledger, LedgerGoneError, set(range(2, 20)), stored=False)
    with pytest.raises(LedgerGoneError):
        scene.dispatch(outbox, rest=lambda _: None)
    scene.ledger = scene.ledger.inner
    scene.at += LEASE
    assert scene.dispatch(outbox, "next").states == {"sent": len(scene.speaking)}
    scene.assert_settled(outbox)
