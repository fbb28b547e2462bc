"""Event counts that follow daily changes, against a count of all units anew. Seeds are fixed."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.moments import Request
from apologylab.inference.survival.counts import Timed
from apologylab.warehouse.standing import open_panel

T = Timed("days", "end")
ARMS = ("basic", "silence")


def units_by(day):
    """Units whose incident was before ``day``; who is still under way was followed until then."""
    rng = np.random.default_rng(20261122)
    begun, wait = rng.integers(0, 20, 400), np.ceil(rng.exponential(6, 400))
    seen = begun < day
    came = begun + wait <= day
    return {
        "unit": np.flatnonzero(seen).astype(str),
        "arm": np.array(ARMS)[rng.integers(0, 2, 400)][seen],
        "phase": rng.integers(1, 3, 400)[seen],
        "days": np.where(came, wait, day - begun)[seen].astype(float),
        "end": np.where(came, 1.0, 0.0)[seen],
        "spend": rng.gamma(1.0, 5.0, 400)[seen],
    }


def put(standing, columns):
    given = pa.table(columns)
    standing.connection.register("given_rows", given)
    return standing.put("given_rows", set(given.column_names))


def same(one, other):
    assert one.cells == other.cells
    for name in ("cell", "time", "kind", "n"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


def in_full(columns):
    numbers = {name: columns[name] for name in T}
    keys = {name: list(columns[name]) for name in ("arm", "phase")}
    (counts,) = panel(numbers, **keys).events([T])
    return counts


def test_counts_of_every_day_are_those_counted_anew(tmp_path):
    file = str(tmp_path / "standing.duckdb")
    for day in range(1, 25):
        with duckdb.connect(file) as connection:
            standing = open_panel(connection, [Request("spend")], [T])
            columns = units_by(day)
            changed = put(standing, columns)
            assert changed.same > 0 or day < 3
            (counts,) = standing.events()
            same(counts, in_full(columns))
    assert counts.n.sum() == 400


def test_rows_that_come_again_change_nothing_and_gaps_are_left_out():
    standing = open_panel(duckdb.connect(), [Request("spend")], [T])
    columns = units_by(15)
    columns["days"][:5] = np.nan
    put(standing, columns)
    once = standing.events()[0]
    put(standing, columns)
    same(standing.events()[0], once)
    assert once.n.sum() == len(columns["unit"]) - 5


def test_a_time_that_cannot_be_leaves_everything_as_it_was():
    standing = open_panel(duckdb.connect(), [Request("spend")], [T])
    columns = units_by(10)
    put(standing, columns)
    before, moments = standing.events()[0], standing.moments()[0]
    wrong = {name: values.copy() for name, values in units_by(12).items()}
    wrong["days"][3] = -1.0
    with pytest.raises(InputError, match="holds -1"):
        put(standing, wrong)
    same(standing.events()[0], before)
    assert standing.moments()[0].n.tolist() == moments.n.tolist()
    with pytest.raises(InputError, match="other columns"):
        open_panel(standing.connection, [Request("spend")])
