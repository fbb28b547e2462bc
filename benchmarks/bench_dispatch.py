"""Dispatch to a file, beside a raw loop that claims, writes and settles the same rows."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from apologylab.channels.file import FileChannel
from apologylab.record.facts import Delivery
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite
from measure import Row, medians, rate

sys.path.append(str(Path(__file__).parent.parent / "tests"))

import loop

REMEDIES = 20_000
ROUNDS = 3
AT_ONCE = 2_000
DUE = loop.START + timedelta(hours=1)
BARE = """
CREATE TABLE waits (key TEXT PRIMARY KEY, due_at INTEGER, body TEXT, held TEXT) WITHOUT ROWID;
CREATE INDEX waits_due ON waits (due_at, key);
CREATE TABLE ends (key TEXT PRIMARY KEY, occurred_at INTEGER, state TEXT) WITHOUT ROWID;
CREATE TABLE money (key TEXT PRIMARY KEY, occurred_at INTEGER, state TEXT) WITHOUT ROWID;
"""


def rows() -> list[Row]:
    """Remedies a second, from due to settled, in all arms: a quarter silent, half with a coupon."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fill(folder / "ledger.sqlite")
        _fill_bare(folder / "bare.sqlite")
        copies = iter(range(1_000_000))

        def fresh(source: str) -> Path:
            place = folder / f"copy-{next(copies)}"
            place.mkdir()
            return Path(shutil.copy(folder / source, place / source))

        ours = [fresh("ledger.sqlite") for _ in range(ROUNDS + 1)]
        bare = [fresh("bare.sqlite") for _ in range(ROUNDS + 1)]
        taken = medians(
            {"ours": lambda: _dispatch(ours.pop()), "bare": lambda: _bare(bare.pop())},
            rounds=ROUNDS,
        )
    against = "a raw SQLite loop: claim, JSON lines with fsync, settle; WAL, synchronous=FULL"
    speed = {name: REMEDIES / seconds for name, seconds in taken.items()}
    return [
        rate(
            "dispatch of what is due to the file channel",
            against,
            ours=speed["ours"],
            theirs=speed["bare"],
            unit="remedies/s",
        )
    ]


def _fill(path: Path) -> None:
    identity = LedgerIdentity(id="bench", environment="bench", simulated=True)
    ledger = sqlite.create(path, identity)
    declared = loop.Declared().change('"5000.00 USD"', '"5000000.00 USD"')
    running = loop.begin(ledger, declared)
    for first in range(0, REMEDIES, 5_000):
        loop.ask(ledger, running, *(loop.incident(first + n) for n in range(5_000)))
    ledger.close()


def _dispatch(path: Path) -> None:
    ledger = sqlite.open_(path)
    running = loop.load(ledger, _declared())
    worker = Worker(
        holder="bench",
        clock=lambda: DUE,
        chance=random.Random(1).random,
        seconds=time.monotonic,
    )
    done = dispatch_once(ledger, FileChannel(path.parent / "outbox"), running, worker)
    assert done.settled == ledger.count(Delivery) == REMEDIES
    ledger.close()


def _declared() -> object:
    return loop.Declared().change('"5000.00 USD"', '"5000000.00 USD"').experiment(loop.NAME)


def _fill_bare(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(BARE)
    body = "sorry: 12 minutes late.\n\nHere are 5 dollars."
    waits = [(f"late_ride/i{n}", n * 7919 % REMEDIES, body, None) for n in range(REMEDIES)]
    connection.executemany("INSERT INTO waits VALUES (?,?,?,?)", waits)
    connection.commit()
    connection.close()


def _bare(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    claim = "SELECT key, body FROM waits WHERE held IS NULL ORDER BY due_at, key LIMIT ?"
    with (path.parent / "bare.jsonl").open("ab") as lines:
        while True:
            connection.execute("BEGIN IMMEDIATE")
            due = connection.execute(claim, [AT_ONCE]).fetchall()
            keys = [(key,) for key, _ in due]
            connection.executemany("UPDATE waits SET held = 'w' WHERE key = ?", keys)
            connection.execute("COMMIT")
            if not due:
                break
            lines.writelines(json.dumps({"key": k, "text": b}).encode() + b"\n" for k, b in due)
            lines.flush()
            os.fsync(lines.fileno())
            _settle(connection, keys)
    connection.close()


def _settle(connection: sqlite3.Connection, keys: list[tuple[str]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO ends VALUES (?, 0, 'sent')", keys)
    connection.executemany("INSERT INTO money VALUES (?, 0, 'committed')", keys[::2])
    connection.executemany("DELETE FROM waits WHERE key = ?", keys)
    connection.execute("COMMIT")
