import asyncio
from datetime import timedelta

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import ErrorCode, Reason

from apologylab.errors import LedgerError
from apologylab.hooks import Client, LedgerClient
from apologylab.hooks.openfeature import REASONS, ApologyProvider
from apologylab.record.facts import Assignment, FallbackReport
from apologylab.service.ending import end
from apologylab.wire.declaration import read

DEFAULT = "the code's own"
DRAWABLE = """
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


@pytest.fixture
def flags():
    """``flags(client)`` is the SDK's own client over our provider."""

    def over(client):
        api.set_provider(ApologyProvider(client), "apologylab")
        return api.get_client("apologylab")

    yield over
    api.clear_providers()


@pytest.fixture
def client(ledger, loop):
    with LedgerClient(
        ledger, [loop.begin(ledger)], clock=lambda: loop.START, timeout_s=20
    ) as opened:
        yield opened


def _context(loop, customer="c1", **attributes):
    told = {
        "incident": "i1", "kind": "late_ride", "occurred_at": loop.START, "minutes_late": 12,
        "first_name": "Jo",
    }  # fmt: skip
    return EvaluationContext(customer, {**told, **attributes})


def test_a_string_is_the_arm_and_the_metadata_say_how_it_was_drawn(client, flags, ledger, loop):
    customer = loop.customer_in(client._running[0], "sorry+usd5@1h")
    told = flags(client).get_string_details(loop.NAME, DEFAULT, _context(loop, customer))
    assert (told.value, told.variant, told.reason) == ("sorry+usd5@1h",) * 2 + (Reason.SPLIT,)
    assert told.error_code is None
    assert told.flag_metadata == {
        "experiment": "late_ride", "version": 1, "phase": 1, "propensity": 0.25,
        "reason": "RANDOMISED", "because": "drawn, weight 1 in 4",
    }  # fmt: skip
    (stored,) = ledger.read(Assignment)
    assert (stored.customer, stored.incident, stored.arm) == (customer, "i1", told.value)


def test_an_object_is_the_whole_remedy(client, flags, loop):
    customer = loop.customer_in(client._running[0], "sorry+usd5@1h")
    context = _context(loop, customer, occurred_at=loop.START.isoformat())
    told = flags(client).get_object_details(loop.NAME, {}, context)
    assert told.variant == "sorry+usd5@1h"
    assert told.value["text"] == "Jo, sorry: 12 minutes late.\n\nHere are 5 dollars."
    assert (told.value["compensation"], told.value["amount"]) == ("usd5", 500)
    assert told.value["due_at"] == (loop.START + timedelta(hours=1)).isoformat()
    silent = loop.customer_in(client._running[0], "silence")
    told = flags(client).get_object_details(loop.NAME, {}, _context(loop, silent, incident="i2"))
    assert told.value["arm"] == "silence"
    assert "text" not in told.value


@pytest.mark.parametrize("kind", ["boolean", "integer", "float"])
def test_an_arm_is_neither_a_number_nor_true(client, flags, ledger, loop, kind):
    default = {"boolean": True, "integer": 7, "float": 0.5}[kind]
    ask = getattr(flags(client), f"get_{kind}_details")
    told = ask(loop.NAME, default, _context(loop))
    assert (told.value, told.error_code) == (default, ErrorCode.TYPE_MISMATCH)
    assert told.reason == Reason.ERROR
    assert ledger.count(Assignment) == 0


@pytest.mark.parametrize(
    ("customer", "wrong", "code"),
    [
        (None, {}, ErrorCode.TARGETING_KEY_MISSING),
        ("", {}, ErrorCode.TARGETING_KEY_MISSING),
        ("c1", {"incident": None}, ErrorCode.INVALID_CONTEXT),
        ("c1", {"occurred_at": None}, ErrorCode.INVALID_CONTEXT),
        ("c1", {"occurred_at": "yesterday"}, ErrorCode.INVALID_CONTEXT),
    ],
)
def test_what_the_context_lacks_is_said_beside_the_default(
    client, flags, loop, customer, wrong, code
):
    told = flags(client).get_string_details(loop.NAME, DEFAULT, _context(loop, customer, **wrong))
    assert (told.value, told.reason, told.error_code) == (DEFAULT, Reason.ERROR, code)
    assert told.error_message


def test_an_experiment_that_does_not_run_is_no_flag(client, flags, loop):
    told = flags(client).get_string_details("other", DEFAULT, _context(loop))
    assert (told.value, told.error_code) == (DEFAULT, ErrorCode.FLAG_NOT_FOUND)


def test_a_fallback_is_an_error_with_the_default_and_is_reported(client, flags, ledger, loop):
    def fail(**_):
        raise LedgerError("disk full")

    whole, ledger.transaction = ledger.transaction, fail
    told = flags(client).get_string_details(loop.NAME, DEFAULT, _context(loop))
    ledger.transaction = whole
    assert (told.value, told.reason, told.error_code) == (DEFAULT, Reason.ERROR, ErrorCode.GENERAL)
    assert told.error_message == "LedgerError: disk full"
    assert told.flag_metadata["reason"] == "FALLBACK"
    client.flush()
    assert [each.incident for each in ledger.read(FallbackReport)] == ["i1"]


def test_who_is_not_drawn_gets_what_is_declared_and_the_reason(client, flags, ledger, loop):
    ask = flags(client).get_string_details
    mild = ask(loop.NAME, DEFAULT, _context(loop, minutes_late=3))
    assert (mild.value, mild.variant, mild.reason) == ("today", "today", Reason.DEFAULT)
    assert mild.flag_metadata["reason"] == "INELIGIBLE"
    end(ledger, loop.NAME, because="enough", now=loop.START)
    closed = ask(loop.NAME, DEFAULT, _context(loop, "c2", incident="i2"))
    assert (closed.value, closed.reason) == ("today", Reason.DISABLED)


def test_an_event_loop_asks_too(client, flags, ledger, loop):
    told = asyncio.run(flags(client).get_string_details_async(loop.NAME, DEFAULT, _context(loop)))
    same = asyncio.run(flags(client).get_object_details_async(loop.NAME, {}, _context(loop)))
    assert told.flag_metadata["reason"] == "RANDOMISED"
    assert same.value["arm"] == told.value
    assert ledger.count(Assignment) == 1


def test_the_draw_alone_needs_no_ledger(flags):
    def load(name):
        return read(DRAWABLE, where=name)

    drawn = {}
    for number in range(40):
        context = EvaluationContext(f"c{number}", {"kind": "late"})
        told = flags(Client(load)).get_string_details("notice", DEFAULT, context)
        drawn[told.value] = told
    assert set(drawn) == {"silence", "notice"}
    assert {each.reason for each in drawn.values()} == {Reason.SPLIT}
    assert {each.flag_metadata["reason"] for each in drawn.values()} == {"PREVIEW"}


def test_every_reason_has_a_word_of_openfeature():
    from typing import get_args

    from apologylab.assignment.assignment import Reason as Ours

    assert set(REASONS) == set(get_args(Ours))
