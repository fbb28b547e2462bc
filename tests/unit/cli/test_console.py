import io
import json
import re
import sys

import pytest

from apologylab.cli import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_document_is_valid_json_and_keeps_its_letters(capsys):
    console.show_json({"arm": "atsiprašome", "n": 3})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"arm": "atsiprašome", "n": 3}
    assert "atsiprašome" in shown


def test_a_document_never_holds_nan():
    with pytest.raises(ValueError, match="JSON"):
        console.show_json({"point": float("nan")})


def test_a_table_off_a_terminal_is_plain_text(capsys):
    console.show_table("Arms", ["arm", "n"], [["silence", 12], ["basic", None]])
    assert capsys.readouterr().out == "Arms\narm       n\nsilence  12\nbasic\n"


def test_wide_characters_take_two_columns(capsys):
    console.show_table("Arms", ["arm", "n"], [["お詫び", 12], ["silence", 7]])
    *_, wide, narrow = capsys.readouterr().out.rstrip("\n").splitlines()
    assert (wide, narrow) == ("お詫び   12", "silence   7")


def test_a_table_on_a_terminal_shows_markup_as_text(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    console.show_table("Arms", ["arm"], [["[bold]x[/bold]"]])
    assert "[bold]x[/bold]" in screen.getvalue()


@pytest.mark.parametrize("width", [40, 200])
def test_no_color_draws_without_colour(monkeypatch, width):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    console.show_table("Arms", ["arm"], [["silence"]])
    assert "silence" in screen.getvalue()
    assert not re.search(r"\x1b\[[349][0-7]", screen.getvalue())


def test_progress_is_silent_off_a_terminal(capsys):
    with console.progress("assigning", 10) as done:
        done(10)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_progress_goes_to_stderr(monkeypatch, capsys):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with console.progress("assigning", 10) as done:
        done(10)
    assert "assigning" in screen.getvalue()
    assert "10/10" in screen.getvalue()
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_lines_broken_between_words(monkeypatch, capsys):
    said = "Because\n  - sending `basic+none@1h` changed net value by -0.5 USD\n  a  1,000"
    monkeypatch.setenv("COLUMNS", "41")
    console.show(said)
    assert capsys.readouterr().out == said + "\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    console.show(said)
    assert capsys.readouterr().out.splitlines() == [
        "Because",
        "  - sending `basic+none@1h` changed net",
        "    value by -0.5 USD",
        "  a  1,000",
    ]
