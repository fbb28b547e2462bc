"""What tests with real processes share: empty ledgers of each kind, by their URL."""

from __future__ import annotations

from itertools import count

import pytest

from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite

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
