import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apologylab import errors
from apologylab.cli import app, exits

PROGRAM = str(Path(sys.executable).parent / "apologylab")


@pytest.fixture
def command(monkeypatch):
    """Replace the command ``doctor`` by a function of the test's."""

    def put(function):
        module = type(sys)("apologylab.cli.commands.doctor")
        function.__name__ = "doctor"
        module.doctor = function
        monkeypatch.setitem(sys.modules, "apologylab.cli.commands.doctor", module)

    return put


def test_help_names_every_command_and_loads_none():
    code = (
        "import sys; from apologylab.cli.app import main; code = main(['--help']);"
        "loaded = [m for m in sys.modules if m.startswith('apologylab.cli.commands.')];"
        "heavy = [m for m in ('rich', 'numpy', 'duckdb', 'sqlalchemy') if m in sys.modules];"
        "sys.stderr.write(repr((code, loaded, heavy)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "(0, [], [])"
    for name, line in app.COMMANDS.items():
        assert f"  {name} " in ran.stdout
        assert line.split()[0] in ran.stdout


def test_no_arguments_print_the_help(capsys):
    assert app.main([]) == exits.DONE
    said = capsys.readouterr().out
    assert all(f"\n{heading}:\n" in said for heading in app.SECTIONS)


def test_version(capsys):
    assert app.main(["--version"]) == exits.DONE
    assert capsys.readouterr().out.startswith("apologylab 0.")


def test_an_unknown_command_gets_a_suggestion(capsys):
    assert app.main(["chek"]) == exits.USAGE
    shown = capsys.readouterr()
    assert shown.err == "error: there is no command 'chek': did you mean check or schema?\n"
    assert shown.out == ""


def test_an_unknown_option_is_a_usage_error(capsys):
    assert app.main(["init", "--currncy", "EUR"]) == exits.USAGE
    assert "--currency" in capsys.readouterr().err


def test_an_expected_error_is_one_message_and_its_code(command, capsys):
    def fail() -> None:
        raise errors.NotFoundError("no experiment 'x'", do="run `apologylab new x`")

    command(fail)
    assert app.main(["doctor"]) == exits.CODES[errors.NotFoundError]
    shown = capsys.readouterr()
    assert shown.err == "error: no experiment 'x': run `apologylab new x`\n"
    assert shown.out == ""


def test_an_unexpected_error_says_how_to_report_it(command, capsys, monkeypatch):
    def fail() -> None:
        raise RuntimeError("the moon is full")

    command(fail)
    monkeypatch.delenv("APOLOGYLAB_DEBUG", raising=False)
    assert app.main(["doctor"]) == exits.UNEXPECTED
    shown = capsys.readouterr().err
    assert "RuntimeError: the moon is full" in shown
    assert "APOLOGYLAB_DEBUG=1" in shown
    assert "Traceback" not in shown
    monkeypatch.setenv("APOLOGYLAB_DEBUG", "1")
    app.main(["doctor"])
    assert "Traceback" in capsys.readouterr().err


def test_a_file_that_cannot_be_opened_is_no_fault_of_ours(command, capsys):
    def fail() -> None:
        Path("/no/such/file").read_text()

    command(fail)
    assert app.main(["doctor"]) == exits.CODES[errors.InputError]
    assert capsys.readouterr().err == "error: /no/such/file: No such file or directory\n"


def test_ctrl_c_is_130(command, capsys):
    def fail() -> None:
        raise KeyboardInterrupt

    command(fail)
    assert app.main(["doctor"]) == exits.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_a_closed_pipe_is_quiet():
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    ran = subprocess.run(
        [PROGRAM, "--help"], stdout=reader.stdin, stderr=subprocess.PIPE, check=False
    )
    reader.stdin.close()
    assert ran.stderr == b""
    assert ran.returncode == exits.PIPE_CLOSED


def test_init_then_doctor(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert app.main(["init", "--currency", "EUR", "--time-zone", "Europe/Vilnius"]) == exits.DONE
    assert (tmp_path / "experiments").is_dir()
    assert (tmp_path / "apologylab.sqlite").is_file()
    capsys.readouterr()
    assert app.main(["doctor", "--json"]) == exits.DONE
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "apologylab.doctor/1"
    assert [check["name"] for check in document["checks"] if not check["passed"]] == []


def test_init_twice_is_refused_and_force_keeps_the_ledger(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert app.main(["init"]) == exits.DONE
    before = (tmp_path / "apologylab.sqlite").stat().st_ino
    assert app.main(["init"]) == exits.CODES[errors.StateError]
    assert app.main(["init", "--force", "--currency", "EUR"]) == exits.DONE
    assert 'currency = "EUR"' in (tmp_path / "apologylab.toml").read_text()
    assert (tmp_path / "apologylab.sqlite").stat().st_ino == before


def test_init_gives_a_clone_its_ledger_and_keeps_its_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert app.main(["init", "--currency", "EUR"]) == exits.DONE
    (tmp_path / "apologylab.sqlite").unlink()
    assert app.main(["init"]) == exits.DONE
    assert (tmp_path / "apologylab.sqlite").is_file()
    assert 'currency = "EUR"' in (tmp_path / "apologylab.toml").read_text()


def test_bytes_that_are_no_text_are_refused(capsys):
    assert app.main(["new", "x", "--incident", "a\udcff"]) == exits.CODES[errors.InputError]
    assert "is not UTF-8 text" in capsys.readouterr().err


def test_doctor_outside_a_project_names_init(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert app.main(["doctor"]) == exits.CODES[errors.ConfigError]
    said = capsys.readouterr().out
    assert said.count("apologylab init") == 1
    assert said.count("not looked at: see project") == 2


@pytest.mark.parametrize("how", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_letters_beyond_ascii_are_printed_whatever_the_locale_says(root, tmp_path, how):
    text = (root / "experiments" / "hillstrom" / "experiment.toml").read_text(encoding="utf-8")
    file = tmp_path / "hillstrom.toml"
    file.write_text(text.replace('question = "', 'question = "Ačiū: ', 1), encoding="utf-8")
    checked = [PROGRAM, "check", str(file)]
    done = subprocess.run(checked, capture_output=True, check=True, env={**os.environ, **how})
    assert "Ačiū" in done.stdout.decode("utf-8")


def test_a_closed_stdout_is_no_fault():
    shut = ["sh", "-c", f"exec '{PROGRAM}' --version >&-"]
    done = subprocess.run(shut, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_init_does_not_ignore_an_option_that_the_file_contradicts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    wrong = ["init", "--ledger-url", "postgresql://lab@127.0.0.1:1/typo"]
    assert app.main(wrong) == exits.CODES[errors.LedgerError]
    capsys.readouterr()
    assert (
        app.main(["init", "--ledger-url", "sqlite:///right.sqlite"])
        == (exits.CODES[errors.StateError])
    )
    said = capsys.readouterr().err
    assert "is there already and says ledger_url = 'postgresql://lab@127.0.0.1:1/typo'" in said
    assert "pass --force" in said
    assert not (tmp_path / "right.sqlite").exists()
    assert app.main(["init", "--force", "--ledger-url", "sqlite:///right.sqlite"]) == exits.DONE
