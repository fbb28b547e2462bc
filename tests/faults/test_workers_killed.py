"""Two dispatchers at once, killed again and again on one ledger: each remedy takes effect once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing

import pytest

from apologylab import wiring
from apologylab.channels.file import FILE, FileChannel
from apologylab.record.facts import Delivery, Liability, Remedy
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.running import pinned

DISPATCH = """
import sys
from datetime import datetime
from pathlib import Path
from apologylab import wiring
from apologylab.channels.file import FileChannel
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.running import pinned

url, outbox, now, holder = sys.argv[1:]
ledger = wiring.ledger_at(url)
(running,) = pinned(ledger, wiring.declaration_reader())
now = datetime.fromisoformat(now)
worker = Worker(holder=holder, clock=lambda: now, chance=lambda: 0.5, batch=10)
channel = FileChannel(Path(outbox))
print("ready", flush=True)
sys.stdin.readline()
dispatch_once(ledger, channel, running, worker)
"""
WORKERS = 2
A_ROUND = 120
"""Incidents that are due in each round, beside what the killed ones left."""
SEED = 31


@pytest.fixture
def started(new_ledger, loop):
    url = new_ledger()
    with closing(wiring.ledger_at(url)) as ledger:
        loop.begin(ledger, loop.Declared().change('"5000.00 USD"', '"500000.00 USD"'))
    return url


@pytest.mark.slow
def test_killed_workers_send_everything_once(started, tmp_path, loop, counts, record_property):
    record_property("seed", SEED)
    chance, rounds, in_the_middle = random.Random(SEED), counts(6, 50) // WORKERS, 0
    outbox = tmp_path / "out"
    for number in range(rounds):
        now = loop.START + 2 * (number + 1) * loop.HOUR
        _ask(started, loop, number)
        in_the_middle += _dispatch_and_die(started, outbox, now, number, chance)
    with closing(wiring.ledger_at(started)) as ledger:
        (running,) = pinned(ledger, wiring.declaration_reader())
        later = loop.START + 2 * (rounds + 1) * loop.HOUR
        worker = Worker(holder="the last", clock=lambda: later, chance=lambda: 0.5)
        dispatch_once(ledger, FileChannel(outbox), running, worker)
        _everything_took_effect_once(ledger, outbox, loop, rounds)
    # A kill after all was sent shows nothing.
    assert in_the_middle >= rounds * 0.6


def _ask(url, loop, number):
    first = number * A_ROUND
    with closing(wiring.ledger_at(url)) as ledger:
        (running,) = pinned(ledger, wiring.declaration_reader())
        now = loop.START + 2 * number * loop.HOUR
        incidents = [loop.incident(i, at=now) for i in range(first, first + A_ROUND)]
        loop.ask(ledger, running, *incidents, now=now)


def _dispatch_and_die(url, outbox, now, number, chance):
    """Whether the kill found something unsent."""
    with ExitStack() as living:
        processes = []
        for which in range(WORKERS):
            arguments = [url, str(outbox), now.isoformat(), f"{number}/{which}"]
            process = subprocess.Popen(
                [sys.executable, "-c", DISPATCH, *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            living.enter_context(process)
            living.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        before = _lines(outbox)
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        _wait_for(outbox, before + chance.randrange(1, A_ROUND // 2), processes)
        time.sleep(chance.uniform(0, 0.003))
    with closing(wiring.ledger_at(url)) as ledger:
        return ledger.count(Delivery) < ledger.count(Remedy)


def _lines(outbox):
    file = outbox / FILE
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _wait_for(outbox, lines, processes):
    while _lines(outbox) < lines and any(each.poll() is None for each in processes):
        time.sleep(0.0005)


def _everything_took_effect_once(ledger, outbox, loop, rounds):
    remedies = {each.key: each for each in ledger.read(Remedy)}
    assert len(remedies) == rounds * A_ROUND
    sent = Counter(json.loads(line)["key"] for line in (outbox / FILE).read_text().splitlines())
    speaking = {key for key, each in remedies.items() if each.arm != "silence"}
    assert set(sent) == {f"{ledger.identity.id}/{key}" for key in speaking}
    assert set(sent.values()) == {1}
    ended = {each.key: each.state for each in ledger.read(Delivery)}
    assert ended.keys() == remedies.keys()
    assert {key for key, state in ended.items() if state == "sent"} == speaking
    money = Counter(each.state for each in ledger.read(Liability))
    assert money["reserved"] == money["committed"] > 0
    assert ledger.reserved(loop.NAME) == 500 * money["reserved"]
