"""``apologylab dispatch`` as a process that runs until it is told to end."""

import json
import os
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
from apologylab.wiring import clock, ledger_at

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
    shop = Shop(tmp_path, loop, declared, open_(tmp_path / "apologylab.sqlite"))
    yield shop
    shop.close()


class Shop:
    def __init__(self, folder, loop, declared, ledger):
        self.folder, self.loop, self.workers, self.ledger = folder, loop, [], ledger
        self.running = load(self.ledger, declared.experiment(loop.NAME))

    def close(self):
        for worker in self.workers:
            with worker:
                worker.kill()
        self.ledger.close()

    def ask(self, first, last):
        now = clock()()
        incidents = [self.loop.incident(n, at=now) for n in range(first, last)]
        assign(self.ledger, self.running, incidents, now=now)

    def work(self, *more):
        """A worker that is at it, or will be as soon as it may."""
        said = self.folder / f"said-{len(self.workers)}.txt"
        with said.open("w") as err:
            worker = subprocess.Popen(
                [PROGRAM, "dispatch", "--json", *more],
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
                cwd=self.folder,
            )
        worker.said = said
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
    """End it; its document, which it prints however it is told once it is at work."""
    began = time.monotonic()
    while "dispatching as " not in worker.said.read_text():
        assert time.monotonic() - began < SECONDS
        time.sleep(0.02)
    worker.send_signal(number)
    out, _ = worker.communicate(timeout=SECONDS)
    assert (worker.returncode, "Traceback" in worker.said.read_text()) == (0, False)
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
    first.wait()
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


@pytest.mark.slow
def test_a_worker_outlives_its_server(postgres_server, loop, tmp_path, monkeypatch):
    """PostgreSQL restarts at once, then is away for a while, each time with a worker at it."""
    server = type(postgres_server)()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APOLOGYLAB_LEDGER_URL", server.database())
    assert main(["init", "--simulated"]) == 0
    declared = loop.at_once()
    loop.write(tmp_path, declared)
    assert main(["start", loop.NAME]) == 0
    shop = Shop(tmp_path, loop, declared, ledger_at(os.environ["APOLOGYLAB_LEDGER_URL"]))
    try:
        worker = shop.work()
        shop.ask(0, 300)
        shop.wait_for(1)
        server.restart(signal.SIGQUIT)
        shop.ask(300, 400)
        shop.wait_for(400)
        server.stop(signal.SIGINT)
        time.sleep(2)
        server.start()
        shop.ask(400, 450)
        shop.wait_for(450)
        _told(worker, signal.SIGTERM)
        err = worker.said.read_text()
        assert "trying again in" in err
        assert "the ledger answers again" in err
        sent = sum(each.state == "sent" for each in shop.ledger.read(Delivery))
        assert Counter(shop.sent().values()) == {1: sent}
    finally:
        shop.close()
        server.remove()
