"""``apologylab demo`` and ``simulate``: the whole loop through the real path, small."""

import contextlib
import io
import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from apologylab import wiring
from apologylab.cli.app import main
from apologylab.cli.living import live
from apologylab.inference.moments import Request, cell_means
from apologylab.record import facts
from apologylab.service import simulate
from apologylab.simulation.feeds import row_of
from apologylab.storage.sqlite import open_

ROOT = Path(__file__).parents[2]
RIDERS = 2_000


@pytest.fixture(scope="module", autouse=True)
def _seldom():
    """The company turns every six hours: so few riders come that more turns would only be idle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "TURN", timedelta(hours=6))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("demo")
    shutil.copytree(ROOT / "experiments", made / "experiments")
    return made


@pytest.fixture(scope="module")
def said(folder):
    """What the demo prints; run once for all tests here."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.chdir(folder)
        assert main(["demo", "--riders", str(RIDERS)]) == 0
    return out.getvalue()


def test_it_ends_with_what_a_reader_wants_to_know(said, folder):
    assert said.startswith("SIMULATED")
    for part in (
        "Effect on revenue (spend_84d",
        "Verdict: ",
        "Net value in USD per affected customer, against silence",
        "coupons used",
        "net value, as estimated",
        "net value, in the truth of the world",
        "units to see 1%",
        "Promptness was not varied here: see delivery_timing.",
        "The report: demo/report.html",
    ):
        assert part in said
    assert len(re.findall(r"^  .*apologylab", said.split("Next:")[1], re.MULTILINE)) == 3


def test_it_took_the_real_path(said, folder):
    ledger = open_(folder / "demo" / "apologylab.sqlite")
    assert ledger.identity.simulated
    assert ledger.count(facts.Incident) >= RIDERS
    drawn = list(ledger.read(facts.Assignment, reason="RANDOMISED"))
    assert len({each.customer for each in drawn}) > 0.85 * RIDERS
    delivered = list(ledger.read(facts.Delivery))
    assert {each.key for each in delivered} == {each.key for each in drawn}
    assert {each.state for each in delivered} >= {"sent", "failed", "would_send"}
    silent = {each.state for each in delivered if each.arm == "silence"}
    assert silent <= {"would_send", "would_suppress"}
    assert ledger.count(facts.Order) > 4 * RIDERS
    assert ledger.count(facts.FallbackReport) == 0
    ledger.close()


@pytest.mark.parametrize(
    ("name", "enough"), [("late_ride_apology", 1_700), ("delivery_timing", 700)]
)
def test_the_panel_measures_exactly_what_the_world_did(name, enough, tmp_path, monkeypatch):
    """Every outcome and net value by arm, from the ledger's facts, equal the world's own arrays."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--simulated"]) == 0
    project = wiring.project()
    ledger = wiring.open_ledger(project)
    lived = live(project, ledger, name, of="uber_2017", customers=2_000, seed=7)
    drawn = [e for e in ledger.read(facts.Assignment, reason="RANDOMISED") if e.first]
    drawn.sort(key=lambda each: row_of(each.customer))
    arms = lived.potential.arms
    observed = lived.potential.observed(np.array([arms.index(each.arm) for each in drawn]))
    panel = wiring.ledger_panel(ledger, lived.experiment, project, as_of=lived.ended)
    outcomes = [*observed]
    measured = panel.source.moments([Request(outcome) for outcome in outcomes])
    arm = np.array([each.arm for each in drawn])
    for outcome, moments in zip(outcomes, measured, strict=True):
        for cell, n, mean in zip(moments.cells, moments.n, cell_means(moments)[:, 0], strict=True):
            assert n == (arm == cell.arm).sum()
            wanted = observed[outcome][arm == cell.arm].mean()
            assert mean == pytest.approx(wanted, abs=1e-9), (outcome, cell.arm)
    assert len(drawn) > enough
    assert "value" in outcomes
    ledger.close()


def test_the_page_shows_the_truth_and_is_marked(said, folder):
    html = (folder / "demo" / "report.html").read_text(encoding="utf-8")
    assert html.count("SIMULATED") >= 3
    assert "the truth of the world" in html
    counts = re.findall(r"<li><b>([\d,]+)</b><span>([a-z ]+)</span>", html)
    flow = {what: int(units.replace(",", "")) for units, what in counts}
    drawn, away = flow["incidents eligible and drawn"], flow["incidents ineligible"]
    assert drawn + away == flow["incidents answered"] >= RIDERS
    assert 0.85 * RIDERS < flow["customers randomised"] <= drawn


def test_it_replaces_a_demo_and_nothing_else(said, folder, monkeypatch, capsys, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep me", encoding="utf-8")
    monkeypatch.chdir(folder)
    assert main(["demo", "--riders", "1000", "--folder", str(mine)]) != 0
    assert "not made by a demo" in capsys.readouterr().err
    assert (mine / "notes.txt").read_text(encoding="utf-8") == "keep me"
    (folder / "demo" / "old.txt").write_text("of the demo before", encoding="utf-8")
    assert main(["demo", "--riders", "1000"]) == 0
    assert not (folder / "demo" / "old.txt").exists()
    assert (folder / "demo" / "apologylab.sqlite").exists()


def test_simulate_refuses_a_real_ledger_and_a_used_one(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    assert main(["init"]) == 0
    assert main(["simulate", "late_ride_apology", "--customers", "200"]) != 0
    assert "simulated" in capsys.readouterr().err
    (tmp_path / "apologylab.toml").unlink()
    (tmp_path / "apologylab.sqlite").unlink()
    assert main(["init", "--simulated"]) == 0
    assert main(["simulate", "late_ride_apology", "--customers", "200", "--world", "null"]) == 0
    assert "SIMULATED" in capsys.readouterr().out
    assert main(["simulate", "late_ride_apology", "--customers", "200"]) != 0
    assert "new ledger" in capsys.readouterr().err
    assert main(["simulate", "late_ride_apology", "--world", "mars"]) != 0
    assert "uber_2017" in capsys.readouterr().err


def test_a_world_says_what_it_does_not_know_and_the_loop_ends_all_the_same(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    assert main(["init", "--simulated"]) == 0
    assert main(["simulate", "delivery_timing", "--customers", "1500", "--seed", "1"]) == 0
    said = capsys.readouterr().out
    assert "knows nothing of coupon=eur3, timing=15min, timing=24h, timing=4h, wording=" in said
    assert "counts in USD: its amounts are taken as EUR" in said
    assert main(["analyse", "delivery_timing"]) == 0
    assert main(["decide", "delivery_timing", "--json"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said[said.index("{\n") :])["simulated"] is True
    assert main(["report", "delivery_timing", "-o", "page.html"]) == 0
    assert "EUR" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert main(["doctor", "--ledger"]) == 0
    assert "delivery_timing sent nothing in quiet hours" in capsys.readouterr().out
    assert main(["status", "delivery_timing", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["achieved"]
    assert {row["level"] for row in rows} == {"15min", "4h", "24h"}
    assert sum(row["shifted"] for row in rows) > 0
    assert all(row["median"] >= row["meant"] for row in rows)


def test_a_world_brings_nothing_that_a_remedy_could_wait_for(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    file = tmp_path / "experiments" / "delivery_timing" / "experiment.toml"
    declared = file.read_text(encoding="utf-8").replace(
        '"24h"]', '"24h", "visit"]\n[timing.visit]\nafter = "next_visit"\nwithin = "7d"'
    )
    file.write_text(declared, encoding="utf-8")
    assert main(["init", "--simulated"]) == 0
    assert main(["simulate", "delivery_timing", "--customers", "200"]) != 0
    assert "no world knows of timing visit" in capsys.readouterr().err
