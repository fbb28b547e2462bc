"""One seed on one kind of ledger: memory, memory interleaved, or a SQLite file."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from apologylab.storage import sqlite
from simulator.runs import run
from simulator.world import IDENTITY

MODES = ("memory", "interleaved", "sqlite")
FAST = Path("/dev/shm")
"""A disk in memory, where there is one: what is lost when the power goes is another test."""


def run_seed(seed, mode, *, variant=None):
    """The result of one seed."""
    if mode != "sqlite":
        return run(seed, mode, variant=variant)
    with TemporaryDirectory(dir=_folder()) as folder:
        ledger = empty_file(Path(folder))
        try:
            return run(seed, mode, ledger=ledger, variant=variant)
        finally:
            ledger.close()


def empty_file(folder):
    """A ledger in a file of ``folder``."""
    path = folder / "l.sqlite"
    shutil.copyfile(_empty(), path)
    return sqlite.open_(path)


@cache
def _empty():
    """A ledger file without facts, made once a process."""
    path = Path(mkdtemp(dir=_folder())) / "empty.sqlite"
    sqlite.create(path, IDENTITY).close()
    return path


def _folder():
    return FAST if FAST.is_dir() else None
