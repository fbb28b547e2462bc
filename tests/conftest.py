"""What all tests share: where the real data is, and how often the slow tests repeat."""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from apologylab.service.ports import LedgerIdentity
from apologylab.storage.memory import MemoryLedger

ROOT = Path(__file__).parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"
IN_FULL = os.environ.get("APOLOGYLAB_VERIFY") == "1"

# The same examples on every run; a noisy machine is not a failure.
settings.register_profile(
    "apologylab",
    derandomize=True,
    deadline=None,
    max_examples=2_000 if IN_FULL else 100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("apologylab")


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
    return MemoryLedger(LedgerIdentity(id="ledger-1", environment="test", simulated=True))


@pytest.fixture(scope="session")
def loop():
    """``tests/loop.py``: one declared experiment, its messages, and incidents for it."""
    return _module("loop")


@pytest.fixture(scope="session")
def late():
    """``tests/late.py``: a started experiment's facts, and what they come to."""
    return _module("late")


@pytest.fixture(scope="session")
def forgetful_disk():
    """``tests/forgetful_disk.py``: files as they are after a power cut; needs apsw."""
    pytest.importorskip("apsw", reason="needs apsw: pip install -e '.[dev]'")
    return _module("forgetful_disk")


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
