"""What tests with real processes share: empty ledgers of each kind, by their URL.

The fault simulator is a package beside the tests; they import it by its name.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import pytest

from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite

sys.path.insert(0, str(Path(__file__).parent))
IDENTITY = LedgerIdentity(id="x", environment="test", simulated=True)


@pytest.fixture(params=["sqlite", "postgres"])
def new_ledger(request):
    """``new_ledger()``: the URL of one more empty simulated ledger."""
    return request.getfixturevalue(f"new_{request.param}")


@pytest.fixture
def new_sqlite(tmp_path):
    """One in a file."""
    numbers = count(1)

    def create():
        path = tmp_path / f"l{next(numbers)}.sqlite"
        sqlite.create(path, IDENTITY).close()
        return f"sqlite:///{path}"

    return create


@pytest.fixture
def new_postgres(postgres_server, postgres_template):
    """One in a database on the tests' server."""
    made = []

    def create():
        made.append(postgres_server.database(postgres_template))
        return made[-1]

    yield create
    for url in made:
        postgres_server.drop(url)
