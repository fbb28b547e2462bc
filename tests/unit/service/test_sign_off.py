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
from apologylab.service.sign_off import asked_before, sign, where_it_stands, words_sha256
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


ROLES = 'sign_off = { roles = ["legal", "brand"] }\n'


def bump(shelf, version, roles=""):
    named = TEXT.replace('"sorry"\n', f'"sorry"\nversion = {version}\n', 1)
    shelf.text = named.replace(ROLES, roles)


def agree(ledger, shelf, role):
    experiment = shelf.experiment("sorry")
    before = asked_before(ledger, experiment, shelf.read)
    by = f"{role}@x"
    return sign(ledger, experiment, shelf.messages, role=role, by=by, now=NOW, before=before)


@pytest.fixture
def begun(shelf):
    """A ledger in which version 1 was signed by both and started."""
    ledger = a_ledger()
    signed(ledger, shelf, "legal", "brand")
    start(ledger, shelf, "sorry", now=NOW)
    return ledger


@pytest.mark.parametrize("words", ["We are sorry that your parcel came late.", "We are sorry."])
def test_whom_the_next_version_leaves_out_must_agree_to_that(begun, shelf, words):
    """Words that were signed do not say that their signer is asked no longer."""
    shelf.messages["wording", "sorry", "en"] = words
    bump(shelf, 2)
    with pytest.raises(StateError, match="version 2 of sorry no longer asks legal, brand") as no:
        start(begun, shelf, "sorry", now=NOW)
    assert "write legal, brand into [sign_off] roles again" in str(no.value)
    assert "apologylab sign sorry --role legal" in str(no.value)
    assert [each.version for each in begun.read(Started)] == [1]
    assert agree(begun, shelf, "legal").missing == ("brand",)
    with pytest.raises(StateError, match="no longer asks brand"):
        start(begun, shelf, "sorry", now=NOW)
    agree(begun, shelf, "brand")
    assert start(begun, shelf, "sorry", now=NOW).did == "started"
    bump(shelf, 3)
    shelf.messages["wording", "sorry", "en"] = "Please forgive us."
    assert start(begun, shelf, "sorry", now=NOW).did == "started"


def test_one_role_of_two_is_left_out(begun, shelf):
    bump(shelf, 2, 'sign_off = { roles = ["brand"] }\n')
    with pytest.raises(StateError, match="no longer asks legal to sign off"):
        start(begun, shelf, "sorry", now=NOW)
    found = agree(begun, shelf, "legal")
    assert (found.roles, found.left_out, found.missing) == (("brand", "legal"), ("legal",), ())
    assert start(begun, shelf, "sorry", now=NOW).did == "started"


def test_who_agreed_to_be_left_out_of_one_version_did_not_of_the_next(begun, shelf):
    """Version 2 was signed and never started, so version 3 follows version 1."""
    bump(shelf, 2)
    agree(begun, shelf, "legal")
    agree(begun, shelf, "brand")
    bump(shelf, 3)
    with pytest.raises(StateError, match="version 3 of sorry no longer asks legal, brand"):
        start(begun, shelf, "sorry", now=NOW)
    changes = [each.detail["role"] for each in begun.read(Change) if each.what == "sign_off"]
    assert changes == ["legal", "brand", "legal", "brand"]


def test_the_same_roles_and_words_need_no_new_sign_off(begun, shelf):
    bump(shelf, 2, ROLES)
    assert start(begun, shelf, "sorry", now=NOW).did == "started"


def test_an_experiment_that_never_asked_anybody_asks_nobody(shelf):
    ledger = a_ledger()
    bump(shelf, 1)
    start(ledger, shelf, "sorry", now=NOW)
    bump(shelf, 2)
    assert start(ledger, shelf, "sorry", now=NOW).did == "started"
