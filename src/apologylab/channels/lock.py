"""Locks on files, which keep other processes out until they are let go of or their holder dies."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def lock(opened: IO[bytes]) -> None:
    """Wait for the lock of an open file; closing it, or dying, lets go of it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(opened.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(opened, fcntl.LOCK_EX)


@contextmanager
def turn(file: Path) -> Iterator[None]:
    """Do something that only one process may do at a time, known by ``file``; waits its turn."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as opened:
        lock(opened)
        yield
