"""Who agreed to the words: stored by role with their hash, lost when a word changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apologylab.design.brand import Avoided, Brand
from apologylab.errors import InputError, StateError
from apologylab.record.facts import Change, Started
from apologylab.record.later_facts import SignedOff
from apologylab.remedy.brands import brand_source
from apologylab.remedy.fragments import BRAND
from apologylab.service.ports import LedgerIdentity
from apologylab.service.sign_off import sign, where_it_stands, words_sha256
from apologylab.service.start import start
from apologylab.storage.memory import MemoryLedger

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
TEXT = """
name = "sorry"
question = "Do words help?"
owner = "care"
factors = { wording = ["none", "sorry"] }
incident = { kind = "late", recurs = false }
otherwise = { INELIGIBLE = "today", CLOSED = "today", FALLBACK = "today" }
today = { wording = "template" }
sign_off = { roles = ["legal", "brand"] }
[[outcomes]]
name = "orders_28d"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""
WORDS = {("wording", "sorry", "en"): "We are sorry that your parcel came late."}


@pytest.fixture
def shelf(loop):
    return loop.Declared(TEXT, dict(WORDS), "sorry")


def a_ledger(*, simulated=False):
    return MemoryLedger(LedgerIdentity(id="l1", environment="test", simulated=simulated))


def signed(ledger, shelf, *roles, at=NOW):
    experiment = shelf.experiment("sorry")
    for role in roles:
        found = sign(ledger, experiment, shelf.messages, role=role, by=f"{role}@x", now=at)
    return found


def test_start_refuses_until_every_role_has_signed(shelf):
    ledger = a_ledger()
    with pytest.raises(StateError, match="not signed off by legal, brand") as refused:
        start(ledger, shelf, "sorry", now=NOW)
    assert "apologylab sign sorry --role legal" in str(refused.value)
    assert list(ledger.read(Started)) == []
    assert signed(ledger, shelf, "legal").missing == ("brand",)
    with pytest.raises(StateError, match="not signed off by brand"):
        start(ledger, shelf, "sorry", now=NOW)
    assert signed(ledger, shelf, "brand").missing == ()
    assert start(ledger, shelf, "sorry", now=NOW).did == "started"


@pytest.mark.parametrize(
    "edit",
    [
        lambda shelf: shelf.messages.update({("wording", "sorry", "en"): "We are sorry."}),
        lambda shelf: shelf.messages.update({("wording", "sorry.2", "en"): "Again, we are sorry."}),
        lambda shelf: setattr(
            shelf,
            "text",
            TEXT.replace("[[outcomes]]", "[messages]\nfallback = { de = [] }\n[[outcomes]]"),
        ),
    ],
)
def test_changed_words_lose_it(shelf, edit):
    ledger = a_ledger()
    signed(ledger, shelf, "legal", "brand")
    edit(shelf)
    stands = where_it_stands(ledger, shelf.experiment("sorry"), shelf.messages)
    assert stands.missing == ("legal", "brand")
    assert set(stands.outdated) == {"legal", "brand"}
    with pytest.raises(StateError, match="the words changed since legal, brand signed"):
        start(ledger, shelf, "sorry", now=NOW)


def test_what_is_no_word_leaves_it_standing(shelf):
    ledger = a_ledger()
    signed(ledger, shelf, "legal", "brand")
    shelf.text = TEXT.replace("window_days = 28", "window_days = 29")
    assert start(ledger, shelf, "sorry", now=NOW).did == "started"


def test_words_that_come_back_are_signed_again(shelf):
    """The hash is of the words: undoing an edit brings the sign-off back."""
    ledger = a_ledger()
    signed(ledger, shelf, "legal", "brand")
    before = shelf.messages["wording", "sorry", "en"]
    shelf.messages["wording", "sorry", "en"] = "Other words, for which we are sorry."
    signed(ledger, shelf, "legal")
    shelf.messages["wording", "sorry", "en"] = before
    assert start(ledger, shelf, "sorry", now=NOW).did == "started"


def test_it_is_noted_once_with_who_and_what(shelf):
    ledger = a_ledger()
    signed(ledger, shelf, "legal")
    signed(ledger, shelf, "legal", at=NOW + timedelta(days=1))
    (fact,) = ledger.read(SignedOff)
    assert (fact.role, fact.by, fact.occurred_at) == ("legal", "legal@x", NOW)
    assert fact.sha256 == words_sha256(shelf.experiment("sorry"), shelf.messages)
    (change,) = ledger.read(Change)
    assert (change.what, change.by) == ("sign_off", "legal@x")
    assert change.detail == {"role": "legal", "sha256": fact.sha256}


def test_a_role_that_nobody_asks_for(shelf):
    ledger = a_ledger()
    with pytest.raises(InputError, match="asks no 'ceo' to sign off"):
        signed(ledger, shelf, "ceo")
    experiment = replace(shelf.experiment("sorry"), sign_off=None)
    with pytest.raises(StateError, match="asks nobody"):
        sign(ledger, experiment, shelf.messages, role="legal", by="x", now=NOW)


def test_in_a_simulated_ledger_nobody_must_sign(shelf):
    assert start(a_ledger(simulated=True), shelf, "sorry", now=NOW).did == "started"


def test_a_brand_that_only_advises_is_no_word(shelf):
    """``start`` does not pin what changes no text, and must find what was signed all the same."""
    avoid = Brand(avoid=(Avoided(term="kerfuffle", why="it belittles"),))
    shelf.messages[BRAND, "", "en"] = brand_source(avoid)
    ledger = a_ledger()
    signed(ledger, shelf, "legal", "brand")
    assert start(ledger, shelf, "sorry", now=NOW).did == "started"
    signature = Brand(avoid=avoid.avoid, signature="Your Acme")
    shelf.messages[BRAND, "", "en"] = brand_source(signature)
    assert where_it_stands(ledger, shelf.experiment("sorry"), shelf.messages).missing
