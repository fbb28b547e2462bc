"""SIGKILL between the channel's yes and our commit, and anywhere else: nothing is sent twice."""

import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter

import pytest

from apologylab.channels.file import FILE, FileChannel
from apologylab.record.facts import Delivery, Liability, Remedy
from apologylab.service.dispatch import LEASE, Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.service.running import load
from apologylab.storage.sqlite import create, open_

DISPATCH = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from apologylab import wiring
from apologylab.channels.file import FileChannel
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.running import pinned
from apologylab.storage.sqlite import open_

class Deadly(FileChannel):
    batches = 0
    def send(self, batch):
        answers = super().send(batch)
        Deadly.batches += 1
        if Deadly.batches == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)
        return answers

ledger = open_(Path(sys.argv[1]))
(running,) = pinned(ledger, wiring.declaration_reader())
print("ready", flush=True)
now = datetime.fromisoformat(sys.argv[3])
worker = Worker(holder="the dead", clock=lambda: now, chance=lambda: 0.5, batch=20)
dispatch_once(ledger, Deadly(Path(sys.argv[2])), running, worker)
"""
UNITS = 300
SEED = 7


@pytest.fixture
def due(tmp_path, loop):
    """A ledger with remedies for ``UNITS`` customers, all due in an hour."""
    ledger = create(
        tmp_path / "l.sqlite", LedgerIdentity(id="x", environment="test", simulated=True)
    )
    running = loop.begin(ledger)
    loop.ask(ledger, running, *(loop.incident(i) for i in range(UNITS)))
    ledger.close()
    return tmp_path


def _dispatch(folder, loop, dies_at):
    later = (loop.START + loop.HOUR).isoformat()
    arguments = [str(folder / "l.sqlite"), str(folder / "out"), later, str(dies_at)]
    return subprocess.Popen(
        [sys.executable, "-c", DISPATCH, *arguments], stdout=subprocess.PIPE, text=True
    )


def _everything_took_effect_once(folder, loop):
    ledger = open_(folder / "l.sqlite")
    running = load(ledger, loop.Declared().experiment(loop.NAME))
    held = _dispatch_at(ledger, folder, running, loop.START + loop.HOUR)
    assert ledger.count(Delivery) == UNITS - held
    # What the dead worker held is taken over when its lease has ended.
    _dispatch_at(ledger, folder, running, loop.START + loop.HOUR + LEASE)
    lines = (folder / "out" / FILE).read_bytes().splitlines()
    sent = Counter(json.loads(line)["key"] for line in lines)
    speaking = {f"x/{each.key}" for each in ledger.read(Remedy) if each.arm != "silence"}
    assert set(sent) == speaking
    assert set(sent.values()) == {1}
    deliveries = {each.key: each.state for each in ledger.read(Delivery)}
    assert len(deliveries) == UNITS
    assert {f"x/{key}" for key, state in deliveries.items() if state == "sent"} == speaking
    money = Counter(each.state for each in ledger.read(Liability))
    assert money["reserved"] == money["committed"]
    assert ledger.reserved(loop.NAME) == 500 * money["reserved"]
    ledger.close()


def _dispatch_at(ledger, folder, running, now):
    """Settle what is due; gives how many remedies are left."""
    worker = Worker(holder=f"at {now}", clock=lambda: now, chance=lambda: 0.5)
    dispatch_once(ledger, FileChannel(folder / "out"), running, worker)
    with ledger.transaction(recorded_at=now) as work:
        left = work.undelivered(running.name)
    assert left <= 20
    return left


@pytest.mark.parametrize("dies_at", [1, 7])
def test_killed_after_the_channel_said_yes(due, loop, dies_at):
    with _dispatch(due, loop, dies_at) as process:
        assert process.wait() == -9
    ledger = open_(due / "l.sqlite")
    # The batch in which it died, but for the silent ones, which are settled when claimed.
    assert 20 * (dies_at - 1) <= ledger.count(Delivery) < 20 * dies_at
    ledger.close()
    assert len((due / "out" / FILE).read_bytes().splitlines()) > 15 * (dies_at - 1)
    _everything_took_effect_once(due, loop)


def test_killed_at_random_moments(due, loop, counts, tmp_path_factory):
    chance, kills, in_the_middle = random.Random(SEED), counts(3, 50), 0
    for _ in range(kills):
        folder = tmp_path_factory.mktemp("killed") / "due"
        shutil.copytree(due, folder)
        with _dispatch(folder, loop, 0) as process:
            _wait_for_lines(folder / "out" / FILE, chance.randrange(1, 180), process)
            time.sleep(chance.uniform(0, 0.004))
            process.kill()
        ledger = open_(folder / "l.sqlite")
        in_the_middle += ledger.count(Delivery) < UNITS
        ledger.close()
        _everything_took_effect_once(folder, loop)
    # A kill that comes after all is done shows nothing: most must find the dispatcher at work.
    assert in_the_middle > kills / 2


def _wait_for_lines(outbox, lines, process):
    while process.poll() is None:
        if outbox.exists() and outbox.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.0005)
