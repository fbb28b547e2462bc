"""The power fails: whatever was acknowledged is there, nothing is there by half (SQLite)."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apologylab.channels.file import FileChannel
from apologylab.record.facts import KINDS, Liability, Order
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite
from apologylab.wire.schema import tables

SEED = 20261122
CUTS_A_LIFE = 50
STEPS = 30
LOG_BYTES = 150_000
"""So small that a life goes through several checkpoints."""
IDENTITY = LedgerIdentity(id="x", environment="test", simulated=True)
HELD = {"reserved": 1, "released": -1}


@dataclass
class Life:
    """A ledger's file, what reached its disk, and its rows at the end by table and seq."""

    path: Path
    disk: Any
    rows: dict


@pytest.fixture
def lived(tmp_path, loop, forgetful_disk, monkeypatch):
    """``lived(seed)``: a ledger's life on a disk that forgets, and its commits in order."""
    limit = f"journal_size_limit={sqlite._WAL_BYTES}"
    smaller = tuple(
        each.replace(limit, f"journal_size_limit={LOG_BYTES}") for each in sqlite._PRAGMAS
    )
    monkeypatch.setattr(sqlite, "_WAL_BYTES", LOG_BYTES)

    def live(seed, synchronous="FULL"):
        pragmas = tuple(
            each.replace("synchronous=FULL", f"synchronous={synchronous}") for each in smaller
        )
        monkeypatch.setattr(sqlite, "_PRAGMAS", pragmas)
        path = tmp_path / f"{seed}.sqlite"
        ledger = sqlite.create(path, IDENTITY)
        running = loop.begin(ledger)
        ledger.close()
        disk = forgetful_disk.Disk({path.name: path.read_bytes()})
        with disk.running():
            ledger = sqlite.open_(path)
            channel = FileChannel(tmp_path / f"outbox{seed}")
            for step in range(STEPS):
                _step(ledger, running, channel, loop, random.Random(f"{seed}/{step}"), step)
                facts = sum(ledger.count(kind) for kind in KINDS.values())
                disk.note("answered", path.name, facts)
            ledger.close()
        return Life(path, disk, _rows(path))

    return live


def _step(ledger, running, channel, loop, chance, step):
    """Answers, a file of orders, or a dispatch; each of them one commit or several."""
    now = loop.START + step * loop.HOUR
    match chance.choice(("assign", "assign", "record", "dispatch")):
        case "assign":
            many = chance.choice((1, 1, 5, 40))
            new = [loop.incident(100 * step + i, at=now) for i in range(many)]
            loop.ask(ledger, running, *new, now=now)
        case "record":
            rows = [(f"o{step}-{i}", now, f"c{i}", 100, 100, "USD", False, 0) for i in range(300)]
            ledger.append_rows(Order, rows, recorded_at=now)
        case "dispatch":
            worker = Worker(holder=f"w{step}", clock=lambda: now, chance=lambda: 0.5, batch=20)
            dispatch_once(ledger, channel, running, worker)


def _last_seq(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT max(seq) FROM commit_time").fetchone()[0]


def _rows(path):
    """Table -> seq -> row, of all facts."""
    with closing(sqlite3.connect(path)) as database:
        return {
            each.name: {row[0]: row for row in database.execute(f"SELECT * FROM {each.name}")}
            for each in tables()
        }


def _acknowledged(life, cut):
    """The seq that stood when the last caller before the cut had its answer."""
    told = [event[2] for event in life.disk.events[:cut] if event[0] == "answered"]
    return told[-1] if told else 0


def _found(life, files, folder):
    """The file after the cut, opened as after any start of the machine."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder / life.path.name
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return path


def _cuts(lived, forgetful_disk, tmp_path, cuts, **settings):
    """Of each cut: its number among the events, the life, the file found after it."""
    for run in range(-(-cuts // CUTS_A_LIFE)):
        life = lived(SEED + run, **settings)
        for number in range(min(CUTS_A_LIFE, cuts - run * CUTS_A_LIFE)):
            chance = random.Random(f"{SEED}/{run}/{number}")
            cut = chance.randrange(len(life.disk.events) + 1)
            files = forgetful_disk.after_a_power_cut(life.disk, cut, chance)
            yield cut, life, _found(life, files, tmp_path / f"{run}-{number}")


def _whole_and_true(life, path, loop):
    """All commits up to one, each with all its facts and its money, and nothing else."""
    last = _last_seq(path)
    upto = {
        table: {seq: row for seq, row in rows.items() if seq <= last}
        for table, rows in life.rows.items()
    }
    assert _rows(path) == upto
    with closing(sqlite.open_(path)) as ledger:
        owed = sum(HELD.get(each.state, 0) * each.amount for each in ledger.read(Liability))
        assert ledger.reserved(loop.NAME) == owed
    return last


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_power_cut(
    lived, forgetful_disk, tmp_path, loop, counts, record_property
):
    record_property("seed", SEED)
    cuts, met = counts(50, 1_000), Counter()
    for cut, life, path in _cuts(lived, forgetful_disk, tmp_path, cuts):
        assert _whole_and_true(life, path, loop) >= _acknowledged(life, cut)
        met.update(forgetful_disk.unsynced(life.disk, cut))
    record_property("cuts with unsynced writes", dict(met))
    # Most cuts must find something to forget, some of them within a checkpoint.
    assert met["log"] > cuts / 2
    assert met["file"] > cuts / 50


def test_a_ledger_that_synced_less_would_be_caught(lived, forgetful_disk, tmp_path):
    """On the same disk under ``synchronous=NORMAL`` acknowledged commits are lost."""
    cuts = _cuts(lived, forgetful_disk, tmp_path, 20, synchronous="NORMAL")
    assert any(_last_seq(path) < _acknowledged(life, cut) for cut, life, path in cuts)
