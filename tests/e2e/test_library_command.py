"""``library`` as it is typed, and what ``new --library`` writes."""

from __future__ import annotations

import json
import tomllib

import pytest

from apologylab.catalogue.library import causes, library_locales
from apologylab.cli import exits
from apologylab.cli.app import main
from apologylab.errors import InputError, NotFoundError

CAUSES = [each.name for each in causes()]
ALL = ",".join(library_locales())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LEDGER_URL", "EXPERIMENTS", "CURRENCY"):
        monkeypatch.delenv(f"APOLOGYLAB_{name}", raising=False)
    return tmp_path


def test_it_lists_causes_parts_and_locales(here, capsys):
    assert main(["library"]) == 0
    out = capsys.readouterr().out
    assert all(cause in out for cause in CAUSES)
    assert "locales   de, en, es, ja, ko, lt, ru" in out
    main(["library", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert [each["cause"] for each in document["causes"]] == CAUSES
    assert "regret" in document["parts"]


def test_it_prints_the_texts_of_one_cause_side_by_side(here, capsys):
    assert main(["library", "late_ride", "--locale", "de", "--locale", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("responsibility  (costs status)")
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == ["de", "en"]
    assert any("«minutes_late» minutes later" in line for line in lines)
    assert "promise  (costs commitment)" in lines
    assert "regret again" in lines
    assert "regret late" in lines


def test_its_json_holds_the_source_and_how_it_reads(here, capsys):
    assert main(["library", "outage", "--json"]) == 0
    texts = json.loads(capsys.readouterr().out)["texts"]
    assert {each["locale"] for each in texts} == set(library_locales())
    found = next(
        each for each in texts
        if (each["locale"], each["part"], each["said"]) == ("en", "acknowledge", "first")
    )  # fmt: skip
    assert "{% if began and ended %}" in found["text"]
    assert found["example"] == "From «began» to «ended» you could not use our service."


def checked_clean(capsys, cause, locales):
    wanted = ["new", "mine", "--library", cause, "--locales", locales, "--coupon", "none,3.50EUR"]
    assert main(wanted) == 0
    capsys.readouterr()
    assert main(["check", "mine"]) == 0
    assert capsys.readouterr().out.endswith("mine: no mistakes\n")


@pytest.mark.parametrize(("cause", "locale"), list(zip(CAUSES, library_locales(), strict=True)))
def test_new_writes_what_passes_check(here, capsys, cause, locale):
    """Each cause and each language once; the slow test has all pairs."""
    checked_clean(capsys, cause, locale)


@pytest.mark.slow
@pytest.mark.parametrize("cause", CAUSES)
def test_new_writes_what_passes_check_in_every_language(here, capsys, cause):
    checked_clean(capsys, cause, ALL)


def test_new_writes_the_parts_and_the_promise(here):
    assert main(["new", "mine", "--library", "late_ride", "--locales", "en,de-AT"]) == 0
    declared = tomllib.loads((here / "experiments/mine/experiment.toml").read_text("utf-8"))
    assert declared["incident"]["kind"] == "late_ride"
    assert declared["factors"]["wording"] == ["none", "notice", "basic", "status", "commitment"]
    parts = {level: said["parts"] for level, said in declared["wording"].items()}
    assert parts["notice"] == ["notice"]
    assert set(parts["status"]) - set(parts["basic"]) == {"responsibility"}
    assert set(parts["commitment"]) - set(parts["basic"]) == {"promise"}
    assert declared["wording"]["commitment"]["promise"]["within"] == "14d"
    assert "minutes_late" in declared["messages"]["placeholders"]
    german = (here / "experiments/mine/messages/wording/basic.de-AT.txt").read_text("utf-8")
    assert german.index("[regret]") < german.index("[acknowledge]")
    again = here / "experiments/mine/messages/wording/basic.2.en.txt"
    assert "[acknowledge]\nIt has happened to you again" in again.read_text("utf-8")


def test_new_takes_fewer_levels_and_says_a_credit_as_the_language_writes_it(here):
    wanted = ["new", "mine", "--library", "outage", "--wording", "none,basic", "--locales", "de"]
    assert main([*wanted, "--coupon", "none,3.50EUR"]) == 0
    home = here / "experiments/mine/messages"
    assert {each.name for each in (home / "wording").iterdir()} == {
        "basic.de.txt",
        "basic.2.de.txt",
    }
    assert "3,50 EUR" in (home / "coupon/eur3_50.de.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["library", "flood"], "no wordings for 'flood'"),
        (["library", "outage", "--locale", "fi"], "no wordings in 'fi'"),
        (["library", "--locale", "de"], "--locale is given without a cause"),
        (["new", "x", "--library", "flood"], "no wordings for 'flood'"),
        (["new", "x", "--library", "outage", "--locales", "en,fi"], "no wordings in 'fi'"),
        (["new", "x", "--library", "outage", "--wording", "none,warm"], "no level 'warm'"),
        (["new", "x", "--library", "outage", "--incident", "fire"], "--incident and --library"),
        (["new", "x", "--incident", "fire", "--locales", "en"], "without --library"),
    ],
)
def test_what_cannot_be_meant_is_refused(here, capsys, typed, said):
    assert main(typed) in (exits.CODES[InputError], exits.CODES[NotFoundError])
    assert said in capsys.readouterr().err
    assert not (here / "experiments").exists()
