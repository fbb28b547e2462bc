"""Kinds of channel are entry points; a package of somebody else's is used like ours."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apologylab.channels.registry import build, kinds
from apologylab.channels.settings import Settings
from apologylab.errors import ConfigError, MissingPartError

PIGEON = """
from apologylab.service.channel import Sent


class Pigeon:
    once = False
    harmless = True

    def __init__(self, name, loft):
        self.name, self._loft = name, loft

    def accepted(self, keys):
        return frozenset()

    def send(self, batch):
        with self._loft.open("a") as loft:
            loft.writelines(f"{each.to}: {each.text}\\n" for each in batch)
        return [Sent(key=each.key, state="sent", reference="ring 7") for each in batch]

    def lacks(self, needs):
        return "" if needs.format else 'name the loft: address = "loft" under [delivery]'

    def reach(self):
        return "the pigeon is awake"

    def close(self):
        pass


def pigeon(settings):
    loft = settings.root / settings.text("loft")
    settings.all_read()
    return Pigeon(settings.name, loft)
"""
POINTS = "[apologylab.channels]\npigeon = apologylab_pigeon:pigeon\nlost = apologylab_lost:none\n"


def settings(kind, **values):
    return Settings(
        name="x", kind=kind, values=values, root=Path(), clock=lambda: datetime.now(UTC)
    )


def install(folder):
    """A distribution as pip would leave it in a target folder."""
    folder.mkdir()
    (folder / "apologylab_pigeon.py").write_text(PIGEON)
    info = folder / "apologylab_pigeon-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: apologylab-pigeon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return folder


@pytest.fixture
def pigeons(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path / "site"))
    yield
    sys.modules.pop("apologylab_pigeon", None)


@pytest.mark.usefixtures("pigeons")
def test_ours_are_found_as_others_are():
    assert {"file", "smtp", "webhook", "pigeon"} <= set(kinds())


@pytest.mark.usefixtures("pigeons")
def test_a_plug_in_gets_its_settings(tmp_path):
    made = build(settings("pigeon", loft=str(tmp_path / "loft")))
    assert (made.name, made.reach()) == ("x", "the pigeon is awake")


@pytest.mark.usefixtures("pigeons")
@pytest.mark.parametrize(
    ("kind", "values", "error", "said"),
    [
        ("crow", {}, ConfigError, "there is no kind 'crow': known are "),
        ("pigeon", {}, ConfigError, "channels.x: loft is missing: add it: a text in quotes"),
        ("pigeon", {"loft": 3}, ConfigError, "channels.x: loft is 3: write a text in quotes"),
        ("pigeon", {"loft": "a", "lofy": 1}, ConfigError, "unknown key 'lofy': did you mean loft?"),
        ("lost", {}, MissingPartError, "needs apologylab_lost: install it"),
    ],
)
def test_what_is_wrong_is_named(kind, values, error, said):
    with pytest.raises(error) as refused:
        build(settings(kind, **values))
    assert said in str(refused.value)


@pytest.mark.usefixtures("pigeons")
def test_two_packages_of_one_kind_are_refused(tmp_path, monkeypatch):
    other = tmp_path / "other"
    info = other / "other-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[apologylab.channels]\npigeon = other:pigeon\n")
    monkeypatch.syspath_prepend(other)
    with pytest.raises(
        ConfigError, match="brought by several packages: apologylab_pigeon:pigeon, other"
    ):
        build(settings("pigeon", loft="a"))


RUN = """
import json, sys
from apologylab.cli.app import main

for words in json.loads(sys.argv[1]):
    code = main(words)
    assert code == 0, (words, code)
"""


def run(home, site, *commands):
    """Commands in another process, in which only an entry point says that there are pigeons."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps([each.split() for each in commands])],
        cwd=home, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(site)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_whole_project_dispatches_through_a_plug_in(tmp_path, loop):
    site, home = install(tmp_path / "site"), tmp_path / "home"
    home.mkdir()
    loop.write(home, loop.at_once().change("hold_seconds = 0", 'channel = "air"\naddress = "loft"'))
    run(home, site, "init --simulated")
    with (home / "apologylab.toml").open("a") as file:
        file.write('[channels.air]\nkind = "pigeon"\nloft = "loft.txt"\n')
    awake = run(home, site, f"start {loop.NAME}", "doctor")
    happened = datetime.now(UTC).isoformat()
    lines = [
        json.dumps({"key": f"i{n}", "occurred_at": happened, "customer": f"c{n}",
                    "kind": "late_ride", "fields": {"minutes_late": 12, "loft": f"loft-{n}"}})
        for n in range(20)
    ]  # fmt: skip
    (home / "incidents.jsonl").write_text("\n".join(lines))
    told = run(home, site, "record incidents.jsonl --as incident", f"assign {loop.NAME}",
               "dispatch --once --json")  # fmt: skip
    assert "the pigeon is awake" in awake
    states = json.loads(told[told.rindex('{\n  "format"') :])["experiments"][0]["states"]
    flown = (home / "loft.txt").read_text().splitlines()
    assert len([line for line in flown if line.startswith("loft-")]) == states["sent"] > 5
