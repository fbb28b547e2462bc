"""``analyse --estimator cox`` of a ledger and of a file, as a person types it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from apologylab.cli.app import main
from apologylab.design.fingerprint import fingerprint
from apologylab.storage.sqlite import open_
from apologylab.wire.declaration import read

TIME = """
[[times]]
name = "back"
role = "secondary"
fact = "order"
window_days = 28

[plan]"""
FILE = """
name = "shop"
question = "Do they come back?"
owner = "tests"
[panel]
arm = "arm"
[arms]
reference = "none"
[allocation]
weights = { none = 1, note = 1 }
[[outcomes]]
name = "came"
column = "came"
role = "primary"
[[times]]
name = "back"
role = "secondary"
column = "days"
end = "came"
"""


def document(capsys, *args):
    assert main([*args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def of_cox(found):
    return [each for each in found["estimates"] if each["estimator"].startswith("cox")]


@pytest.fixture
def ledger(late, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--currency", "USD", "--time-zone", "UTC"]) == 0
    folder = tmp_path / "experiments" / "late"
    (folder / "messages" / "wording").mkdir(parents=True)
    (folder / "messages" / "coupon").mkdir(parents=True)
    (folder / "messages" / "wording" / "sorry.en.txt").write_text("We are sorry.")
    (folder / "messages" / "coupon" / "usd5.en.txt").write_text("Five dollars.")
    text = late.text().replace("[plan]", TIME)
    (folder / "experiment.toml").write_text(text)
    started, begun = late.started()
    pinned = {"declaration": text, "fingerprint": fingerprint(read(text, where="late"))}
    found = late.units()
    (file,) = Path(tmp_path).rglob("*.sqlite*")
    opened = open_(file)
    facts = [
        *late.enrolment(found),
        *late.happenings(found),
        *late.feeds(late.START + 90 * late.DAY),
    ]
    late.append(opened, [replace(started, **pinned), begun, *facts])
    opened.close()
    capsys.readouterr()


@pytest.mark.usefixtures("ledger")
def test_cox_of_a_ledger(capsys):
    found = document(capsys, "analyse", "late", "--estimator", "cox(ties=breslow)")
    rows = of_cox(found)
    arms = [each for each in rows if each["kind"] == "arm"]
    assert len(arms) == 3
    assert {each["outcome"] for each in rows} == {"back"}
    assert all(each["n_assigned"] == 200 for each in arms)
    departures = found["deviations_from_plan"]
    assert "estimators that the plan does not name: cox(ties=breslow)" in departures


def test_cox_of_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "experiments" / "shop"
    folder.mkdir(parents=True)
    (folder / "experiment.toml").write_text(FILE)
    rows = [
        f"{'note' if i % 2 else 'none'},{i % 13 + 1 + i % 2},{int(i % 3 > 0)}" for i in range(90)
    ]
    (tmp_path / "shop.csv").write_text("\n".join(["arm,days,came", *rows]) + "\n")
    given = (
        "--panel",
        "shop.csv",
        "--estimator",
        "cox(errors=robust)",
        "--estimator",
        "rmst(at=10)",
    )
    found = document(capsys, "analyse", "shop", *given)
    (row,) = of_cox(found)
    assert row["n_treatment"] == row["n_reference"] == 45
    assert row["ci_low"] < row["point"] < row["ci_high"]
    (area,) = [each for each in found["estimates"] if each["estimator"] == "rmst(at=10)"]
    assert area["unit"] == "days"
    plain = document(capsys, "analyse", "shop", "--panel", "shop.csv")
    assert {each["estimator"] for each in plain["estimates"]} >= {"kaplan_meier", "cox"}
