"""Rows a second of the draw in SQL, beside DuckDB's bare ``sha256()`` over the same ids."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from apologylab.warehouse.draw import draw_query
from apologylab.warehouse.engine import connect
from bench_draw import design
from measure import Row, medians, rate

ROWS, ROUNDS = 2_000_000, 5


def rows() -> list[Row]:
    """The rule alone and with a holdout, which is a second digest; and from file to file."""
    held = design()
    plain = replace(held, holdout=None)
    with tempfile.TemporaryDirectory() as folder, connect() as engine:
        units, out = Path(folder) / "units.parquet", Path(folder) / "out.parquet"
        engine.execute(
            f"COPY (SELECT 'customer-' || i AS unit FROM range({ROWS}) t(i)) TO '{units}'"
        )
        engine.execute(f"CREATE TABLE units AS FROM '{units}'")
        queries = {
            "sha256": "SELECT max(sha256(unit)) FROM units",
            "draw": _counted(draw_query(plain, source="units", unit="unit", columns=["unit"])),
            "held": _counted(draw_query(held, source="units", unit="unit", columns=["unit"])),
            "sha256 file": f"COPY (SELECT unit, sha256(unit) FROM '{units}') TO '{out}'",
            "draw file": "COPY ({}) TO '{}'".format(
                draw_query(plain, source=f"'{units}'", unit="unit", columns=["unit"]), out
            ),
        }
        tasks = {name: lambda sql=sql: engine.execute(sql) for name, sql in queries.items()}
        seconds = medians(tasks, rounds=ROUNDS)
    cases = {
        "draw in SQL, 8 arms": ("draw", "sha256"),
        "draw in SQL, 8 arms and a holdout (two digests)": ("held", "sha256"),
        "draw from Parquet to Parquet, all columns": ("draw file", "sha256 file"),
    }
    return [
        rate(
            case,
            "DuckDB's bare sha256()",
            ours=ROWS / seconds[ours],
            theirs=ROWS / seconds[theirs],
            unit="rows/s",
        )
        for case, (ours, theirs) in cases.items()
    ]


def _counted(query: str) -> str:
    return f"SELECT arm, count(*) FROM ({query}) GROUP BY arm"
