"""What all tests share: where the real data is, and how often the slow tests repeat."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("realdata") and not REAL_DATA.is_dir():
        pytest.skip(f"needs the real data in {REAL_DATA}")
