from __future__ import annotations

import subprocess
import sys

import pytest

from apologylab.errors import NotFoundError
from apologylab.hooks import Client, open_folder
from apologylab.wire.declaration import read

DECLARED = """
name = "notice"
question = "Does a notice help?"
owner = "team"
[incident]
kind = "late"
recurs = false
[factors]
wording = ["none", "notice"]
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "silence"
[today]
wording = "template"
[[outcomes]]
name = "orders"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""
LATE = {"kind": "late"}


class Shelf:
    """Gives one experiment, and counts how often it was asked."""

    def __init__(self, text=DECLARED):
        self.asked = 0
        self.text = text

    def load(self, name):
        self.asked += 1
        if name != "notice":
            raise NotFoundError(f"no experiment {name}")
        return read(self.text, where=name)


def test_a_draw_is_made_and_the_declaration_read_once():
    shelf = Shelf()
    client = Client(shelf.load)
    answers = [client.draw("notice", f"c{number}", LATE) for number in range(50)]
    assert {answer.reason for answer in answers} == {"PREVIEW"}
    assert {answer.arm for answer in answers} == {"silence", "notice"}
    assert shelf.asked == 1


def test_what_cannot_be_drawn_is_not_read_again():
    shelf = Shelf(DECLARED.replace("recurs = false", '[repeats]\nnext_incident = "sticky"'))
    client = Client(shelf.load)
    because = {client.draw("notice", f"c{number}", LATE).because for number in range(3)}
    assert len(because) == 1
    assert "repeats.next_incident" in because.pop()
    assert shelf.asked == 1


@pytest.mark.parametrize(
    ("name", "unit", "context", "said"),
    [
        ("other", "c1", LATE, "NotFoundError: no experiment other"),
        (["notice"], "c1", LATE, "TypeError"),
        ("notice", "", LATE, "UnitIdError: the unit id is empty"),
        ("notice", None, LATE, "UnitIdError"),
        ("notice", "c1", None, "AttributeError"),
        ("notice", "a\ud800", LATE, "U+D800"),
    ],
)
def test_whatever_is_wrong_the_caller_gets_a_fallback_that_says_it(name, unit, context, said):
    answer = Client(Shelf().load).draw(name, unit, context)
    assert answer.reason == "FALLBACK"
    assert said in answer.because
    assert answer.propensity is None


def test_the_fallback_is_the_declared_one_once_the_declaration_is_known():
    client = Client(Shelf().load)
    assert client.draw("notice", "", LATE).arm == "silence"
    assert client.draw("other", "c1", LATE).arm == "today"


def test_nothing_is_given_that_was_not_written_down():
    def broken(_unit, _answer):
        raise OSError("disk full")

    answer = Client(Shelf().load, broken).draw("notice", "c1", LATE)
    assert (answer.reason, answer.arm) == ("FALLBACK", "silence")
    assert "disk full" in answer.because


def test_a_folder_of_declarations_is_read_on_first_use(tmp_path):
    client = open_folder(tmp_path)
    assert client.draw("notice", "c1", LATE).reason == "FALLBACK"
    (tmp_path / "notice").mkdir()
    (tmp_path / "notice" / "experiment.toml").write_text(DECLARED)
    assert client.draw("notice", "c1", LATE).reason == "PREVIEW"


def test_importing_and_drawing_loads_nothing_heavy(tmp_path):
    (tmp_path / "notice").mkdir()
    (tmp_path / "notice" / "experiment.toml").write_text(DECLARED)
    code = (
        "import sys; from apologylab.hooks import open_folder\n"
        "client = open_folder(sys.argv[1])\n"
        "assert client.draw('notice', 'c1', {'kind': 'late'}).reason == 'PREVIEW'\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    heavy = {"numpy", "scipy", "statsmodels", "pandas", "sqlalchemy", "duckdb", "pyarrow"}
    assert not loaded & (heavy | {"typer", "rich", "jinja2", "babel", "tree_sitter"})
