"""A rehearsal leaves nothing where customers' remedies are fetched."""

from __future__ import annotations

import json

import pytest

from apologylab.cli.app import main

AGENTS = '\n[channels.desk]\nkind = "agent"\n[channels.file]\nkind = "file"\nfolder = "out/files"\n'


@pytest.fixture
def project(tmp_path, monkeypatch, loop):
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    return tmp_path


@pytest.mark.parametrize(("channel", "folder"), [("file", "out/files"), ("desk", "outbox/desk")])
def test_files_of_a_rehearsal_stand_apart(project, capsys, loop, channel, folder):
    with (project / "apologylab.toml").open("a") as file:
        file.write(AGENTS)
    declared = loop.Declared().change(
        "hold_seconds = 60", f'hold_seconds = 0\nchannel = "{channel}"'
    )
    loop.write(project, declared)
    capsys.readouterr()
    assert main(["rehearse", "late_ride", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["remedies"]
    files = [each.relative_to(project) for each in project.rglob("*.jsonl")]
    apart = project / folder / "_rehearsals"
    lines = [json.loads(each) for each in (apart / "remedies.jsonl").read_text().splitlines()]
    assert len(lines) == len(told) > 2
    assert {each["purpose"] for each in lines} == {"test"}
    assert all("_rehearsals" in each.parts for each in files)
    assert list(project.rglob("tasks-*.csv")) == list(apart.glob("tasks-*.csv"))
    assert bool(list(apart.glob("tasks-*.csv"))) == (channel == "desk")
