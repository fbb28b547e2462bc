"""``apologylab dispatch`` as a process that runs until it is told to end."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from apologylab.cli.app import main
from apologylab.record.facts import Delivery
from apologylab.service.assign import assign
from apologylab.service.running import load
from apologylab.storage.sqlite import open_
from apologylab.wiring import clock

PROGRAM = str(Path(sys.executable).parent / "apologylab")
SECONDS = 30
"""The longest that a busy machine may need for what takes one second."""


@pytest.fixture
def shop(tmp_path, loop, monkeypatch):
    """A started experiment whose remedies are due at once."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--simulated"]) == 0
    declared = loop.at_once()
    loop.write(tmp_path, declared)
    assert main(["start", loop.NAME]) == 0
    shop = Shop(tmp_path, loop, declared)
    yield shop
    for worker in shop.workers:
        worker.kill()
        worker.communicate()
    shop.ledger.close()


class Shop:
    def __init__(self, folder, loop, declared):
        self.folder, self.loop, self.workers = folder, loop, []
        self.ledger = open_(folder / "apologylab.sqlite")
        self.running = load(self.ledger, declared.experiment(loop.NAME))

    def ask(self, first, last):
        now = clock()()
        incidents = [self.loop.incident(n, at=now) for n in range(first, last)]
        assign(self.ledger, self.running, incidents, now=now)

    def work(self, *more):
        worker = subprocess.Popen(
            [PROGRAM, "dispatch", "--json", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )
        self.workers.append(worker)
        return worker

    def wait_for(self, deliveries):
        began = time.monotonic()
        while self.ledger.count(Delivery) < deliveries:
            assert time.monotonic() - began < SECONDS
            time.sleep(0.02)

    def sent(self):
        lines = (self.folder / "outbox" / "remedies.jsonl").read_bytes().splitlines()
        return Counter(json.loads(line)["key"] for line in lines)


def _told(worker, number):
    """End it; its document, which it prints however it is told."""
    worker.send_signal(number)
    out, err = worker.communicate(timeout=SECONDS)
    assert (worker.returncode, "Traceback" in err) == (0, False)
    return json.loads(out)


def test_workers_send_what_comes_until_they_are_told_to_end(shop):
    shop.ask(0, 300)
    workers = [shop.work(), shop.work("--holder", "b")]
    shop.wait_for(300)
    shop.ask(300, 340)
    shop.wait_for(340)
    told = [_told(*each) for each in zip(workers, (signal.SIGTERM, signal.SIGINT), strict=True)]
    settled = [sum(each["settled"] for each in document["experiments"]) for document in told]
    assert sum(settled) == 340
    sent = sum(each.state == "sent" for each in shop.ledger.read(Delivery))
    assert Counter(shop.sent().values()) == {1: sent}


def test_what_a_killed_worker_held_is_taken_over(shop):
    shop.ask(0, 800)
    first = shop.work("--lease-seconds", "1")
    shop.wait_for(1)
    first.kill()
    first.communicate()
    assert 0 < shop.ledger.count(Delivery) < 800
    second = shop.work("--lease-seconds", "1")
    shop.wait_for(800)
    document = _told(second, signal.SIGTERM)
    states = Counter(each.state for each in shop.ledger.read(Delivery))
    assert states.keys() == {"sent", "would_send"}
    assert Counter(shop.sent().values()) == {1: states["sent"]}
    assert document["format"] == "apologylab.dispatch/1"


def test_a_worker_sees_a_kill(shop):
    worker = shop.work()
    shop.ask(0, 50)
    shop.wait_for(50)
    assert main(["stop", shop.loop.NAME, "--kill", "--because", "wrong text"]) == 0
    shop.ask(50, 60)
    before = shop.sent()
    time.sleep(1.5)
    assert shop.sent() == before
    _told(worker, signal.SIGTERM)
