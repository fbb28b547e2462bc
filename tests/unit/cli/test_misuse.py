"""A command line that cannot be understood is answered like any other error, and by one code."""

from __future__ import annotations

import pytest

from apologylab.cli import app, exits

CASES = [
    ("init --currncy EUR", "there is no option --currncy: did you mean --currency?"),
    ("report x -x y", "there is no option -x: see `apologylab report --help`"),
    ("--verson", "there is no option --verson: did you mean --version?"),
    ("xyzzy", "there is no command 'xyzzy': see `apologylab --help`"),
    ("check", "name is missing: write it; see `apologylab check --help`"),
    ("report x", "--output is missing: write it; see `apologylab report --help`"),
    ("preview x --at", "--at has no value: write one after it; see `apologylab preview --help`"),
    ("check x --json=1", "--json takes no value: write it alone; see `apologylab check --help`"),
    (
        "dispatch --lease-seconds abc",
        "--lease-seconds is 'abc': write a whole number; see `apologylab dispatch --help`",
    ),
    (
        "dispatch --lease-seconds 0",
        (
            "--lease-seconds is '0': write a number greater than or equal to 1; "
            "see `apologylab dispatch --help`"
        ),
    ),
    (
        "causes --by dep",
        "--by is 'dep': write one of cause, department, kind; see `apologylab causes --help`",
    ),
    (
        "explain a b (c)",
        (
            "there is too much: b (c): leave it out, or quote what has spaces; "
            "see `apologylab explain --help`"
        ),
    ),
]


@pytest.mark.parametrize(("typed", "said"), CASES, ids=[typed for typed, _ in CASES])
@pytest.mark.parametrize("as_json", [False, True])
def test_it_says_what_is_wrong_which_value_and_what_to_do(typed, said, as_json, capsys):
    """With --json, too: the place of the answer stays empty, as after every error."""
    name, *rest = typed.split()
    first = ["--json"] if as_json and name in {"check", "preview", "dispatch", "explain"} else []
    assert app.main([name, *first, *rest]) == exits.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"error: {said}\n"


def test_what_we_refuse_ourselves_looks_alike(capsys):
    assert app.main(["stop", "x", "--drain", "--kill", "--because", "y"]) == exits.USAGE
    said = "error: --drain and --kill exclude each other: see `apologylab stop --help`\n"
    assert capsys.readouterr().err.endswith(said)
