"""The engines behind the port ``Source``, each as a maker of panels; a new engine adds one here."""

from __future__ import annotations

import pyarrow as pa
import pytest

from apologylab.inference.arrays import panel
from apologylab.warehouse import gather
from apologylab.warehouse.engine import connect
from apologylab.warehouse.moments import DuckSource


def table_of(columns, keys):
    """One row a unit; NaN stays NaN, None is NULL."""
    return pa.table({**keys, **{name: pa.array(column) for name, column in columns.items()}})


def arrays(request):
    return panel


def duckdb(request):
    def make(columns, **keys):
        connection, table = connect(), table_of(columns, keys)
        connection.register("units", table)
        connection.execute("CREATE TABLE panel AS SELECT * FROM units")
        names = frozenset(table.column_names)
        return DuckSource(connection=connection, relation="panel", columns=names)

    return make


def duckdb_streamed(request):
    """As of a panel that does not fit into memory, in batches of a few units."""
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr(gather, "HELD", 0)
    patch.setattr(gather, "ROWS", 64)
    patch.setattr(gather, "A_CELL", 1)
    return duckdb(request)


ENGINES = {"arrays": arrays, "duckdb": duckdb, "duckdb, streamed": duckdb_streamed}


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture
def make(engine, request):
    """``make(columns, phase=..., arm=..., stratum=..., drawn_set=...)`` gives a ``Source``."""
    return ENGINES[engine](request)


@pytest.fixture
def gives_rows(engine):
    """Whether ``collect`` hands units over."""
    return engine != "spark"
