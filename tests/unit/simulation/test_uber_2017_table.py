"""data/uber_2017.csv says what the code says."""

import csv
from pathlib import Path

from apologylab.simulation.uber_2017 import TABLE

FILE = Path(__file__).parents[3] / "data" / "uber_2017.csv"


def test_the_committed_table_is_in_step():
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    said = [
        (row["name"], float(row["value"]), row["unit"], row["source"], row["note"]) for row in rows
    ]
    assert said == [(row.name, row.value, row.unit, row.source, row.note) for row in TABLE]
