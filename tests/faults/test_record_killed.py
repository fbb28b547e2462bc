"""SIGKILL while a file is recorded, then the same command again: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from apologylab.record.facts import Order
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite

ROWS = 12_000
BATCHES = ROWS // 100
A_BATCH_S = 0.01
SEED = 20260501
# The program that is killed: the use case itself in batches of 100 rows, so that a run has 120
# commits to be killed between or within; the CLI's start-up would cost more than all of them.
PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from apologylab.record.facts import Order
from apologylab.record.values import Reading
from apologylab.service.record import record_file
from apologylab.storage import sqlite
from apologylab.warehouse import fact_file

fact_file.BATCH_ROWS = 100
sqlite._WAL_BYTES = 300_000
path = Path(sys.argv[1])
ledger = sqlite.open_(Path(sys.argv[2]))
print("begun", flush=True)
record_file(
    ledger, Order, fact_file.open_fact_file(path), mapping={}, reading=Reading(),
    rejects=fact_file.RejectsFile(path), now=datetime.now(UTC),
    progress=lambda more: print(more, flush=True),
)
"""
IDENTITY = LedgerIdentity(id="l1", environment="test", simulated=False)


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    lines = ["key,occurred_at,customer,list_amount,paid_amount,currency"]
    for number in range(ROWS):
        amount = "ten" if number % 20 == 7 else f"{number % 90}.50"
        lines.append(f"o{number},2026-05-01T10:00Z,c{number % 700},{amount},1.00,EUR")
    path.write_text("\n".join(lines))
    return path


def start(orders, ledger):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(orders), str(ledger)], stdout=subprocess.PIPE
    )


def run_to_end(orders, ledger):
    with start(orders, ledger) as process:
        process.stdout.read()
        assert process.wait(timeout=120) == 0


def content(path):
    with closing(sqlite.open_(path)) as ledger:
        assert ledger.mark(datetime.now(UTC)) == ledger.count(Order)
        return ledger.content_hash(), ledger.count(Order)


def killed_at_random(tmp_path, orders, kills):
    """Run against one ledger until killed ``kills`` times at random moments, then to the end."""
    chance = random.Random(SEED)
    whole = tmp_path / "whole.sqlite"
    sqlite.create(whole, IDENTITY).close()
    run_to_end(orders, whole)
    broken, died = None, 0
    for kill in range(kills):
        if broken is None:
            broken = tmp_path / f"broken{kill}.sqlite"
            sqlite.create(broken, IDENTITY).close()
        with start(orders, broken) as process:
            for _ in range(chance.randrange(1, BATCHES)):
                process.stdout.readline()
            time.sleep(chance.random() * A_BATCH_S)
            process.kill()
            died += process.wait() == -signal.SIGKILL
        if chance.random() < 0.4:
            run_to_end(orders, broken)
            assert content(broken) == content(whole)
            broken = None
    if broken is not None:
        run_to_end(orders, broken)
        assert content(broken) == content(whole)
    return died, content(whole)


def test_killed_at_random_moments(tmp_path, orders):
    died, (_, count) = killed_at_random(tmp_path, orders, kills=4)
    assert count == ROWS * 19 // 20
    assert died >= 2, "most runs should be hit before they end"


@pytest.mark.slow
def test_killed_at_fifty_random_moments(tmp_path, orders, counts, record_property):
    record_property("seed", SEED)
    kills = counts(20, 50)
    died, _ = killed_at_random(tmp_path, orders, kills=kills)
    assert died >= kills // 2
