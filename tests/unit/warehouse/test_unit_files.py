"""Files of units in, their arms out: CSV and Parquet, refused ids, and what interrupts it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apologylab.assignment.draw import compile_draw
from apologylab.errors import InputError, NotFoundError, StateError
from apologylab.service.assign_file import FileTask, assign_file
from apologylab.warehouse.draw import COLUMNS
from apologylab.warehouse.unit_files import DuckdbUnitFiles
from apologylab.wire.declaration import read

VECTORS = Path(__file__).parents[2] / "vectors" / "assignment.json"
LIGHT = read(json.loads(VECTORS.read_text())["declarations"]["late_ride_light"], where="light")
PLAIN = replace(LIGHT, holdout=None)
LATE = {"kind": "late_ride", "minutes_late": 25, "country": "US", "consent": "service"}


def assign(experiment, units, out, **more):
    shown = []
    task = FileTask(units=str(units), out=str(out), **more)
    became = assign_file(experiment, DuckdbUnitFiles(), task, progress=shown.append)
    assert sum(shown) == 100
    return became


def write_csv(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("into", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_both_forms_in_and_out_answer_as_the_draw_does(tmp_path, ending, into):
    ids = [
        "007",
        "7",
        "Zoe\u0308",
        "a,b",
        'say "hi"',
        "\u05e9\u05dc\u05d5\u05dd",
        " x ",
        "'; DROP TABLE u; --",
    ]
    ids += [f"customer-{number}" for number in range(300)]
    units = tmp_path / f"units.{ending}"
    fields = {name: [str(value)] * len(ids) for name, value in LATE.items()}
    if ending == "csv":
        write_csv(units, ["unit", *LATE], [[one, *LATE.values()] for one in ids])
    else:
        pq.write_table(pa.table({"unit": ids} | fields), units)
    became = assign(LIGHT, units, tmp_path / into)
    assert (became.assigned, became.rejected, became.rejects) == (len(ids), 0, None)
    assert became.not_judged == ("already_refunded", "abuse_flag")
    rows = duckdb.sql(
        f"FROM read_csv('{tmp_path / into}', all_varchar = true)"
        if into.endswith("csv")
        else f"FROM '{tmp_path / into}'"
    )
    assert tuple(rows.columns) == COLUMNS
    draw = compile_draw(LIGHT)
    wanted = [draw(one, LATE) for one in ids]
    got = [dict(zip(COLUMNS, row, strict=True)) for row in rows.fetchall()]
    assert [(row["arm"], row["reason"], row["because"]) for row in got] == [
        (one.arm, one.reason, one.because) for one in wanted
    ]
    assert [row["unit"] for row in got][:4] == ["007", "7", "Zo\u00eb", "a,b"]
    assert [row["propensity"] and float(row["propensity"]) for row in got] == [
        one.propensity for one in wanted
    ]


def test_refused_ids_stand_beside_with_their_row_and_reason(tmp_path):
    rows = [["good", "1"], ["", "2"], ["a\nb", "3"], ["x" * 256, "4"], ["fine", "5"]]
    units = write_csv(tmp_path / "units.csv", ["unit", "note"], rows)
    became = assign(PLAIN, units, tmp_path / "out.csv")
    assert (became.assigned, became.rejected) == (2, 3)
    assert Path(became.rejects).name == "out.csv.rejects.csv"
    refused = read_csv(Path(became.rejects))
    assert [(row["row"], row["because"], row["note"]) for row in refused] == [
        ("2", "the id is empty", "2"),
        ("3", "the id holds a control character", "3"),
        ("4", "the id has more than 255 characters", "4"),
    ]


def test_a_clean_run_removes_an_older_rejects_file(tmp_path):
    out = tmp_path / "out.csv"
    assign(PLAIN, write_csv(tmp_path / "bad.csv", ["unit"], [["a\tb"]]), out)
    assert (tmp_path / "out.csv.rejects.csv").exists()
    assign(PLAIN, write_csv(tmp_path / "good.csv", ["unit"], [["ab"]]), out)
    assert not (tmp_path / "out.csv.rejects.csv").exists()


def test_eligibility_is_judged_on_the_columns_that_are_there(tmp_path):
    rows = [["a", "9", "US", "false"], ["b", "30", "LT", ""], ["c", "", "US", "no"]]
    rows += [["d", "30", "US", "yes"], ["e", "30", "US", "False"]]
    header = ["unit", "minutes_late", "country", "abuse_flag"]
    units = write_csv(tmp_path / "units.csv", header, rows)
    became = assign(PLAIN, units, tmp_path / "out.csv")
    assert became.not_judged == ("kind", "consent", "already_refunded")
    because = [row["because"].split(":")[0] for row in read_csv(tmp_path / "out.csv")]
    assert because == [
        "incident.severity",
        "incident.where.country",
        "incident.severity",
        "eligibility.exclude",
        "drawn, weight 1 in 8",
    ]


def test_numbers_as_ids_are_their_text(tmp_path):
    pq.write_table(pa.table({"unit": [1, 20]}), tmp_path / "units.parquet")
    assign(PLAIN, tmp_path / "units.parquet", tmp_path / "out.csv")
    assert [row["unit"] for row in read_csv(tmp_path / "out.csv")] == ["1", "20"]


def test_the_column_is_the_only_one_or_is_named(tmp_path):
    only = write_csv(tmp_path / "only.csv", ["client"], [["a"]])
    assert assign(PLAIN, only, tmp_path / "out.csv").assigned == 1
    two = write_csv(tmp_path / "two.csv", ["client", "unit name"], [["a", "b"]])
    assign(PLAIN, two, tmp_path / "out.csv", unit="unit name")
    assert read_csv(tmp_path / "out.csv")[0]["unit"] == "b"
    with pytest.raises(InputError, match=r"no column 'unit'.*client, unit name"):
        assign(PLAIN, two, tmp_path / "out.csv")
    with pytest.raises(InputError, match="no column 'x'"):
        assign(PLAIN, only, tmp_path / "out.csv", unit="x")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_header_says_what_separates_and_ids_may_hold_the_others(tmp_path, separator):
    ids = [one for one in ("a;b", "c|d", "#e", "f,g", "'h", '"i"', "j") if separator not in one]
    units = tmp_path / "units.csv"
    lines = [separator.join(("unit", "note"))]
    lines += [separator.join((one.replace('"', '""').join('""'), "x")) for one in ids]
    units.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assign(PLAIN, units, tmp_path / "out.csv")
    assert [row["unit"] for row in read_csv(tmp_path / "out.csv")] == ids


def test_one_column_of_ids_is_not_split_at_what_they_hold(tmp_path):
    ids = [f"a;{number}|b" for number in range(50)]
    units = tmp_path / "units.csv"
    units.write_text("unit\n" + "\n".join(ids) + "\n", encoding="utf-8")
    assign(PLAIN, units, tmp_path / "out.csv")
    assert [row["unit"] for row in read_csv(tmp_path / "out.csv")] == ids


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    units = write_csv(tmp_path / "units.csv", ["unit"], [["a"]])
    with pytest.raises(NotFoundError, match="no file"):
        assign(PLAIN, tmp_path / "none.csv", tmp_path / "out.csv")
    with pytest.raises(InputError, match="neither CSV nor Parquet"):
        assign(PLAIN, units, tmp_path / "out.txt")
    with pytest.raises(NotFoundError, match="no folder"):
        assign(PLAIN, units, tmp_path / "none" / "out.csv")
    with pytest.raises(InputError, match="holds the units"):
        assign(PLAIN, units, units)
    (tmp_path / "broken.parquet").write_text("not parquet")
    with pytest.raises(InputError, match="DuckDB cannot"):
        assign(PLAIN, tmp_path / "broken.parquet", tmp_path / "out.csv")
    assert units.read_text() == "unit\na\n"


def test_an_output_appears_whole_or_not_at_all(tmp_path):
    """A file that turns unreadable half way leaves what stood there, and nothing beside it."""
    out = tmp_path / "out.csv"
    out.write_text("what stood here")
    broken = tmp_path / "units.csv"
    broken.write_bytes(b"unit,x\n" + b"a,1\n" * 200_000 + b"\xff\xfe,2\n" + b"b,1,2,3,4\n")
    with pytest.raises(InputError, match="DuckDB cannot"):
        assign(PLAIN, broken, out)
    assert out.read_text() == "what stood here"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "units.csv"]


def test_what_needs_the_ledger_is_only_proposed(tmp_path):
    units = write_csv(tmp_path / "units.csv", ["unit"], [["a"]])
    sticky = replace(PLAIN, repeats=replace(PLAIN.repeats, next_incident="sticky"))
    with pytest.raises(StateError, match=r"repeats\.next_incident"):
        assign(sticky, units, tmp_path / "out.csv")
    assert assign(sticky, units, tmp_path / "out.csv", propose=True).assigned == 1


def test_a_phase_is_drawn_from_and_one_not_declared_is_refused(tmp_path):
    units = write_csv(tmp_path / "units.csv", ["unit"], [["a"]])
    with pytest.raises(StateError, match="no phase 2"):
        assign(PLAIN, units, tmp_path / "out.csv", phase=2)
