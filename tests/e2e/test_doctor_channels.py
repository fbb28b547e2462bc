"""``apologylab doctor`` says of each channel whether it answers, and sends nothing."""

import json

import pytest

from apologylab.cli.app import main

TABLE = '\n[channels.email]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {}\ntls = "none"\n'


@pytest.fixture
def look(tmp_path, monkeypatch, capsys):
    """Looks of doctor, name -> what it found, with these lines in the project file."""
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0

    def run(lines, code):
        with (tmp_path / "apologylab.toml").open("a") as file:
            file.write(lines)
        capsys.readouterr()
        assert main(["doctor", "--json"]) == code
        return {each["name"]: each for each in json.loads(capsys.readouterr().out)["checks"]}

    return run


def test_a_relay_that_answers_and_the_file_that_is_always_there(look, relays):
    with relays.Relay() as server:
        found = look(TABLE.format(server.port) + 'sender = "care@shop.example"\n', 0)
        assert found["channel email"]["detail"] == f"127.0.0.1:{server.port} answers (tls: none)"
        assert (server.taken, server.commands) == ([], [])
    assert found["channel file"]["passed"]


def test_one_that_does_not_answer_fails_and_stops_no_other_look(look, relays):
    with relays.Relay() as server:
        port = server.port
    found = look(TABLE.format(port) + 'sender = "care@shop.example"\n', 4)
    assert not found["channel email"]["passed"]
    assert found["channel email"]["detail"] == f"127.0.0.1:{port}: Connection refused"
    assert found["channel email"]["do"] == "start it, or correct [channels.email]"
    assert found["channel file"]["passed"]


def test_a_wrong_setting_is_named(look):
    found = look(TABLE.format(25), 4)
    assert found["channel email"]["detail"] == "channels.email: sender is missing"
