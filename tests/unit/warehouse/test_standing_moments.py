"""Incremental moments (R25): late, duplicate and back-dated facts, against full recomputation.

A small ledger of orders is played day by day. What a unit comes to is worked out in plain Python
from all facts known that day; only units that matured or were touched are given to the panel.
"""

from __future__ import annotations

from collections import defaultdict

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.moments import Request, cell_covariances, cell_means
from apologylab.warehouse.standing import Changed, open_panel

REQUESTS = [
    Request("spend", ("before", "tenure")),
    Request("orders"),
    Request("score", ("before",)),
]
ARMS = ["silence", "sorry", "sorry+usd5"]
WINDOW = 14


def rows_of(units, facts, day):
    """Unit -> its row, of units mature by ``day``; a fact counts once, whenever it was told."""
    amounts = defaultdict(dict)
    for key, unit, at, amount, told in facts:
        if told <= day and 0 <= at - units[unit]["anchor"] < WINDOW:
            amounts[unit][key] = amount
    found = {}
    for name, unit in units.items():
        if unit["anchor"] + WINDOW <= day:
            sums = list(amounts[name].values())
            found[name] = {
                **{key: unit[key] for key in ("phase", "arm", "before", "tenure")},
                "spend": sum(sums),
                "orders": float(len(sums)),
                "score": float(len(sums)) if len(name) % 2 else None,
            }
    return found


def world(seed, n=300, days=40):
    """Units by day of incident; orders told late, twice, or back-dated."""
    rng = np.random.default_rng(seed)
    units = {
        f"u{i}{'x' * int(rng.integers(2))}": {
            "anchor": int(rng.integers(days - WINDOW)),
            "phase": int(rng.integers(1, 3)),
            "arm": ARMS[int(rng.integers(3))],
            "before": float(rng.gamma(2.0, 10.0)),
            "tenure": None if i % 97 == 0 else 1e9 + float(rng.normal()),
        }
        for i in range(n)
    }
    facts = []
    for number in range(4 * n):
        unit = list(units)[int(rng.integers(n))]
        at = units[unit]["anchor"] + int(rng.integers(-3, WINDOW + 3))
        told = max(at, 0) + int(rng.choice([0, 0, 0, 5, 20]))
        facts.append((number, unit, at, float(np.round(rng.lognormal(3, 1), 2)), told))
        if number % 7 == 0:
            facts.append((number, unit, at, facts[-1][3], told + int(rng.integers(9))))
    return units, facts


def table(rows):
    names = ["phase", "arm", "before", "tenure", "spend", "orders", "score"]
    columns = {name: [row[name] for row in rows.values()] for name in names}
    floats = {name: pa.array(columns[name], pa.float64()) for name in names[2:]}
    keys = {"phase": pa.array(columns["phase"], pa.int64()), "arm": pa.array(columns["arm"])}
    return pa.table({"unit": pa.array(list(rows), pa.string()), **keys, **floats})


def put(standing, rows):
    given = table(rows)
    standing.connection.register("given_rows", given)
    return standing.put("given_rows", set(given.column_names))


def in_full(rows):
    given = table(rows)
    columns = {
        name: np.array(given.column(name).to_pylist(), dtype=float)
        for name in given.column_names
        if name not in {"unit", "phase", "arm"}
    }
    keys = {name: given.column(name).to_pylist() for name in ("phase", "arm")}
    return panel(columns, **keys).moments(REQUESTS)


def assert_same(found, expected):
    """Means to 1e-10, covariances to 1e-10 of what the columns vary."""
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.cells == theirs.cells
        assert mine.n.tolist() == theirs.n.tolist()
        np.testing.assert_allclose(cell_means(mine), cell_means(theirs), rtol=1e-10)
        ours, full = cell_covariances(mine), cell_covariances(theirs)
        deviations = np.sqrt(full.diagonal(axis1=1, axis2=2))
        scale = deviations[:, :, None] * deviations[:, None, :]
        assert (np.isnan(ours) == np.isnan(full)).all()
        assert np.nanmax(np.abs(ours - full) / np.where(scale > 0, scale, 1.0)) < 1e-10


@pytest.mark.parametrize("seed", [1, 2])
def test_every_day_equals_full_recomputation(seed):
    units, facts = world(seed)
    standing = open_panel(duckdb.connect(), REQUESTS)
    before, given = {}, 0
    for day in range(WINDOW, 62):
        now = rows_of(units, facts, day)
        touched = {unit for _, unit, _, _, told in facts if told == day}
        changed = {u: row for u, row in now.items() if u not in before or u in touched}
        counts = put(standing, changed)
        given += len(changed)
        assert counts.added == len(now.keys() - before.keys())
        assert counts.repaired == sum(before[u] != now[u] for u in changed if u in before)
        if day % 6 == 0 or day == 61:
            assert_same(standing.moments(), in_full(now))
        before = now
    assert len(before) == 300
    assert given < 48 * 300 / 4


def test_nothing_is_left_of_a_huge_unit_that_was_corrected():
    """In doubles the small units' sums of squares would be gone with it."""
    rng = np.random.default_rng(3)
    columns = {"before": 1.0, "tenure": 2.0, "orders": 1.0, "score": 1.0, "phase": 1, "arm": "a"}
    rows = {f"u{i}": {**columns, "spend": float(rng.normal())} for i in range(50)}
    standing = open_panel(duckdb.connect(), [Request("spend")])
    put(standing, rows | {"u7": {**rows["u7"], "spend": 1e9}})
    assert standing.moments()[0].products[0, 0, 0] > 1e17
    assert put(standing, {"u7": rows["u7"]}) == Changed(added=0, repaired=1, same=0)
    spend = np.array([row["spend"] for row in rows.values()])
    (found,) = standing.moments()
    np.testing.assert_allclose(cell_covariances(found)[0, 0, 0], spend.var(ddof=1), rtol=1e-12)


def test_a_unit_may_change_its_cell_and_lose_its_outcome():
    row = {"before": 1.0, "tenure": 2.0, "orders": 1.0, "score": 1.0, "phase": 1, "spend": 3.0}
    standing = open_panel(duckdb.connect(), [Request("spend")])
    put(standing, {"u": {**row, "arm": "a"}, "v": {**row, "arm": "a"}})
    put(standing, {"u": {**row, "arm": "b"}, "v": {**row, "arm": "a", "spend": None}})
    (found,) = standing.moments()
    assert [(cell.arm, n) for cell, n in zip(found.cells, found.n, strict=True)] == [("b", 1)]


def test_what_is_written_is_read_again(tmp_path):
    units, facts = world(4)
    rows = rows_of(units, facts, 62)
    file = tmp_path / "standing.duckdb"
    with duckdb.connect(str(file)) as connection:
        put(open_panel(connection, REQUESTS), dict(list(rows.items())[:200]))
    with duckdb.connect(str(file)) as connection:
        standing = open_panel(connection, REQUESTS)
        assert put(standing, rows) == Changed(added=100, repaired=0, same=200)
        assert_same(standing.moments(), in_full(rows))
        with pytest.raises(InputError, match="other columns"):
            open_panel(connection, REQUESTS[:1])


def test_what_fails_leaves_rows_and_moments_as_they_were():
    row = {"before": 1.0, "tenure": 2.0, "orders": 1.0, "score": 1.0, "phase": 1, "arm": "a"}
    standing = open_panel(duckdb.connect(), [Request("spend")])
    put(standing, {"u": {**row, "spend": 3.0}})
    standing.connection.execute("ALTER TABLE standing RENAME TO elsewhere")
    with pytest.raises(duckdb.Error):
        put(standing, {"u": {**row, "spend": 5.0}, "v": {**row, "spend": 1.0}})
    standing.connection.execute("ALTER TABLE elsewhere RENAME TO standing")
    (found,) = open_panel(standing.connection, [Request("spend")]).moments()
    assert cell_means(found)[0, 0] == 3.0
    assert standing.connection.execute("SELECT count(*) FROM unit_rows").fetchone() == (1,)


def test_a_unit_given_twice_and_a_missing_column_are_refused():
    standing = open_panel(duckdb.connect(), [Request("spend")])
    twice = pa.table({"unit": ["u", "u"], "arm": ["a", "b"], "spend": [1.0, 2.0]})
    standing.connection.register("twice", twice)
    with pytest.raises(InputError, match="'u' is there twice"):
        standing.put("twice", {"unit", "arm", "spend"})
    with pytest.raises(InputError, match="'spend'"):
        standing.put("twice", {"unit", "arm"})
