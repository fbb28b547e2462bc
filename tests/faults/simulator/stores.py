"""One seed on one kind of ledger: memory, memory interleaved, or a SQLite file."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from apologylab.storage import sqlite
from apologylab.storage.tables import IDENTITY as IDENTITY_TABLE
from apologylab.storage.tables import METADATA
from simulator.runs import run
from simulator.world import IDENTITY

MODES = ("memory", "interleaved", "sqlite")
FAST = Path("/dev/shm")
"""A disk in memory, where there is one: what is lost when the power goes is another test."""


def run_seed(seed, mode, *, variant=None):
    """The result of one seed."""
    ledger = _emptied() if mode == "sqlite" else None
    return run(seed, mode, ledger=ledger, variant=variant)


def empty_file(folder):
    """A ledger without facts, in a file of ``folder``."""
    path = folder / "l.sqlite"
    shutil.copyfile(_empty(), path)
    return sqlite.open_(path)


def _emptied():
    """The ledger file of this process, empty again; statements that it compiled are kept."""
    ledger = _file()
    with closing(sqlite3.connect(ledger.database.path)) as connection, connection:
        for table in METADATA.sorted_tables:
            if table is not IDENTITY_TABLE:
                connection.execute(f"DELETE FROM {table.name}")
    return ledger


@cache
def _file():
    return empty_file(Path(_folder().name))


@cache
def _empty():
    """A ledger file without facts, made once a process."""
    path = Path(_folder().name) / "empty.sqlite"
    sqlite.create(path, IDENTITY).close()
    return path


@cache
def _folder():
    """Gone when the process ends."""
    return TemporaryDirectory(dir=FAST if FAST.is_dir() else None)
