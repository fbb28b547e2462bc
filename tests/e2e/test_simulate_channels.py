"""An experiment that sends by e-mail can be simulated: riders have addresses, a file takes all."""

import json
import shutil

import pytest

from apologylab.cli.app import main
from apologylab.record.facts import Assignment, Delivery, Incident, Remedy
from apologylab.storage.sqlite import open_


@pytest.fixture
def home(tmp_path, monkeypatch, root):
    """A simulated project with the Uber experiment, its remedies sent by e-mail."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--simulated", "--currency", "USD", "--time-zone", "UTC"]) == 0
    place = tmp_path / "experiments" / "late_ride_apology"
    shutil.copytree(root / "experiments" / "late_ride_apology", place, dirs_exist_ok=True)
    file = place / "experiment.toml"
    text = file.read_text()
    if "[delivery]\n" in text:
        text = text.replace("[delivery]\n", '[delivery]\nchannel = "email"\n')
    else:
        text += '\n[delivery]\nchannel = "email"\n'
    file.write_text(text)
    return tmp_path


@pytest.mark.slow
def test_riders_are_reached_through_files(home, capsys):
    code = main(["simulate", "late_ride_apology", "--customers", "400"])
    assert code == 0, capsys.readouterr()
    ledger = open_(home / "apologylab.sqlite")
    reasons = {each.reason for each in ledger.read(Assignment)}
    assert "RANDOMISED" in reasons
    assert not any("delivery.address" in each.because for each in ledger.read(Assignment))
    assert any(each.address for each in ledger.read(Remedy))
    assert {each.channel for each in ledger.read(Delivery)} == {"file"}
    assert not any("riders.invalid" in repr(each) for each in ledger.read(Incident))
    ledger.close()
    lines = (home / "outbox" / "remedies.jsonl").read_text().splitlines()
    to = {json.loads(each)["to"] for each in lines}
    assert {each.partition("@")[2] for each in to} == {"riders.invalid"}
