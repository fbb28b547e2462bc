# ruff: noqa: N802 - the names of methods are apsw's
"""A disk that forgets what was not synced: a SQLite VFS that writes down what reaches it.

The real ledger runs over it (its SQL, its pragmas, its checkpoints) on the SQLite that apsw brings.
:class:`Disk` keeps every write, truncation, deletion and sync in order, and the moments at which a
caller had its answer. :func:`after_a_power_cut` then makes the files that a machine would find
that lost its power at one of those moments: what was synced stands, of the rest any sector may be
there or not.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace

import apsw
import sqlalchemy as sa

SECTOR = 512


@dataclass
class Disk:
    """What reached the disk since the start, by file."""

    before: dict[str, bytes]
    events: list[tuple] = field(default_factory=list)

    def note(self, *event):
        self.events.append(event)

    @contextmanager
    def running(self):
        """Engines made inside keep their files here."""
        vfs = _Vfs(self)
        made = sa.create_engine
        sa.create_engine = partial(made, module=_dbapi(vfs.vfs_name))
        try:
            yield
        finally:
            sa.create_engine = made
            vfs.unregister()


class _Vfs(apsw.VFS):
    def __init__(self, disk):
        self._disk, self.vfs_name = disk, f"forgetful-{id(disk)}"
        super().__init__(self.vfs_name, "")

    def xOpen(self, name, flags):
        return _File(self._disk, name, flags)

    def xDelete(self, name, sync):
        self._disk.note("delete", Path(name).name)
        super().xDelete(name, sync)


class _File(apsw.VFSFile):
    def __init__(self, disk, name, flags):
        path = name if isinstance(name, str) or name is None else name.filename()
        self._disk, self._name = disk, Path(path or "temporary").name
        super().__init__("", name, flags)

    def xWrite(self, data, offset):
        self._disk.note("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, size):
        self._disk.note("truncate", self._name, size)
        super().xTruncate(size)

    def xSync(self, flags):
        super().xSync(flags)
        self._disk.note("sync", self._name)


def unsynced(disk, cut):
    """Which of ``log`` and ``file`` have writes at ``cut`` that no sync followed."""
    _, waiting = _replayed(disk, cut)
    return {"log" if name.endswith("-wal") else "file" for name in waiting}


def after_a_power_cut(disk, cut, chance):
    """File -> its bytes, when the power fails after event number ``cut``."""
    durable, waiting = _replayed(disk, cut)
    kept = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    for name, changes in waiting.items():
        content = durable.setdefault(name, bytearray())
        for change in changes:
            for part in _sectors(change):
                if chance.random() < kept:
                    _apply(content, part)
    return durable


def _replayed(disk, cut):
    """What stands for good after ``cut`` events, and the changes that wait for a sync, by file."""
    durable = {name: bytearray(content) for name, content in disk.before.items()}
    waiting = {}
    for what, name, *rest in disk.events[:cut]:
        if what == "sync":
            for change in waiting.pop(name, ()):
                _apply(durable.setdefault(name, bytearray()), change)
        elif what == "delete":
            durable.pop(name, None)
            waiting.pop(name, None)
        elif what in ("write", "truncate"):
            waiting.setdefault(name, []).append((what, *rest))
    return durable, waiting


def _sectors(change):
    """A write, torn at the boundaries of sectors; anything else is whole or absent."""
    if change[0] != "write":
        return [change]
    _, offset, data = change
    first = SECTOR - offset % SECTOR
    cuts = [0, *range(first, len(data), SECTOR), len(data)]
    return [("write", offset + a, data[a:b]) for a, b in pairwise(cuts)]


def _apply(content, change):
    if change[0] == "truncate":
        size = change[1]
        del content[size:]
        content.extend(bytes(size - len(content)))
        return
    _, offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _dbapi(vfs):
    """The standard library's module as SQLAlchemy sees it, over apsw's SQLite and ``vfs``."""
    standard = {name: getattr(sqlite3, name) for name in dir(sqlite3) if not name.startswith("__")}
    version = apsw.sqlite_lib_version()
    return SimpleNamespace(
        **standard
        | {
            "connect": partial(_Connection, vfs),
            "sqlite_version": version,
            "sqlite_version_info": tuple(map(int, version.split("."))),
        }
    )


@contextmanager
def _as_standard_errors():
    try:
        yield
    except apsw.ConstraintError as error:
        raise sqlite3.IntegrityError(str(error)) from error
    except apsw.Error as error:
        raise sqlite3.OperationalError(str(error)) from error


class _Connection:
    """The few methods of ``sqlite3.Connection`` that a ledger's engine uses."""

    isolation_level = None

    def __init__(self, vfs, database, **unused):
        del unused
        self.apsw = apsw.Connection(database, vfs=vfs)

    def cursor(self):
        return _Cursor(self.apsw)

    def create_function(self, name, arity, function, *, deterministic=False):
        self.apsw.create_scalar_function(name, function, arity, deterministic=deterministic)

    def commit(self):
        self._end("COMMIT")

    def rollback(self):
        self._end("ROLLBACK")

    def close(self):
        self.apsw.close()

    def _end(self, statement):
        if self.apsw.in_transaction:
            with _as_standard_errors():
                self.apsw.execute(statement)


class _Cursor:
    arraysize = 1
    lastrowid = None

    def __init__(self, connection):
        self._connection, self._cursor = connection, connection.cursor()
        self._cursor.exec_trace = self._look
        self.description, self.rowcount = None, -1

    def execute(self, statement, parameters=()):
        self._run(self._cursor.execute, statement, tuple(parameters))

    def executemany(self, statement, parameters):
        self._run(self._cursor.executemany, statement, [tuple(each) for each in parameters])

    def fetchone(self):
        return next(self._cursor, None)

    def fetchmany(self, size=None):
        return list(islice(self._cursor, size or self.arraysize))

    def fetchall(self):
        return list(self._cursor)

    def close(self):
        self._cursor.close(True)

    def _run(self, execute, statement, parameters):
        self.description, before = None, self._connection.total_changes()
        with _as_standard_errors():
            execute(statement, parameters)
        self.rowcount = self._connection.total_changes() - before

    def _look(self, cursor, statement, parameters):
        """Called when a statement is ready: a query without rows has columns all the same."""
        del statement, parameters
        columns = cursor.get_description()
        self.description = [(name, *[None] * 6) for name, _ in columns] or None
        return True
