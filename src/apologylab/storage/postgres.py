"""The ledger in PostgreSQL: many writers at a time, durable at every commit.

Writers keep out of each other's way by locks on names and rows (:mod:`.many_writers`), in READ
COMMITTED; readers see one snapshot. A connection that was idle is tried before it is used, so a
restart of the server costs at most the transactions that were under way.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from apologylab.errors import (
    LedgerBusyError,
    LedgerError,
    LedgerGoneError,
    MissingPartError,
    NotFoundError,
    StateError,
)
from apologylab.storage.ledger import SqlLedger, stored
from apologylab.storage.many_writers import BEGIN, LEDGER, ManyWriters, number_of
from apologylab.storage.migrate import pending, refuse_other_revision, upgrade
from apologylab.storage.quick import Quick
from apologylab.storage.rows import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.record.facts import Fact
    from apologylab.service.ports import Appended, LedgerIdentity
    from apologylab.storage.rows import Row

_LOCK_SECONDS: Final = 30
_IDLE_SECONDS: Final = 1.0
_MIGRATE_TRIES: Final = 60
_MIGRATE_PAUSE: Final = 1.0
_POOL: Final = 8
_OVERFLOW: Final = 56
_SESSION: Final = (
    "SELECT set_config('synchronous_commit', 'on', false), "
    f"set_config('lock_timeout', '{_LOCK_SECONDS}s', false)"
)
_BUSY: Final = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available
    "57014",  # query_canceled
    "23505",  # unique_violation: somebody else stored it meanwhile
    "53200",  # out_of_memory: too many locks at once
}
_GONE: Final = ("08", "57P0")


def create(url: str, identity: LedgerIdentity) -> SqlLedger:
    """Make the tables and the identity in an empty database, all or nothing.

    Raises:
        StateError: there are tables already.
        LedgerGoneError: the server cannot be reached.
        LedgerError: the database is not in UTF-8.
    """
    database = connect(url)
    with closed_on_error(database):
        with database.migrating() as connection:
            _refuse_used(connection, database.place)
            upgrade(connection)
            connection.execute(stored(identity))
        return SqlLedger(database)


def open_(url: str) -> SqlLedger:
    """Open a ledger that exists.

    Raises:
        NotFoundError: the database is empty.
        LedgerOldError: its schema is not this version's.
        LedgerGoneError: the server cannot be reached.
        LedgerError: the database holds something else.
    """
    database = connect(url)
    with closed_on_error(database):
        with database.reading() as connection:
            _refuse_empty(connection, database.place)
            refuse_other_revision(connection, database.place)
        return SqlLedger(database)


def migrate(url: str, *, dry_run: bool) -> list[str]:
    """Bring the ledger to this version's schema; the steps taken, or to take.

    Others may go on writing: a step that would have to wait for them gives up and is tried again.

    Raises:
        NotFoundError: the database is empty.
        LedgerOldError: a newer version wrote it.
        LedgerBusyError: others held the tables all the time.
    """
    database = connect(url)
    with closed_on_error(database):
        with database.reading() as connection:
            _refuse_empty(connection, database.place)
            steps = pending(connection, database.place)
        if steps and not dry_run:
            _upgrade(database)
    database.close()
    return steps


def connect(url: str) -> PostgresDatabase:
    """The database at ``url``; nothing is connected to yet.

    Raises:
        MissingPartError: psycopg is not installed.
    """
    try:
        import psycopg  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingPartError(
            "a ledger in PostgreSQL needs psycopg", do="pip install 'apologylab[postgres]'"
        ) from error
    at = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(at, pool_size=_POOL, max_overflow=_OVERFLOW)
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "checkin", _leave)
    sa.event.listen(engine, "checkout", _look)
    return PostgresDatabase(engine)


class PostgresDatabase:
    """See :class:`apologylab.storage.ledger.Database`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._process = os.getpid()
        self._writer = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @property
    def place(self) -> str:
        """Its URL without the password."""
        return self._engine.url.set(drivername="postgresql", query={}).render_as_string()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One snapshot."""
        with explained(self.place), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A transaction for changes of the schema."""
        with explained(self.place), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, at: int) -> Iterator[ManyWriters]:
        """A transaction recorded ``at``, on the driver's own connection."""
        with explained(self.place), self._driver() as connection:
            work = ManyWriters(connection, at)
            yield work
            if work.is_broken():
                raise LedgerError(
                    f"the ledger {self.place}: a failed transaction cannot be committed",
                    do="let its error through",
                )
            with committing(self.place):
                work.commit()

    @contextmanager
    def _driver(self) -> Iterator[Quick]:
        """A connection that commits by itself; where it breaks, those that idle are let go, too."""
        raw = self._checked_out()
        driver: Any = raw.driver_connection
        try:
            driver.autocommit = True
            yield Quick(raw, self._engine.dialect)
        finally:
            if driver.closed:
                raw.invalidate()
                self.close()
            else:
                # What was not committed is rolled back on its way into the pool.
                raw.close()

    def _checked_out(self) -> sa.PoolProxiedConnection:
        """A connection of the pool; one that cannot be made has lost nothing."""
        import psycopg

        try:
            return self._engine.raw_connection()
        except psycopg.Error as error:
            raise _error(self.place, error, lost=False) from error

    @contextmanager
    def settling(self) -> Iterator[sa.Connection]:
        """A transaction while no other writes."""
        with explained(self.place), self._writer.connect() as connection:
            connection.exec_driver_sql(f"{BEGIN}; SELECT pg_advisory_xact_lock({LEDGER})")
            yield connection
            with committing(self.place):
                connection.exec_driver_sql("COMMIT")

    def append_rows(self, kind: type[Fact], rows: Sequence[Row], at: int) -> Appended:
        """Append rows in a transaction of their own, again if a key was taken meanwhile."""
        try:
            with self.writing(at) as work:
                return work.append_many(kind, rows)
        except LedgerBusyError:
            with self.writing(at) as work:
                return work.append({kind: encode(kind, rows)})

    def close(self) -> None:
        """Close all connections; those of a parent process are only forgotten."""
        self._engine.dispose(close=os.getpid() == self._process)


@contextmanager
def closed_on_error(database: PostgresDatabase) -> Iterator[None]:
    """Leave no connection behind where a ledger could not be opened."""
    try:
        yield
    except BaseException:
        database.close()
        raise


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn the driver's errors into ours; before COMMIT nothing was stored."""
    import psycopg

    try:
        yield
    except sa.exc.TimeoutError as error:
        raise LedgerBusyError(
            f"the ledger {place}: all {_POOL + _OVERFLOW} connections are in use", do="try again"
        ) from error
    except sa.exc.DBAPIError as error:
        raise _error(place, error.orig, lost=error.connection_invalidated) from error
    except psycopg.Error as error:
        lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
        raise _error(place, error, lost=lost) from error


@contextmanager
def committing(place: str) -> Iterator[None]:
    """As :func:`explained`, for a commit: whoever loses the connection cannot know."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise LedgerGoneError(
                f"the ledger {place} went while it committed, which it may have done or not",
                do="do the same again: what is stored is not stored twice",
            ) from error
        raise


def _error(place: str, error: BaseException | None, *, lost: bool) -> LedgerError:
    """What went wrong, as one of our errors."""
    import psycopg

    state = getattr(error, "sqlstate", None)
    said = str(error).strip().split("\n")[0]
    if state in _BUSY:
        more = "raise max_locks_per_transaction, or try again" if state == "53200" else "try again"
        return LedgerBusyError(f"the ledger {place}: {said}", do=more)
    if state is None and not lost and isinstance(error, psycopg.OperationalError):
        return LedgerGoneError(
            f"the ledger {place} cannot be reached: {said}",
            do="see that the server runs, the URL is right and it lets you in",
        )
    if lost or (state or "").startswith(_GONE):
        return LedgerBusyError(f"the ledger {place} hung up before the commit", do="try again")
    return LedgerError(
        f"the ledger {place}: {said}",
        do="see that its disk has room, and that you may read and write its tables",
    )


def _upgrade(database: PostgresDatabase) -> None:
    """Run the migrations; they wait for others only briefly, since all others wait for them."""
    for left in reversed(range(_MIGRATE_TRIES)):
        try:
            with database.migrating() as connection:
                turn = f"SELECT pg_advisory_xact_lock({number_of('migrate')})"
                connection.exec_driver_sql(f"{turn}; SET LOCAL lock_timeout = '500ms'")
                upgrade(connection)
        except LedgerBusyError:
            if left == 0:
                raise
            time.sleep(_MIGRATE_PAUSE)
        else:
            return


def _refuse_empty(connection: sa.Connection, place: str) -> None:
    if not sa.inspect(connection).get_table_names():
        raise NotFoundError(f"there is no ledger in {place}", do="run `apologylab init`")


def _refuse_used(connection: sa.Connection, place: str) -> None:
    """Check that the database is empty and keeps texts in UTF-8."""
    if sa.inspect(connection).get_table_names():
        raise StateError(f"{place} holds tables already", do="name an empty database")
    encoding = connection.scalar(sa.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise LedgerError(
            f"{place} keeps texts in {encoding}", do="make a database with ENCODING 'UTF8'"
        )


def _set_up(connection: Any, record: Any) -> None:
    """A commit is durable whatever the server's default; a lock is not waited for for ever."""
    record.info["process"] = os.getpid()
    record.info["used"] = time.monotonic()
    connection.autocommit = True
    connection.execute(_SESSION)
    connection.autocommit = False


def _leave(connection: Any, record: Any) -> None:
    if connection is not None:
        connection.autocommit = False
    record.info["used"] = time.monotonic()


def _look(connection: Any, record: Any, proxy: Any) -> None:
    """Refuse a connection of the parent process, or one that idled and does not answer."""
    if record.info["process"] != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise sa.exc.DisconnectionError
    if time.monotonic() - record.info["used"] < _IDLE_SECONDS:
        return
    import psycopg

    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise sa.exc.DisconnectionError from error
