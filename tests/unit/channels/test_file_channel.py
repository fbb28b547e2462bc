import json

import pytest

from apologylab.channels.file import FILE, FileChannel
from apologylab.errors import InputError
from apologylab.service.ports import Outgoing


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
        "locale": "en", "compensation": "usd5", "amount": "5.00 USD",
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


def test_a_file_moved_away_meanwhile_is_begun_anew(tmp_path):
    channel = FileChannel(tmp_path)
    channel.send([_outgoing("a"), _outgoing("b")])
    (tmp_path / FILE).rename(tmp_path / "yesterday.jsonl")
    channel.send([_outgoing("b"), _outgoing("c")])
    assert _keys(tmp_path) == ["c"]
