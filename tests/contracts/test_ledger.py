"""The contract of the Ledger port, run by every implementation."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from apologylab.errors import InputError, LedgerError
from apologylab.record.facts import (
    KINDS,
    Contact,
    CustomerSnapshot,
    Delivery,
    Incident,
    Order,
    Remedy,
    SurveyAnswer,
)
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite
from apologylab.storage.memory import MemoryLedger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
IDENTITY = LedgerIdentity(id="l1", environment="test", simulated=True)


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request, tmp_path):
    made = (
        MemoryLedger(IDENTITY)
        if request.param == "memory"
        else sqlite.create(tmp_path / "ledger.sqlite", IDENTITY)
    )
    yield made
    made.close()


def order(key="o1", customer="c1", paid=900, at=NOW, **more):
    return Order(
        key=key,
        occurred_at=at,
        customer=customer,
        list_amount=1000,
        paid_amount=paid,
        currency="EUR",
        **more,
    )


def put(ledger, *facts, at=NOW):
    with ledger.transaction(recorded_at=at) as transaction:
        return transaction.append(facts)


def keys(facts):
    return [fact.key for fact in facts]


def remedy(key, due, experiment="e1"):
    return Remedy(
        key=key, occurred_at=NOW, assignment=key, experiment=experiment, customer="c",
        arm="basic", locale="en", text="t", text_sha256="0" * 64, compensation=None, amount=0,
        currency=None, due_at=due,
    )  # fmt: skip


def delivery(key):
    return Delivery(
        key=key, occurred_at=NOW, assignment=key, experiment="e1", customer="c", arm="basic",
        channel="file", state="sent",
    )  # fmt: skip


def test_keeps_its_identity(ledger):
    assert ledger.identity == IDENTITY


def test_a_closed_ledger_opens_again_when_asked(ledger):
    put(ledger, order("a"))
    ledger.close()
    assert keys(ledger.read(Order)) == ["a"]
    assert put(ledger, order("b")).new == 1


def test_gives_back_what_was_appended(ledger):
    facts = [
        order("o1", our_coupon=True, returned_amount=5),
        Incident(
            key="i1",
            occurred_at=NOW - HOUR,
            customer="ž-1",
            kind="late",
            fields={"minutes_late": 14, "where": {"country": "LT"}, "flags": ["a", None]},
        ),
        SurveyAnswer(key="s1", occurred_at=NOW, customer="c", question="q", score=4.5),
        CustomerSnapshot(key="x", occurred_at=NOW, customer="c", since=None, consent=None),
    ]
    assert put(ledger, *facts).new == 4
    for fact in facts:
        assert list(ledger.read(type(fact))) == [fact]


def test_times_come_back_in_utc_to_the_microsecond(ledger):
    east = datetime(2026, 3, 1, 14, 0, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
    old = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    put(ledger, order("a", at=east), order("b", at=old))
    first, second = ledger.read(Order)
    assert (first.occurred_at, first.occurred_at.utcoffset()) == (east, timedelta(0))
    assert second.occurred_at == old


def test_the_same_fact_twice_is_once(ledger):
    put(ledger, order())
    before = ledger.content_hash()
    done = put(ledger, order(), order(), at=NOW + HOUR)
    assert (done.new, done.same, done.contradicting) == (0, 2, ())
    assert ledger.count(Order) == 1
    assert ledger.content_hash() == before


def test_a_contradiction_is_reported_and_changes_nothing(ledger):
    put(ledger, order("o1", paid=900), order("o2"))
    before = ledger.content_hash()
    done = put(ledger, order("o1", paid=901), order("o2"), order("o3"), order("o3", paid=7))
    assert (done.new, done.same, done.contradicting) == (1, 1, ("o1", "o3"))
    assert [fact.paid_amount for fact in ledger.read(Order, key="o1")] == [900]
    assert ledger.content_hash() != before


def test_a_key_is_unique_within_its_kind_only(ledger):
    done = put(ledger, order("x"), Contact(key="x", occurred_at=NOW, customer="c", kind="mail"))
    assert done.new == 2


def fail_halfway(ledger):
    with ledger.transaction(recorded_at=NOW + 2 * HOUR) as transaction:
        transaction.append([order("lost"), remedy("r", NOW)])
        transaction.put_text("t", "lost")
        assert transaction.reserve("b", 5, 10)
        assert keys(transaction.find(Order, key="lost")) == ["lost"]
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_nothing(ledger):
    put(ledger, order("before"))
    before, mark = ledger.content_hash(), ledger.mark(NOW + HOUR)
    with pytest.raises(ZeroDivisionError):
        fail_halfway(ledger)
    assert ledger.content_hash() == before
    assert ledger.text("t") is None
    assert ledger.reserved("b") == 0
    assert ledger.mark(NOW + 3 * HOUR) == mark
    assert put(ledger, order("lost")).new == 1


def test_what_is_not_committed_is_not_read(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.append([order()])
        assert keys(transaction.find(Order)) == ["o1"]
        assert list(ledger.read(Order)) == []
        assert ledger.count(Order) == 0
    assert ledger.count(Order) == 1


def test_find_and_read_compare_every_field_given(ledger):
    put(ledger, order("a"), order("b", customer="c2"), order("c", our_coupon=True))
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert keys(transaction.find(Order, customer="c1", our_coupon=False)) == ["a"]
        assert keys(transaction.find(Order, key="b")) == ["b"]
        assert transaction.find(Order, key="nobody") == []
    assert keys(ledger.read(Order, customer="c1")) == ["a", "c"]
    assert ledger.count(Order, customer="c1") == 2


def test_none_finds_what_is_empty(ledger):
    put(
        ledger,
        Incident(key="a", occurred_at=NOW, customer="c", kind="late"),
        Incident(key="b", occurred_at=NOW, customer="c", kind="late", cause="storm"),
    )
    assert keys(ledger.read(Incident, cause=None)) == ["a"]


def test_an_unknown_field_is_refused(ledger):
    with pytest.raises(InputError, match="order has no field 'colour'"):
        ledger.count(Order, colour="red")


@pytest.mark.parametrize("column", ["key", "customer"])
def test_find_among_takes_any_number_of_values(ledger, column):
    rows = [(f"k{i}", NOW, f"c{i}", 1, 1, "EUR", False, 0) for i in range(3000)]
    ledger.append_rows(Order, rows, recorded_at=NOW)
    letter = "k" if column == "key" else "c"
    wanted = [f"{letter}{i}" for i in range(2000, 60_000)]
    with ledger.transaction(recorded_at=NOW) as transaction:
        found = transaction.find_among(Order, column, wanted)
        assert keys(found) == [f"k{i}" for i in range(2000, 3000)]
        assert transaction.find_among(Order, column, []) == []
        assert transaction.find_among(Order, column, ['"', "'; --", "ž", "\\"]) == []


def test_bulk_rows_are_the_same_as_facts(ledger):
    microseconds = int(NOW.timestamp()) * 1_000_000
    rows = [
        ("a", NOW, "c1", 1000, 900, "EUR", False, 0),
        ("b", microseconds, "c1", 1000, 900, "EUR", False, 0),
        ("a", NOW, "c1", 1000, 900, "EUR", False, 0),
        ("a", NOW, "c2", 1000, 900, "EUR", False, 0),
    ]
    done = ledger.append_rows(Order, rows, recorded_at=NOW)
    assert (done.new, done.same, done.contradicting) == (2, 1, ("a",))
    assert list(ledger.read(Order)) == [order("a"), order("b")]
    assert ledger.append_rows(Order, [], recorded_at=NOW).new == 0


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (0, None, "order.key is missing"),
        (1, datetime(1, 1, 1, tzinfo=timezone(HOUR)), "beyond the calendar"),
        (1, 2**60, "beyond the calendar"),
        (1, datetime(2026, 1, 1), "without a zone"),  # noqa: DTZ001 - that is the point
        (2, "a\0b", "NUL"),
        (2, "\ud800", "surrogate"),
        (2, 7, "order.customer is 7, a int"),
        (3, 2**63, "beyond 64 bits"),
        (3, 1.5, "order.list_amount is 1.5"),
        (3, True, "order.list_amount is True"),
        (6, 1, "order.our_coupon is 1"),
    ],
)
def test_what_a_database_would_bend_is_refused(ledger, place, value, why):
    row = ["k", NOW, "c", 1, 1, "EUR", False, 0]
    row[place] = value
    with pytest.raises(InputError, match=re.escape(why)):
        ledger.append_rows(Order, [tuple(row)], recorded_at=NOW)
    assert ledger.count(Order) == 0


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_no_number_is_not_a_number(ledger, score):
    with pytest.raises(InputError, match=r"survey_answer\.score holds nan or an infinity"):
        put(
            ledger,
            SurveyAnswer(key="s", occurred_at=NOW, customer="c", question="q", score=score),
        )


def test_whole_and_negative_zero_numbers_hash_alike(ledger):
    one = SurveyAnswer(key="s", occurred_at=NOW, customer="c", question="q", score=0)
    put(ledger, one)
    again = SurveyAnswer(key="s", occurred_at=NOW, customer="c", question="q", score=-0.0)
    assert put(ledger, again).same == 1


def test_a_mark_is_settled_once(ledger):
    put(ledger, order("a"), at=NOW)
    mark = ledger.mark(NOW + HOUR)
    put(ledger, order("late"), at=NOW + HOUR / 2)
    assert ledger.mark(NOW + HOUR) == mark
    assert keys(ledger.read(Order, mark=mark)) == ["a"]
    assert ledger.count(Order, mark=mark) == 1
    assert keys(ledger.read(Order, mark=ledger.mark(NOW + 2 * HOUR))) == ["a", "late"]


def test_two_writers_the_slower_with_the_earlier_time(ledger):
    """B took its time first and committed last: an analysis between them stays as it was."""
    put(ledger, order("fast"), at=NOW + timedelta(minutes=1))
    between = ledger.mark(NOW + timedelta(minutes=2))
    put(ledger, order("slow"), at=NOW)
    assert keys(ledger.read(Order, mark=between)) == ["fast"]
    assert ledger.mark(NOW + timedelta(minutes=2)) == between
    # A date that was not asked for before lies between settled ones, and so does its mark.
    assert ledger.mark(NOW + timedelta(minutes=1)) <= between


def test_the_clock_set_back_an_hour(ledger):
    put(ledger, order("a"), at=NOW)
    early = ledger.mark(NOW)
    put(ledger, order("b"), at=NOW - HOUR)
    put(ledger, order("c"), at=NOW - HOUR / 2)
    assert keys(ledger.read(Order, mark=ledger.mark(NOW))) == ["a"]
    assert ledger.mark(NOW - HOUR) <= early
    assert keys(ledger.read(Order, mark=ledger.mark(NOW + HOUR))) == ["a", "b", "c"]


def test_marks_never_fall_as_dates_rise(ledger):
    put(ledger, order("a"), at=NOW + HOUR)
    assert ledger.mark(NOW + HOUR / 2) == 0
    put(ledger, order("b"), at=NOW)
    asked = [NOW + minutes * timedelta(minutes=10) for minutes in (9, 2, 5, 1, 3, 7, 0)]
    marks = {at: ledger.mark(at) for at in asked}
    in_order = [marks[at] for at in sorted(marks)]
    assert in_order == sorted(in_order)
    assert marks[NOW + timedelta(minutes=20)] == 0


def test_an_empty_ledger_has_mark_zero(ledger):
    assert ledger.mark(NOW) == 0
    put(ledger, order("a"), at=NOW)
    assert ledger.mark(NOW) == 0


def test_a_budget_is_never_overspent(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.reserve("b", 60, 100)
        assert not transaction.reserve("b", 41, 100)
        assert transaction.reserve("b", 40, 100)
        assert not transaction.reserve("b", 1, 100)
        assert transaction.reserve("other", 1, 1)
    assert (ledger.reserved("b"), ledger.reserved("nothing")) == (100, 0)
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.release("b", 30)
        assert transaction.reserve("b", 30, 100)
        assert not transaction.reserve("new", 2, 1)


def test_reserving_nothing_asks_whether_the_cap_holds(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.reserve("b", 0, 0)
        assert transaction.reserve("b", 10, 10)
        assert transaction.reserve("b", 0, 10)
        assert not transaction.reserve("b", 0, 9)


def test_more_than_was_reserved_cannot_be_released(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.reserve("b", 1, 10)
        with pytest.raises(LedgerError, match="cannot release 2 of budget 'b'"):
            transaction.release("b", 2)
    for call in ("reserve", "release"):
        with pytest.raises(InputError), ledger.transaction(recorded_at=NOW) as transaction:
            getattr(transaction, call)(*(("b", -1, 5) if call == "reserve" else ("b", -1)))


def test_texts(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.put_text("t1", "Atsiprašome")
        transaction.put_text("t1", "Atsiprašome")
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.put_text("t1", "Atsiprašome")
        transaction.put_text("t2", "Sorry")
    assert (ledger.text("t1"), ledger.text("nothing")) == ("Atsiprašome", None)
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.texts(["t1", "t2", "t3"]) == {"t1": "Atsiprašome", "t2": "Sorry"}


def store(ledger, texts):
    with ledger.transaction(recorded_at=NOW) as transaction:
        for text_id, body in texts:
            transaction.put_text(text_id, body)


def test_a_text_is_never_replaced(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.put_text("t", "one")
    for texts in ({"t": "two"}.items(), [("u", "one"), ("u", "two")]):
        with pytest.raises(LedgerError, match="stored with another body"):
            store(ledger, texts)
    assert (ledger.text("t"), ledger.text("u")) == ("one", None)


def test_due_gives_the_longest_due_first_until_delivered(ledger):
    put(
        ledger,
        remedy("late", NOW - HOUR),
        remedy("now", NOW),
        remedy("later", NOW + HOUR),
        remedy("other", NOW, experiment="e2"),
        remedy("early", NOW - 2 * HOUR),
    )
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert keys(transaction.due("e1", now=NOW, limit=10)) == ["early", "late", "now"]
        assert keys(transaction.due("e1", now=NOW, limit=2)) == ["early", "late"]
        transaction.append([delivery("late")])
        assert keys(transaction.due("e1", now=NOW, limit=10)) == ["early", "now"]
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert keys(transaction.due("e1", now=NOW + HOUR, limit=9)) == ["early", "now", "later"]


def test_a_delivery_known_before_its_remedy_settles_it(ledger):
    put(ledger, delivery("r"))
    put(ledger, remedy("r", NOW))
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.due("e1", now=NOW, limit=9) == []


def test_the_order_of_arrival_does_not_change_the_content_hash(ledger, tmp_path):
    other = MemoryLedger(IDENTITY)
    facts = [order(f"o{i}", paid=i) for i in range(50)] + [remedy("ž", NOW), remedy("z", NOW)]
    put(ledger, *facts)
    for fact in reversed(facts):
        put(other, fact, at=NOW + HOUR)
    assert ledger.content_hash() == other.content_hash()


def test_every_kind_can_be_counted_and_read(ledger):
    for kind in KINDS.values():
        assert ledger.count(kind) == 0
        assert list(ledger.read(kind)) == []


def test_writers_wait_for_each_other(ledger):
    """Twenty threads spend one budget and append: nothing lost, nothing overspent."""
    granted = []

    def spend(number):
        with ledger.transaction(recorded_at=NOW) as transaction:
            if transaction.reserve("b", 7, 100):
                granted.append(number)
                transaction.append([order(f"o{number}")])

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.reserved("b") == 98
    assert sorted(keys(ledger.read(Order))) == sorted(f"o{number}" for number in granted)
    assert len(granted) == 14
