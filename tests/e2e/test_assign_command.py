"""``apologylab assign``: what a team types, what it sees, and the exit codes."""

from __future__ import annotations

import json

from apologylab.cli import exits
from apologylab.cli.app import main
from apologylab.errors import InputError, StateError


def test_a_shipped_experiment_is_refused_and_proposed_on_demand(root, tmp_path, capsys):
    units, out = tmp_path / "units.csv", tmp_path / "arms.parquet"
    units.write_text("client_id,minutes_late\n007,12\n,30\nanna,5\n", encoding="utf-8")
    name = str(root / "experiments" / "late_ride_apology")
    command = ["assign", name, "--units", str(units), "--out", str(out)]
    assert main(command) == exits.exit_code(StateError(""))
    assert "--propose" in capsys.readouterr().err
    assert main([*command, "--propose"]) == exits.exit_code(InputError(""))
    assert "--unit: client_id" in capsys.readouterr().err
    assert not out.exists()

    assert main([*command, "--propose", "--unit", "client_id"]) == 0
    seen = capsys.readouterr().out
    assert "2 units in" in seen
    assert "refused: 1 rows" in seen
    assert "not judged" in seen
    assert out.exists()


def test_json_is_one_document(root, tmp_path, capsys):
    units, out = tmp_path / "units.csv", tmp_path / "arms.csv"
    units.write_text("unit\na\nb\n", encoding="utf-8")
    name = str(root / "experiments" / "late_ride_apology")
    options = ["--units", str(units), "--out", str(out), "--propose", "--json"]
    assert main(["assign", name, *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "apologylab.assign/1"
    assert document["assigned"] == sum(count["units"] for count in document["counts"]) == 2
    assert document["rejected"] == 0
    assert document["rejects"] is None
