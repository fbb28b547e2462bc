import json

import pytest

from apologylab.channels.file import FILE, KEPT, OWN, FileChannel
from apologylab.errors import InputError
from apologylab.service.channel import Outgoing


def _outgoing(key, text="Sorry\n“ąž”"):
    return Outgoing(key=key, customer="c", experiment="e", arm="a", text=text, locale="en",
                    compensation="usd5", amount=500, currency="USD")  # fmt: skip


def _keys(folder):
    return [json.loads(line)["key"] for line in (folder / FILE).read_bytes().splitlines()]


def test_a_line_says_everything(tmp_path):
    (answer,) = FileChannel(tmp_path / "out").send([_outgoing("k")])
    assert (answer.key, answer.state) == ("k", "sent")
    assert json.loads((tmp_path / "out" / FILE).read_text()) == {
        "key": "k", "customer": "c", "experiment": "e", "arm": "a", "text": "Sorry\n“ąž”",
        "locale": "en", "compensation": "usd5", "amount": "5.00 USD", "expires_days": None, "subject": None, "to": None,
        "sender": None, "purpose": "remedy", "promotional": False, "code": None, "parts": [],
    }  # fmt: skip


def test_a_key_is_written_once_by_any_number_of_channels(tmp_path):
    one, two = FileChannel(tmp_path), FileChannel(tmp_path)
    one.send([_outgoing("a"), _outgoing("a"), _outgoing("b")])
    two.send([_outgoing("b"), _outgoing("c")])
    answers = one.send([_outgoing("c"), _outgoing("d")])
    assert [each.state for each in answers] == ["sent", "sent"]
    assert _keys(tmp_path) == ["a", "b", "c", "d"]
    assert two.accepted(["a", "d", "x"]) == {"a", "d"}


@pytest.mark.parametrize("cut", [1, 30])
def test_a_torn_line_was_never_sent(tmp_path, cut):
    FileChannel(tmp_path).send([_outgoing("a"), _outgoing("b")])
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-cut])
    channel = FileChannel(tmp_path)
    assert channel.accepted(["a", "b"]) == {"a"}
    channel.send([_outgoing("b")])
    assert _keys(tmp_path) == ["a", "b"]


def test_another_program_s_lines_are_not_passed_over(tmp_path):
    (tmp_path / FILE).write_text("hello\n")
    with pytest.raises(InputError, match="did not write"):
        FileChannel(tmp_path).accepted(["a"])


def _move_away(folder, name="yesterday.jsonl"):
    (folder / FILE).rename(folder / name)


def test_a_file_moved_away_meanwhile_is_begun_anew(tmp_path):
    channel = FileChannel(tmp_path)
    channel.send([_outgoing("a"), _outgoing("b")])
    _move_away(tmp_path)
    channel.send([_outgoing("b"), _outgoing("c")])
    assert _keys(tmp_path) == ["c"]


def test_what_was_taken_stays_known_when_the_file_was_moved_after_a_crash(tmp_path):
    """Nothing but the lines was written when the process died; the next never saw their file."""
    FileChannel(tmp_path).send([_outgoing("a"), _outgoing("b")])
    _move_away(tmp_path)
    assert FileChannel(tmp_path).accepted(["a", "b", "c"]) == {"a", "b"}
    FileChannel(tmp_path).send([_outgoing("b"), _outgoing("c")])
    assert _keys(tmp_path) == ["c"]
    _move_away(tmp_path, "today.jsonl")
    assert FileChannel(tmp_path).accepted(["a", "b", "c", "d"]) == {"a", "b", "c"}


def test_a_deleted_file_stays_known_too(tmp_path):
    FileChannel(tmp_path).send([_outgoing("a")])
    (tmp_path / FILE).unlink()
    FileChannel(tmp_path).send([_outgoing("a"), _outgoing("b")])
    assert _keys(tmp_path) == ["b"]


def test_a_moved_file_with_a_torn_last_line(tmp_path):
    FileChannel(tmp_path).send([_outgoing("a"), _outgoing("b")])
    file = tmp_path / FILE
    with file.open("r+b") as lines:
        lines.truncate(file.stat().st_size - 3)
    _move_away(tmp_path)
    assert FileChannel(tmp_path).accepted(["a", "b"]) == {"a"}


@pytest.mark.parametrize("cut", [1, 4])
def test_a_crash_while_keys_of_a_moved_file_are_kept(tmp_path, cut):
    """The keys were half written and the old file is still there under its second name."""
    FileChannel(tmp_path).send([_outgoing("a"), _outgoing("b")])
    own = (tmp_path / OWN).read_bytes()
    _move_away(tmp_path)
    FileChannel(tmp_path).accepted(["a"])
    (tmp_path / OWN).unlink()
    (tmp_path / FILE).unlink()
    (tmp_path / OWN).write_bytes(own)
    kept = tmp_path / KEPT
    kept.write_bytes(kept.read_bytes()[:-cut])
    for _ in range(2):
        assert FileChannel(tmp_path).accepted(["a", "b"]) == {"a", "b"}


def test_several_processes_agree_after_a_move(tmp_path):
    one, two = FileChannel(tmp_path), FileChannel(tmp_path)
    one.send([_outgoing("a")])
    two.send([_outgoing("b")])
    _move_away(tmp_path)
    one.send([_outgoing("b"), _outgoing("c")])
    two.send([_outgoing("a"), _outgoing("c"), _outgoing("d")])
    one.send([_outgoing("d"), _outgoing("e")])
    assert _keys(tmp_path) == ["c", "d", "e"]
    assert FileChannel(tmp_path).accepted(["a", "b", "c", "d", "e", "f"]) == set("abcde")


def test_a_foreign_file_that_was_moved_away_holds_nothing_up(tmp_path):
    channel = FileChannel(tmp_path)
    channel.send([_outgoing("a")])
    with (tmp_path / FILE).open("a") as lines:
        lines.write("hello\n")
    with pytest.raises(InputError, match="did not write"):
        channel.send([_outgoing("b")])
    _move_away(tmp_path)
    channel.send([_outgoing("a"), _outgoing("b")])
    assert _keys(tmp_path) == ["b"]


def test_a_disk_without_links_has_a_file_that_stays(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    FileChannel(tmp_path).send([_outgoing("a")])
    channel = FileChannel(tmp_path)
    assert channel.accepted(["a"]) == {"a"}
    _move_away(tmp_path)
    channel.send([_outgoing("a"), _outgoing("b")])
    assert _keys(tmp_path) == ["b"]
