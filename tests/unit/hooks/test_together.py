"""Many callers at once: one commit for all, each answered by itself, and nobody stops another."""

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from apologylab import wiring
from apologylab.errors import LedgerError
from apologylab.hooks import LedgerClient
from apologylab.hooks.call import Call
from apologylab.hooks.worker import Full, Worker
from apologylab.record.facts import Assignment, Closed, FallbackReport
from apologylab.service.ports import LedgerIdentity
from apologylab.service.running import pinned
from apologylab.service.start import start
from apologylab.storage.memory import MemoryLedger
from apologylab.storage.sqlite import create
from apologylab.wire import declaration

UNHURRIED_S = 20


class Gated(MemoryLedger):
    """A ledger whose transactions wait at a gate before they begin, and are counted.

    One in which an incident of ``broken`` is stored fails with an error of its own.
    """

    def __init__(self):
        super().__init__(LedgerIdentity(id="ledger-1", environment="test", simulated=True))
        self.gate = threading.Event()
        self.gate.set()
        self.begun = 0
        self.commits = 0
        self.broken = set()
        self.error = ValueError("this one is broken")
        self.at_begin = self.at_commit = lambda: None

    @contextmanager
    def transaction(self, *, recorded_at):
        self.begun += 1
        assert self.gate.wait(UNHURRIED_S)
        self.at_begin()
        with super().transaction(recorded_at=recorded_at) as work:
            yield work
            self.at_commit()
            if {each.incident for each in work.find(Assignment)} & self.broken:
                raise self.error
        self.commits += 1


@pytest.fixture
def gated():
    return Gated()


@pytest.fixture
def sqlite_url(tmp_path):
    file = tmp_path / "l.sqlite"
    create(file, LedgerIdentity(id="x", environment="test", simulated=True)).close()
    return f"sqlite:///{file}"


def _client(loop, ledger, running, **settings):
    settings = {"timeout_s": UNHURRIED_S, **settings}
    return LedgerClient(ledger, running, clock=lambda: loop.START, **settings)


def _queued(client, count):
    """Wait until ``count`` calls stand in the queue."""
    end = time.monotonic() + UNHURRIED_S
    while client._worker._queue.qsize() < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def _at_once(client, gated, incidents):
    """Ask ``incidents`` while the worker is held up by another, and let go when all wait."""
    with ThreadPoolExecutor(len(incidents) + 1) as threads:
        gated.gate.clear()
        begun = gated.begun
        blocker = threads.submit(client.assign, _plain(incidents[0], "blocker"))
        end = time.monotonic() + UNHURRIED_S
        while gated.begun == begun:
            assert time.monotonic() < end
        asked = [threads.submit(client.assign, each) for each in incidents]
        _queued(client, len(incidents))
        before = gated.commits
        gated.gate.set()
        told = [each.result() for each in asked]
        assert blocker.result().reason == "RANDOMISED"
        return told, gated.commits - before - 1


def _plain(incident, key):
    return replace(incident, key=key, customer=key)


def test_all_who_wait_are_answered_by_one_commit(gated, loop):
    running = loop.begin(gated)
    with _client(loop, gated, [running]) as client:
        told, commits = _at_once(client, gated, [loop.incident(i) for i in range(20)])
    assert commits == 1
    assert {each.reason for each in told} == {"RANDOMISED"}
    stored = {each.incident: each.arm for each in gated.read(Assignment)}
    assert [stored[f"i{i}"] for i in range(20)] == [each.arm for each in told]


def test_a_broken_call_fails_none_of_those_beside_it(gated, loop):
    running = loop.begin(gated)
    gated.broken = {"i3"}
    with _client(loop, gated, [running]) as client:
        told, commits = _at_once(client, gated, [loop.incident(i) for i in range(6)])
        gated.broken = set()
        reasons = [each.reason for each in told]
        assert reasons == ["RANDOMISED"] * 3 + ["FALLBACK"] + ["RANDOMISED"] * 2
        assert told[3].because == "ValueError: this one is broken"
        assert commits == 5
        assert client.waiting == 1
    assert [each.incident for each in gated.read(FallbackReport)] == ["i3"]


def test_a_ledger_that_fails_is_not_asked_once_for_each(gated, loop):
    running = loop.begin(gated)
    gated.broken = {f"i{i}" for i in range(9)}
    gated.error = LedgerError("disk full")
    with _client(loop, gated, [running]) as client:
        begun = gated.begun
        told, commits = _at_once(client, gated, [loop.incident(i) for i in range(9)])
        assert {each.because for each in told} == {"LedgerError: disk full"}
        # The blocker, all together, and one of them alone.
        assert (commits, gated.begun - begun) == (0, 3)
        gated.broken = set()


@pytest.mark.parametrize("how", ["says so", "is out of time"])
def test_who_goes_before_the_commit_is_not_stored_and_the_others_are(gated, loop, how):
    running = loop.begin(gated)
    stays, goes = Call(loop.incident(1), UNHURRIED_S), Call(loop.incident(2), UNHURRIED_S)
    begun = gated.begun

    def leave():
        goes.gone = how == "says so"
        goes.deadline = goes.deadline if goes.gone else 0.0

    gated.at_begin = leave
    with _client(loop, gated, [running]) as client:
        client._serve([stays, goes])
        assert stays.answer.reason == "RANDOMISED"
        assert not goes.is_told
        assert gated.begun - begun == 2
    assert [each.incident for each in gated.read(Assignment)] == ["i1"]


def test_who_goes_after_the_commit_has_the_stored_answer_and_its_report_meets_it(gated, loop):
    running = loop.begin(gated)
    with _client(loop, gated, [running], timeout_s=0.05) as client:
        gated.at_commit = lambda: time.sleep(0.2)
        assert client.assign(loop.incident(1)).reason == "FALLBACK"
        gated.at_commit = lambda: None
    (drawn,) = gated.read(Assignment)
    (report,) = gated.read(FallbackReport)
    assert (drawn.reason, report.key, report.proposed) == ("RANDOMISED", drawn.key, drawn.arm)


def test_what_one_experiment_turns_away_another_answers_in_the_same_batch(gated, loop):
    running = [loop.begin(gated), _second(gated, loop)]
    with _client(loop, gated, running) as client:
        told = [client.assign(loop.incident(i, minutes_late=5 + i)) for i in range(10)]
        together, _ = _at_once(client, gated, [loop.incident(i + 50, minutes_late=5 + i % 10)
                                               for i in range(10)])  # fmt: skip
    for given in (told, together):
        assert [each.experiment for each in given] == ["mild_ride"] * 5 + ["late_ride"] * 5
        assert {each.reason for each in given} == {"RANDOMISED"}


def _second(ledger, loop):
    """A second experiment, on rides that the first finds not late enough."""

    class Mild(loop.Declared):
        def names(self):
            return ("mild_ride",)

        def source(self, name):
            return self.text

    declared = Mild().change('name = "late_ride"', 'name = "mild_ride"')
    declared.change("at_least = 10", "at_least = 1")
    start(ledger, declared, "mild_ride", now=loop.START)
    reader = lambda text: declaration.read(text, where="test")  # noqa: E731
    (running,) = pinned(ledger, reader, ["mild_ride"])
    return running


def test_event_loops_and_threads_share_one_client(gated, loop):
    running = loop.begin(gated)

    async def ask(client, numbers):
        return await asyncio.gather(*(client.assign_async(loop.incident(i)) for i in numbers))

    with _client(loop, gated, [running]) as client, ThreadPoolExecutor(4) as threads:
        threads_before = threading.active_count()
        plain = [threads.submit(client.assign, loop.incident(i)) for i in range(30)]
        told = asyncio.run(ask(client, range(30)))
        assert threading.active_count() <= threads_before + 4
        assert [each.result() for each in plain] == told
    assert gated.count(Assignment) == 30


def test_an_event_loop_gets_the_fallback_in_time_and_only_its_cancellation(gated, loop):
    running = loop.begin(gated)
    incident = loop.incident(1)

    async def ask(client):
        gated.gate.clear()
        begun = time.monotonic()
        late = await client.assign_async(incident)
        assert time.monotonic() - begun < UNHURRIED_S / 2
        assert (late.reason, late.because) == ("FALLBACK", "TimeoutError: no answer within 0.05 s")
        assert (await client.assign_async(None)).reason == "FALLBACK"
        task = asyncio.ensure_future(client.assign_async(loop.incident(2)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gated.gate.set()

    with _client(loop, gated, [running], timeout_s=0.05) as client:
        asyncio.run(ask(client))
    # Who was cancelled was given nothing, so there is nothing to report.
    assert [each.incident for each in gated.read(FallbackReport)] == ["i1"]
    assert [each.reason for each in gated.read(Assignment)] == ["FALLBACK"]


def test_what_is_started_later_is_noticed(gated, loop):
    running = [loop.begin(gated)]
    asked = []

    def renewed():
        asked.append(len(running))
        return running if len(running) > 1 else None

    with _client(loop, gated, running[:1], renewed=renewed) as client:
        running.append(_second(gated, loop))
        client._renew_at = 0.0
        given = client.assign(loop.incident(1, minutes_late=5))
        assert given.experiment == "late_ride"
        _until(lambda: len(client._running) == 2)
        given = client.assign(loop.incident(2, minutes_late=5))
        assert (given.experiment, given.reason) == ("mild_ride", "RANDOMISED")
        assert len(asked) == 1


def test_a_new_version_answers_the_very_next_call(gated, loop):
    first = loop.begin(gated)
    declared = loop.Declared().change('owner = "riders"', 'owner = "riders"\nversion = 2')
    reader = lambda text: declaration.read(text, where="test")  # noqa: E731
    with _client(loop, gated, [first], renewed=lambda: pinned(gated, reader)) as client:
        assert client.assign(loop.incident(1)).version == 1
        start(gated, declared, loop.NAME, now=loop.START)
        again, other = client.assign(loop.incident(1)), client.assign(loop.incident(2))
    assert (again.version, other.version, other.reason) == (1, 2, "RANDOMISED")


def _until(holds):
    end = time.monotonic() + UNHURRIED_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_reports_leave_without_a_next_contact(gated, loop, monkeypatch):
    monkeypatch.setattr("apologylab.hooks.worker.IDLE_S", 0.02)
    monkeypatch.setattr("apologylab.hooks.embedded.IDLE_S", 0.02)
    running = loop.begin(gated)
    with _client(loop, gated, [running]) as client:
        client._fallback(loop.incident(1), "away")
        _until(lambda: gated.count(FallbackReport) == 1)
        assert client.waiting == 0


def test_too_many_waiting_calls_are_refused_at_once(monkeypatch):
    monkeypatch.setattr("apologylab.hooks.worker.WAITING", 2)
    held, served = threading.Event(), []

    def serve(batch):
        held.wait(UNHURRIED_S)
        served.extend(batch)

    worker = Worker(serve, lambda: None)
    worker.put("first")
    _until(lambda: worker._queue.qsize() == 0)
    worker.put("second")
    worker.put("third")
    with pytest.raises(Full, match="2 calls wait"):
        worker.put("fourth")
    held.set()
    worker.stop()
    assert served == ["first", "second", "third"]
    with pytest.raises(Full, match="closed"):
        worker.put("fifth")


def test_batches_are_bounded():
    sizes, held = [], threading.Event()

    def serve(batch):
        held.wait(UNHURRIED_S)
        sizes.append(len(batch))

    worker = Worker(serve, lambda: None, most=7)
    for number in range(30):
        worker.put(number)
    held.set()
    worker.stop()
    assert sum(sizes) == 30
    assert max(sizes) <= 7


def test_eight_threads_race_for_the_last_coupon(sqlite_url, loop):
    ledger = wiring.ledger_at(sqlite_url)
    running = loop.begin(ledger, loop.Declared().change('"5000.00 USD"', '"55.00 USD"'))
    clients = [_client(loop, wiring.ledger_at(sqlite_url), [running]) for _ in range(4)]

    def race(runner):
        incidents = [loop.incident(i) for i in range(runner, 120, 8)]
        return [clients[runner // 2].assign(each) for each in incidents]

    with ThreadPoolExecutor(8) as threads:
        given = [each for told in threads.map(race, range(8)) for each in told]
    for client in clients:
        client.close()
    reasons = Counter(each.reason for each in given)
    assert set(reasons) == {"RANDOMISED", "CLOSED"}
    assert ledger.reserved(loop.NAME) == sum(each.amount or 0 for each in given) <= 5_500
    # Two threads a client: a batch of two closes when what is left does not cover both.
    assert ledger.reserved(loop.NAME) > 5_500 - 2 * 500
    assert [each.phase for each in ledger.read(Closed)] == [1]
    assert ledger.count(Assignment) == 120
    ledger.close()
