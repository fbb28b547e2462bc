"""Tasks for agents: cards in CSV files that survive crashes, and over HTTP."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

from apologylab.channels.agent import DONE, AgentFolder
from apologylab.channels.contract import outgoing
from apologylab.channels.file import FILE
from apologylab.wire.tasks import COLUMNS, task_body, task_document


def a_task(key="l1/sorry/i1", **changed):
    made = replace(
        outgoing(key),
        text="We are sorry.\n\nHere is 5 USD.",
        parts=(("regret", "We are sorry."), ("repair", "Here is 5 USD.")),
        compensation="usd5",
        amount=500,
        currency="USD",
    )
    return replace(made, **changed)


def tasks(folder):
    """Rows of all CSV files, in order of their names."""
    found = []
    for file in sorted(folder.glob("tasks-*.csv")):
        with file.open(encoding="utf-8", newline="") as text:
            found += list(csv.DictReader(text))
    return found


def test_a_card_says_what_to_say_and_what_may_be_given(tmp_path):
    AgentFolder("desk", tmp_path).send(
        [a_task(), a_task("l1/sorry/i2", compensation=None, currency=None)]
    )
    one, two = tasks(tmp_path)
    assert list(one) == list(COLUMNS)
    assert (one["assignment"], one["customer"]) == ("sorry/i1", "c-l1/sorry/i1")
    assert one["say"] == "We are sorry.\n\nHere is 5 USD."
    assert (one["parts"], one["may_give"]) == ("regret repair", "5.00 USD")
    assert (one["agent"], one["did"]) == ("", "")
    assert two["may_give"] == ""


def test_each_batch_is_one_file_and_no_task_is_written_twice(tmp_path):
    channel = AgentFolder("desk", tmp_path)
    channel.send([a_task("l1/a")])
    channel.send([a_task("l1/a"), a_task("l1/b")])
    AgentFolder("desk", tmp_path).send([a_task("l1/b"), a_task("l1/c")])
    assert [each["key"] for each in tasks(tmp_path)] == ["l1/a", "l1/b", "l1/c"]
    assert len(list(tmp_path.glob("tasks-*.csv"))) == 3


def test_a_crash_between_the_two_files_loses_nothing(tmp_path):
    channel = AgentFolder("desk", tmp_path)
    channel.send([a_task("l1/a")])
    before = (tmp_path / DONE).read_text()
    channel.send([a_task("l1/b")])
    for file in sorted(tmp_path.glob("tasks-*.csv"))[1:]:
        file.unlink()
    (tmp_path / DONE).write_text(before)
    again = AgentFolder("desk", tmp_path)
    assert again.accepted(["l1/b", "l1/c"]) == {"l1/b"}
    assert [each["key"] for each in tasks(tmp_path)] == ["l1/a", "l1/b"]


def test_files_that_were_taken_away_are_not_written_again(tmp_path):
    channel = AgentFolder("desk", tmp_path)
    channel.send([a_task("l1/a")])
    for file in tmp_path.glob("tasks-*.csv"):
        file.unlink()
    (tmp_path / FILE).rename(tmp_path / "old.jsonl")
    channel.send([a_task("l1/a"), a_task("l1/b")])
    assert [each["key"] for each in tasks(tmp_path)] == ["l1/b"]


def test_no_spreadsheet_runs_what_a_customer_is_called(tmp_path):
    hostile = a_task(customer="=HYPERLINK(1)", to="@evil", subject="+1", text="-2+3")
    AgentFolder("desk", tmp_path).send([hostile])
    (row,) = tasks(tmp_path)
    assert (row["customer"], row["to"]) == ("'=HYPERLINK(1)", "'@evil")
    assert (row["subject"], row["say"]) == ("'+1", "'-2+3")


def test_it_reaches_customers_and_so_no_simulated_ledger_uses_it(tmp_path):
    channel = AgentFolder("desk", tmp_path)
    assert (channel.harmless, channel.once) == (False, True)


def test_a_help_desk_gets_the_same_card_over_http():
    document = json.loads(task_body(a_task(code="ABCDE-12345")))
    assert document == task_document(a_task(code="ABCDE-12345"))
    assert document["format"] == "apologylab.task/1"
    assert document["say"] == [
        {"part": "regret", "text": "We are sorry."},
        {"part": "repair", "text": "Here is 5 USD."},
    ]
    assert (document["may_give"], document["code"]) == ("5.00 USD", "ABCDE-12345")
    assert document["replies"] == ["said", "changed", "skipped"]
