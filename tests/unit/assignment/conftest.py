"""Experiments to draw from: the Uber design without what needs a ledger, and changes to it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from apologylab.wire.declaration import read

VECTORS = Path(__file__).parents[2] / "vectors" / "assignment.json"
NAME = "late_ride_light"


@pytest.fixture(scope="session")
def light():
    """The design of the benchmarks: 8 arms, eligibility on fields, a 5% holdout."""
    return read(json.loads(VECTORS.read_text())["declarations"][NAME], where=NAME)


@pytest.fixture(scope="session")
def plain(light):
    """The same without its holdout."""
    return replace(light, holdout=None)


@pytest.fixture
def late():
    """The context of an incident that may enter."""
    return {"kind": "late_ride", "minutes_late": 25, "country": "US", "consent": "service"}
