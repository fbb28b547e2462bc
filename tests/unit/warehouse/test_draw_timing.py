"""The level of timing that the query draws is the one that the function draws, in silence too."""

import duckdb
import pyarrow as pa
import pytest

from apologylab.assignment.assigner import Assigner
from apologylab.assignment.draw import compile_draw
from apologylab.errors import StateError
from apologylab.warehouse.draw import draw_query

MOMENTS = """timing = ["1h", "visit", "solved"]
[timing.visit]
after = "next_visit"
delay = "1h"
within = "7d"
[timing.solved]
after = "resolution"
within = "7d"
"""
EXPECTED = """timing = ["1h", "before"]
[timing.before]
after = "expected"
field = "expected_at"
within = "2d"
"""


def test_both_draw_the_same_level(loop):
    experiment = loop.Declared().change('timing = ["1h"]\n', MOMENTS).experiment(loop.NAME)
    units = [f"u{number}" for number in range(3_000)]
    table = pa.table({"unit": units})
    with duckdb.connect() as connection:
        connection.register("told", table)
        query = draw_query(experiment, source="told", unit="unit", columns=["unit"])
        drawn = connection.execute(f"SELECT unit, arm, delay_s, timing FROM ({query})").fetchall()
    by_sql = {unit: rest for unit, *rest in drawn}
    assigner = Assigner(experiment)
    context = {"kind": "late_ride", "minutes_late": 12}
    by_function = {unit: assigner.propose(unit, context) for unit in units}
    assert by_sql == {u: [a.arm, a.delay_s, a.timing] for u, a in by_function.items()}
    silent = {(a.delay_s, a.timing) for a in by_function.values() if a.arm == "silence"}
    assert silent == {(3600, "1h"), (3600, "visit"), (0, "solved")}, "told apart by the level only"


def test_what_is_expected_cannot_be_drawn_without_a_clock(loop):
    experiment = loop.Declared().change('timing = ["1h"]\n', EXPECTED).experiment(loop.NAME)
    with pytest.raises(StateError, match=r"timing\.field"):
        compile_draw(experiment)
