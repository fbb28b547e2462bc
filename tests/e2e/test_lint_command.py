"""``apologylab lint`` as it is typed, and ``apologylab.lint`` as it is called."""

import io
import json

import pytest

import apologylab
from apologylab.cli.app import main
from apologylab.errors import InputError, NotFoundError

FLAWED = "Your ride was late.\nWe’re sorry if you were offended.\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint_json(capsys, *args):
    code = main(["lint", *args, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_an_error_is_told_with_place_rule_reason_and_example(here, capsys):
    (here / "sorry.en.txt").write_text(FLAWED)
    assert main(["lint", "sorry.en.txt"]) == 3
    told = capsys.readouterr().out
    assert "error: conditional_apology: an if or a may takes the apology back" in told
    assert "  --> sorry.en.txt:2\n  words: sorry if\n  better: We are sorry that" in told
    assert told.endswith("1 wording: 1 with errors, 0 with warnings alone, 0 clean\n")


def test_a_warning_and_a_clean_text_end_well(here, capsys):
    (here / "a.txt").write_text("Mistakes were made with your order.")
    (here / "b.txt").write_text("We are sorry that we lost your bag.")
    assert main(["lint", "a.txt", "b.txt"]) == 0
    told = capsys.readouterr().out
    assert "warning: passive_evasion" in told
    assert "2 wordings: 0 with errors, 1 with warnings alone, 1 clean" in told


def test_a_table_as_json_says_of_each_row_whether_it_is_flagged(here, capsys):
    rows = [
        {"id": "x1", "text": FLAWED},
        {"id": "x2", "text": "We lost your bag. We are sorry."},
        {"id": "x3", "text": "Es tut uns leid, dass Ihr Paket zu spät kam.", "locale": "de"},
    ]
    (here / "t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    code, found = lint_json(capsys, "t.jsonl")
    assert (code, found["format"], found["passed"], found["flagged"]) == (
        3,
        "apologylab.lint/1",
        False,
        1,
    )
    by_id = {each["id"]: each for each in found["wordings"]}
    assert {name: each["flagged"] for name, each in by_id.items()} == {
        "x1": True,
        "x2": False,
        "x3": False,
    }
    assert by_id["x3"]["locale"] == "de"
    finding = by_id["x1"]["findings"][0]
    assert set(finding) == {"rule", "severity", "start", "end", "words", "why", "better"}
    assert by_id["x1"]["text"][finding["start"] : finding["end"]] == finding["words"] == "sorry if"


def test_a_fragment_is_rendered_and_tried_without_its_values(here, capsys):
    text = '[greeting]\nDear {{ first_name|default("") }},\n[regret]\nWe are sorry that we came late.\n'
    (here / "sorry.en.txt").write_text(text)
    code, found = lint_json(capsys, "sorry.en.txt")
    (wording,) = found["wordings"]
    assert code == 3
    assert wording["text"].startswith("Dear Anna,")
    assert {each["rule"] for each in wording["findings"]} == {"empty_placeholder"}
    assert "without first_name" in wording["findings"][0]["why"]
    fine = "{% if first_name %}Hi {{ first_name }}, {% endif %}we are sorry that we came late."
    (here / "fine.en.txt").write_text(fine)
    assert lint_json(capsys, "fine.en.txt")[1]["flagged"] == 0


def test_standard_input_and_fault(here, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("We are sorry. It was our mistake."))
    code, found = lint_json(capsys, "-", "--fault", "company", "--fault", "unknown")
    (finding,) = found["wordings"][0]["findings"]
    assert (code, finding["rule"]) == (3, "responsibility_without_fault")


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["none.txt"], 6, "there is no file none.txt"),
        (["a.txt", "--locale", "xx"], 6, "no rules of wordings for the locale 'xx'"),
        (["a.txt", "--locale", "!"], 5, "write a locale"),
        (["a.txt", "--fault", "fate"], 5, "fault 'fate' is unknown"),
        ([], 2, "is missing: write it; see `apologylab lint --help`"),
    ],
)
def test_what_cannot_be_linted_is_refused(here, capsys, args, code, told):
    (here / "a.txt").write_text("Sorry.")
    assert main(["lint", *args]) == code
    assert told in capsys.readouterr().err


def test_python_finds_the_same_and_prints_it():
    found = apologylab.lint(FLAWED)
    assert [each.rule for each in found][:1] == ["conditional_apology"]
    assert FLAWED[found[0].start : found[0].end] == "sorry if"
    assert str(found).startswith("error: conditional_apology at 26-34: 'sorry if'")
    assert repr(apologylab.lint("We are sorry that we lost your bag.")) == "nothing found"
    assert not apologylab.lint("Wir haben Ihr Paket verloren. Es tut uns leid.", "de")
    owned = "We are sorry. It was our mistake."
    assert [f.rule for f in apologylab.lint(owned, fault="unknown")] == [
        "responsibility_without_fault"
    ]
    assert not apologylab.lint("This will never happen again.", promised=True)
    with pytest.raises(InputError, match="there is no text"):
        apologylab.lint(" ")
    with pytest.raises(InputError, match="fault 'fate'"):
        apologylab.lint("Sorry.", fault="fate")
    with pytest.raises(NotFoundError, match="'xx'"):
        apologylab.lint("Sorry.", "xx")


@pytest.mark.parametrize(
    "text", ["{{ a.b }}", "{% for x in y %}{% endfor %}", "{{ x", "[regret]\n", "}}{{"]
)
def test_templates_of_other_systems_are_texts_and_run_nothing(text):
    found = apologylab.lint(f"Sorry, {text}")
    assert all(each.words in f"Sorry, {text}" for each in found)
    assert found or text.startswith("[")
