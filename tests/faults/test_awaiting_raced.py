"""Visits land while several workers look for them and give others up: nothing is lost or sent twice."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from apologylab.record.facts import Delivery, Liability, Remedy
from apologylab.record.later_facts import DueMoved, Visit
from apologylab.service.again import again
from apologylab.service.assign import assign
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite

CUSTOMERS = 150
END = timedelta(days=2)
MOMENT = """[timing.visit]
after = "next_visit"
within = "2d"
[compensation.usd5]"""


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres_ledger")
    identity = LedgerIdentity(id="l", environment="test", simulated=True, secret="s")
    return sqlite.create(tmp_path / "ledger.sqlite", identity)


def test_visits_and_workers_at_once(ledger, loop, outboxes):
    declared = loop.Declared().change('timing = ["1h"]', 'timing = ["visit"]')
    declared.change("[compensation.usd5]", MOMENT).change("hold_seconds = 60", "hold_seconds = 0")
    running = loop.begin(ledger, declared)
    hit = [loop.incident(i) for i in range(CUSTOMERS)]
    assign(ledger, running, hit, now=loop.START)
    came = random.Random(3).sample(range(CUSTOMERS), 100)
    outbox, recorded = outboxes.Outbox(), []

    def visit(part):
        """Each at a moment near the end, recorded one by one."""
        for number in part:
            at = loop.START + END - timedelta(seconds=1 + number)
            fact = Visit(key=f"v{number}", occurred_at=at, customer=f"c{number}")

            def once(fact=fact, at=at):
                with ledger.transaction(recorded_at=at) as work:
                    work.append([fact])

            again(once)
            recorded.append(number)

    def work(name):
        """Before the end until most are recorded; then after it, when it gives others up."""
        turn, after = 0, 0
        while after < 3:
            turn, after = turn + 1, after + (len(recorded) >= 60)
            now = loop.START + END + timedelta(seconds=1 if after else -30)
            worker = Worker(
                holder=f"{name}/{turn}", clock=lambda now=now: now, chance=lambda: 0.5, batch=7
            )
            dispatch_once(ledger, outbox, running, worker)

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(visit, came[part::2]) for part in range(2)]
        jobs += [pool.submit(work, f"w{number}") for number in range(3)]
        for job in jobs:
            job.result(timeout=100)
    work("last")

    ends = {each.key: each for each in ledger.read(Delivery)}
    moved = {each.key: each for each in ledger.read(DueMoved)}
    assert len(ends) == len(list(ledger.read(Remedy))) == CUSTOMERS
    assert max(outbox.took.values()) == 1
    gone = {key for key, each in ends.items() if each.because == "no_visit"}
    assert gone.isdisjoint(moved)
    assert gone | moved.keys() == ends.keys()
    assert moved.keys() <= {f"{loop.NAME}/i{number}" for number in came}
    assert len(moved) >= 60, "most visits were found in time"
    for key, each in moved.items():
        assert each.came_at == loop.START + END - timedelta(seconds=1 + int(key.rsplit("i", 1)[1]))
        assert ends[key].state in ("sent", "would_send")
    held = Counter(each.state for each in ledger.read(Liability))
    assert held["reserved"] == held["committed"] + held["released"]
    assert ledger.reserved(loop.NAME) == 500 * held["committed"]
