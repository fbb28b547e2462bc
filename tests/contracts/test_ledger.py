"""The contract of the Ledger port, run by every implementation."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from apologylab.errors import InputError, LedgerError
from apologylab.record.facts import (
    KINDS,
    Contact,
    CustomerSnapshot,
    Delivery,
    Incident,
    Merged,
    Order,
    Remedy,
    Resolution,
    SurveyAnswer,
    Visit,
)
from apologylab.service.asked import Asked
from apologylab.service.ports import (
    Arrived,
    Charge,
    Claimed,
    DeadLetter,
    LedgerIdentity,
    Postponed,
    Standing,
)
from apologylab.storage import sqlite
from apologylab.storage.memory import MemoryLedger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
IDENTITY = LedgerIdentity(id="ledger-1", environment="test", simulated=True, secret="s3cret")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def ledger(request, tmp_path):
    made = {
        "memory": lambda: MemoryLedger(IDENTITY),
        "sqlite": lambda: sqlite.create(tmp_path / "ledger.sqlite", IDENTITY),
        "postgres": lambda: request.getfixturevalue("postgres_ledger"),
    }[request.param]()
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


def remedy(key, due, experiment="e1", **more):
    return Remedy(
        key=key, occurred_at=NOW, assignment=key, experiment=experiment, customer="c",
        arm="basic", locale="en", text="t", text_sha256="0" * 64, compensation=None, amount=0,
        currency=None, due_at=due, **more,
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
        transaction.advance({"n": 1})
        transaction.forget_texts(["stays"])
        assert transaction.charge([Charge(budget="b", amount=5, uses=1)])
        transaction.seal("c", "x")
        assert keys(transaction.find(Order, key="lost")) == ["lost"]
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_nothing(ledger):
    put(ledger, order("before"))
    store(ledger, [("stays", "here")])
    before, mark = ledger.content_hash(), ledger.mark(NOW + HOUR)
    with pytest.raises(ZeroDivisionError):
        fail_halfway(ledger)
    assert ledger.content_hash() == before
    assert ledger.text("t") is None
    assert ledger.text("stays") == "here"
    assert ledger.budgets("") == {}
    assert within(ledger, "counters", ["n"]) == {"n": 0}
    assert within(ledger, "undelivered", "e1") == 0
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


def test_what_is_expected_is_answered_as_it_stands_then(ledger):
    put(ledger, order("o1"), order("o2", "c2"))
    asked = [Asked(Order, "customer", ("c1",)), Asked(Order, "key", ("o2", "none"))]
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.expect([*asked, asked[0]], ["b"])
        for _ in range(2):
            assert keys(transaction.find_among(Order, "customer", ["c1"])) == ["o1"]
            assert transaction.standing(["b"]) == {"b": Standing()}
        transaction.append([order("o3"), order("none", "c3")])
        assert keys(transaction.find_among(Order, "customer", ["c1"])) == ["o1", "o3"]
        assert keys(transaction.find_among(Order, "key", ["o2", "none"])) == ["o2", "none"]
        transaction.expect(asked, ["b"])
        assert transaction.charge([Charge(budget="b", amount=5)])
        assert keys(transaction.find_among(Order, "key", ["o2", "none"])) == ["o2", "none"]
        assert transaction.standing(["b"]) == {"b": Standing(reserved=5)}
        transaction.expect([], ["b"])
        transaction.release("b", 2)
        assert transaction.standing(["b"]) == {"b": Standing(reserved=3)}
        transaction.expect([], ["b"])
        transaction.seal("b", "1/1")
        assert transaction.standing(["b"])["b"].sealed == "1/1"


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


def charge(ledger, *charges):
    with ledger.transaction(recorded_at=NOW) as transaction:
        return transaction.charge(charges)


def standing(ledger, *budgets):
    with ledger.transaction(recorded_at=NOW) as transaction:
        return transaction.standing(budgets)


def test_a_budget_is_never_overspent(ledger):
    assert charge(ledger, Charge(budget="b", amount=60, at_most=40))
    assert not charge(ledger, Charge(budget="b", amount=41, at_most=59))
    assert charge(ledger, Charge(budget="b", amount=40, at_most=60))
    assert not charge(ledger, Charge(budget="b", amount=0, at_most=99))
    assert charge(ledger, Charge(budget="b", amount=0, at_most=100))
    assert (ledger.reserved("b"), ledger.reserved("nothing")) == (100, 0)
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.release("b", 30)
        assert transaction.charge([Charge(budget="b", amount=30, at_most=70)])
        assert transaction.standing(["b"]) == {"b": Standing(reserved=100)}


def test_uses_are_bounded_as_money_is(ledger):
    one = Charge(budget="b", uses=1, uses_at_most=1)
    assert [charge(ledger, one) for _ in range(3)] == [True, True, False]
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.release("b", 0, 1)
    assert standing(ledger, "b", "new") == {"b": Standing(uses=1), "new": Standing()}


def test_charges_are_taken_together_or_not_at_all(ledger):
    room = [Charge(budget=name, amount=5, uses=1, at_most=5) for name in ("z", "a", "m")]
    assert charge(ledger, *room)
    with ledger.transaction(recorded_at=NOW) as transaction:
        for full in ("z", "a", "m"):
            one = Charge(budget=full, amount=1, at_most=4)
            others = [each for each in room if each.budget != full]
            assert not transaction.charge([*others, one])
            assert not transaction.charge([one, *others])
        transaction.append([order("kept")])
    stands = Standing(reserved=5, uses=1)
    assert ledger.budgets("") == {"a": stands, "m": stands, "z": stands}
    assert ledger.count(Order) == 1
    assert charge(ledger, *room)
    assert charge(ledger)


def test_one_budget_may_be_charged_twice_in_a_call(ledger):
    six, five = (Charge(budget="b", amount=n, uses=1, at_most=10 - n) for n in (6, 5))
    assert not charge(ledger, six, five)
    assert not charge(ledger, five, six)
    four = Charge(budget="b", amount=4, uses=1, at_most=6)
    assert charge(ledger, six, four)
    assert standing(ledger, "b") == {"b": Standing(reserved=10, uses=2)}


def test_a_sealed_budget_takes_no_charge_that_names_the_seal(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.seal("b", "1/0")
    named = Charge(budget="b", amount=1, unless_sealed="1/0")
    assert not charge(ledger, named)
    assert charge(ledger, Charge(budget="b", amount=1, unless_sealed="1/1"))
    assert charge(ledger, Charge(budget="b", amount=1))
    assert standing(ledger, "b") == {"b": Standing(reserved=2, sealed="1/0")}
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.seal("b", None)
        assert transaction.charge([named])
    two = [Charge(budget="b", unless_sealed=label) for label in ("1/0", "1/1")]
    with pytest.raises(InputError, match="two labels"):
        charge(ledger, *two)


def test_a_locked_budget_may_be_new(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.standing(["b"], locked=True) == {"b": Standing()}
        assert transaction.charge([Charge(budget="b", amount=1, at_most=0)])
        assert transaction.standing(["b", "c"], locked=True)["b"] == Standing(reserved=1)
    assert ledger.budgets("") == {"b": Standing(reserved=1)}


def test_budgets_are_found_by_how_their_names_begin(ledger):
    names = ["late", "late/arm/a%", "late_", "laTe/x", "other"]
    assert charge(ledger, *(Charge(budget=name, amount=1) for name in names))
    assert list(ledger.budgets("late/")) == ["late/arm/a%"]
    assert list(ledger.budgets("late")) == ["late", "late/arm/a%", "late_"]
    assert list(ledger.budgets("late_")) == ["late_"]
    assert list(ledger.budgets("")) == sorted(names)
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.release("late_", 1)
    assert ledger.budgets("late_") == {}


def test_more_than_was_reserved_cannot_be_released(ledger):
    charge(ledger, Charge(budget="b", amount=1, uses=1))
    for amount, uses in ((2, 0), (0, 2), (1, 2)):
        refused = pytest.raises(LedgerError, match="budget 'b', which holds less")
        with refused, ledger.transaction(recorded_at=NOW) as transaction:
            transaction.release("b", amount, uses)
    with ledger.transaction(recorded_at=NOW) as transaction:
        with pytest.raises(LedgerError):
            transaction.release("nothing", 1)
        transaction.release("nothing", 0)
        transaction.release("b", 0, 1)
    assert standing(ledger, "b") == {"b": Standing(reserved=1)}


@pytest.mark.parametrize(("amount", "uses"), [(-1, 0), (0, -1)])
def test_no_negative_amount_is_charged_or_released(ledger, amount, uses):
    with pytest.raises(InputError, match="cannot charge -1"):
        charge(ledger, Charge(budget="b", amount=amount, uses=uses))
    with (
        pytest.raises(InputError, match="cannot release -1"),
        ledger.transaction(recorded_at=NOW) as transaction,
    ):
        transaction.release("b", amount, uses)


def test_counters_begin_at_zero_and_add_up(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.counters(["a", "b"]) == {"a": 0, "b": 0}
        transaction.advance({"a": 2, "b": -1})
        transaction.advance({"a": 3})
        transaction.advance({})
        assert transaction.counters(["a"]) == {"a": 5}
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.counters(["b", "a", "ž"]) == {"b": -1, "a": 5, "ž": 0}
        assert transaction.counters([]) == {}


def test_names_can_be_locked(ledger):
    with ledger.transaction(recorded_at=NOW) as transaction:
        transaction.lock(["experiment/e1"], shared=True)
        transaction.lock([f"customer/{number}" for number in range(2000)])
        transaction.lock(["audit", "audit"])
        transaction.lock([])
        assert transaction.append([order("a")]).new == 1
    assert ledger.count(Order) == 1


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


def test_a_forgotten_text_is_gone(ledger):
    store(ledger, {"t1": "one", "t2": "two", "t3": "three"}.items())
    with ledger.transaction(recorded_at=NOW) as transaction:
        assert transaction.forget_texts(["t1", "t3", "none"]) == 2
        assert transaction.forget_texts([]) == 0
        assert transaction.texts(["t1", "t2"]) == {"t2": "two"}
        assert transaction.forget_texts(["t1"]) == 0
    assert [ledger.text(each) for each in ("t1", "t2", "t3")] == [None, "two", None]


def claim(ledger, holder="w1", *, now=NOW, limit=10, lease=HOUR, experiment="e1"):
    """The keys that ``holder`` got."""
    with ledger.transaction(recorded_at=NOW) as transaction:
        claimed = transaction.claim(
            experiment, holder=holder, now=now, until=now + lease, limit=limit
        )
    return [each.remedy.key for each in claimed]


def within(ledger, call, *args, **more):
    """One call in a transaction of its own."""
    with ledger.transaction(recorded_at=NOW) as transaction:
        return getattr(transaction, call)(*args, **more)


def test_what_leaves_through_one_channel_is_claimed_apart(ledger):
    """What names none leaves through the one that is said; without a channel, all do."""
    named = {"a": "email", "b": None, "c": "sms", "d": "email", "e": None}
    put(ledger, *(remedy(key, NOW, channel=name) for key, name in named.items()))
    with ledger.transaction(recorded_at=NOW) as transaction:
        asked = {"holder": "w", "now": NOW, "until": NOW + HOUR, "unnamed": "email"}
        first = transaction.claim("e1", channel="email", limit=3, **asked)
        assert [each.remedy.key for each in first] == ["a", "b", "d"]
        (text,) = transaction.claim("e1", channel="sms", limit=9, **asked)
        assert text.remedy.key == "c"
        assert transaction.claim("e1", channel="fax", limit=9, **asked) == []
    assert claim(ledger, "w2") == ["e"]


def test_the_longest_due_is_claimed_first_until_delivered(ledger):
    put(
        ledger,
        remedy("late", NOW - HOUR),
        remedy("now", NOW),
        remedy("later", NOW + HOUR),
        remedy("other", NOW, experiment="e2"),
        remedy("early", NOW - 2 * HOUR),
    )
    assert claim(ledger, limit=2) == ["early", "late"]
    assert claim(ledger, "w2") == ["now"]
    assert claim(ledger, "w3") == []
    put(ledger, delivery("late"))
    assert within(ledger, "undelivered", "e1") == 3
    after = NOW + 2 * HOUR
    assert claim(ledger, "w3", now=after) == ["early", "now", "later"]


def test_what_is_claimed_comes_as_it_was_stored(ledger):
    put(ledger, remedy("r", NOW))
    with ledger.transaction(recorded_at=NOW) as transaction:
        (claimed,) = transaction.claim("e1", holder="w", now=NOW, until=NOW + HOUR, limit=1)
    assert claimed == Claimed(remedy=remedy("r", NOW), attempts=0, handed=False)


def test_a_delivery_known_before_its_remedy_settles_it(ledger):
    put(ledger, delivery("r"))
    put(ledger, remedy("r", NOW))
    put(ledger, remedy("s", NOW), delivery("s"))
    put(ledger, delivery("t"), remedy("t", NOW))
    assert claim(ledger) == []
    assert within(ledger, "undelivered", "e1") == 0


def test_a_lease_ends_at_its_end(ledger):
    put(ledger, remedy("r", NOW))
    assert claim(ledger) == ["r"]
    assert claim(ledger, "w2", now=NOW + HOUR - timedelta(microseconds=1)) == []
    assert claim(ledger, now=NOW + HOUR / 2) == [], "its holder has it already"
    assert claim(ledger, "w2", now=NOW + HOUR) == ["r"]
    assert within(ledger, "hand_over", ["r"], holder="w1") == frozenset()
    assert within(ledger, "hand_over", ["r", "no"], holder="w2") == {"r"}


def test_a_claim_that_failed_is_no_claim(ledger):
    put(ledger, remedy("r", NOW))
    failed = ledger.transaction(recorded_at=NOW)
    transaction = failed.__enter__()
    assert transaction.claim("e1", holder="w", now=NOW, until=NOW + HOUR, limit=1)
    assert not failed.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert claim(ledger, "w2") == ["r"]


def test_what_was_handed_over_says_so_until_the_channel_refuses(ledger):
    put(ledger, remedy("r", NOW))
    claim(ledger)
    within(ledger, "hand_over", ["r"], holder="w1")
    within(ledger, "let_go", ["r"], holder="w1")
    with ledger.transaction(recorded_at=NOW) as transaction:
        (again,) = transaction.claim("e1", holder="w2", now=NOW, until=NOW + HOUR, limit=1)
        assert (again.attempts, again.handed) == (0, True)
        later = Postponed(key="r", again_at=NOW + HOUR, because="busy")
        assert transaction.postpone([later], holder="w1") == frozenset()
        assert transaction.postpone([later], holder="w2") == {"r"}
    with ledger.transaction(recorded_at=NOW) as transaction:
        until = {"now": NOW + HOUR, "until": NOW + 2 * HOUR}
        (third,) = transaction.claim("e1", holder="w3", **until, limit=1)
    assert (third.attempts, third.handed) == (1, False)


def test_in_doubt_it_stays_handed_over_whatever_comes(ledger):
    put(ledger, remedy("r", NOW))
    claim(ledger)
    hung_up = Postponed(key="r", again_at=None, because="hung up", handed=True)
    within(ledger, "postpone", [hung_up], holder="w1")
    (dead,) = within(ledger, "dead_letters", "e1")
    assert dead == DeadLetter(remedy=remedy("r", NOW), attempts=1, because="hung up", handed=True)
    within(ledger, "revive", ["r"])
    with ledger.transaction(recorded_at=NOW) as transaction:
        (again,) = transaction.claim("e1", holder="w2", now=NOW, until=NOW + HOUR, limit=1)
    assert (again.attempts, again.handed) == (0, True)


def test_a_claim_may_look_ahead(ledger):
    put(ledger, remedy("held", NOW), remedy("waits", NOW), remedy("later", NOW + 9 * HOUR))
    assert claim(ledger, limit=1) == ["held"]
    assert claim(ledger, "w2") == ["waits"]
    put_off = Postponed(key="waits", again_at=NOW + 5 * HOUR, because="busy")
    within(ledger, "postpone", [put_off], holder="w2")
    with ledger.transaction(recorded_at=NOW) as transaction:
        claimed = transaction.claim(
            "e1", holder="w3", now=NOW, until=NOW + HOUR, limit=9, due_by=NOW + 9 * HOUR
        )
    assert [each.remedy.key for each in claimed] == ["waits", "later"]


def test_a_postponed_remedy_waits(ledger):
    put(ledger, remedy("r", NOW), remedy("s", NOW))
    claim(ledger)
    later = Postponed(key="r", again_at=NOW + HOUR, because="busy")
    assert within(ledger, "postpone", [later], holder="w1") == {"r"}
    assert within(ledger, "postpone", [later], holder="w1") == frozenset(), "it let go"
    assert claim(ledger, "w2", now=NOW + HOUR - timedelta(microseconds=1)) == []
    assert claim(ledger, "w2", now=NOW + HOUR) == ["r", "s"]


def test_only_the_holder_lets_go(ledger):
    put(ledger, remedy("r", NOW))
    claim(ledger)
    within(ledger, "let_go", ["r"], holder="w2")
    assert claim(ledger, "w2") == []
    within(ledger, "let_go", ["r", "no"], holder="w1")
    assert claim(ledger, "w2") == ["r"]


def test_a_dead_letter_waits_for_a_person(ledger):
    put(ledger, remedy("r", NOW), remedy("q", NOW - HOUR), remedy("s", NOW))
    for _ in range(2):
        claim(ledger)
        ended = [
            Postponed(key=key, again_at=None if key != "s" else NOW, because=f"{key} gone")
            for key in ("r", "q", "s")
        ]
        within(ledger, "postpone", ended, holder="w1")
    assert claim(ledger, "w2", now=NOW + 99 * HOUR) == ["s"]
    dead = within(ledger, "dead_letters", "e1")
    assert [(each.remedy.key, each.attempts, each.because) for each in dead] == [
        ("q", 1, "q gone"),
        ("r", 1, "r gone"),
    ]
    assert within(ledger, "dead_letters", "e2") == []
    assert within(ledger, "undelivered", "e1") == 3
    assert within(ledger, "revive", ["r", "s", "no"]) == 1
    assert within(ledger, "revive", ["r"]) == 0
    with ledger.transaction(recorded_at=NOW) as transaction:
        (back,) = transaction.claim("e1", holder="w3", now=NOW, until=NOW + HOUR, limit=9)
    assert (back.remedy.key, back.attempts, back.handed) == ("r", 0, False)
    put(ledger, delivery("q"))
    assert within(ledger, "dead_letters", "e1") == []
    assert within(ledger, "revive", ["q"]) == 0


def awaiting(number=1, *, awaits="next_visit", customer="c", key=None):
    """A remedy of an incident at NOW that is given up nine hours later."""
    key = key or f"e1/i{number}"
    return replace(remedy(key, NOW + 9 * HOUR), awaits=awaits, customer=customer, assignment=key)


def visit(customer="c", at=NOW + HOUR, key="v1"):
    return Visit(key=key, occurred_at=at, customer=customer)


def resolution(incident="i1", at=NOW + HOUR, *, resolved=True, key="s1"):
    return Resolution(key=key, occurred_at=at, incident=incident, customer="c", resolved=resolved)


def arrived(ledger, experiment="e1", limit=10):
    """Key -> hours after NOW."""
    found = within(ledger, "arrived", experiment, limit=limit)
    return {each.remedy.key: (each.came_at - NOW) / HOUR for each in found}


def test_what_a_remedy_awaits_is_found_when_it_has_come(ledger):
    waits = awaiting()
    put(ledger, waits, awaiting(2, awaits="resolution"), remedy("e1/i3", NOW + HOUR))
    assert arrived(ledger) == {}
    put(ledger, visit(at=NOW + 3 * HOUR), visit(at=NOW + 2 * HOUR, key="v2"))
    put(ledger, resolution("i2", NOW + HOUR, resolved=False), resolution("i2", NOW, key="s2"))
    assert arrived(ledger) == {"e1/i1": 2, "e1/i2": 0}
    assert arrived(ledger, "e2") == {}
    assert len(arrived(ledger, limit=1)) == 1
    chosen = within(ledger, "arrived", "e1", limit=9, among=["e1/i2", "e1/i3", "no"])
    assert keys(each.remedy for each in chosen) == ["e1/i2"]
    (found,) = [
        each for each in within(ledger, "arrived", "e1", limit=9) if each.remedy.key == waits.key
    ]
    assert found == Arrived(remedy=waits, came_at=NOW + 2 * HOUR)


def test_what_came_before_the_incident_or_too_late_is_not_what_is_awaited(ledger):
    put(ledger, awaiting(), awaiting(2, awaits="resolution", customer="d"))
    put(ledger, visit(at=NOW - HOUR), visit(at=NOW, key="v2"), visit(at=NOW + 9 * HOUR, key="v3"))
    put(ledger, visit("other", key="v4"), visit("d", key="v5"))
    put(ledger, resolution("i1"), resolution("i2", NOW - HOUR, key="s2"))
    put(ledger, resolution("i2", NOW + 9 * HOUR, key="s3"))
    assert arrived(ledger) == {}
    put(ledger, visit(at=NOW + 9 * HOUR - timedelta(microseconds=1), key="v6"))
    assert list(arrived(ledger)) == ["e1/i1"]


def test_a_visit_under_a_merged_id_counts(ledger):
    put(ledger, awaiting(1, customer="a"), awaiting(2, customer="b"), awaiting(3, customer="z"))
    put(ledger, Merged(key="m1", occurred_at=NOW, customer="a", into="x"))
    put(ledger, Merged(key="m2", occurred_at=NOW, customer="y", into="b"))
    put(ledger, visit("x"), visit("y", NOW + 2 * HOUR, key="v2"))
    assert arrived(ledger) == {"e1/i1": 1, "e1/i2": 2}


def test_a_remedy_brought_forward_is_due_then_and_awaits_nothing(ledger):
    put(ledger, awaiting(), visit(), remedy("r", NOW))
    assert claim(ledger) == ["r"]
    within(ledger, "bring_forward", {"e1/i1": NOW + HOUR, "no": NOW})
    assert arrived(ledger) == {}
    assert claim(ledger, "w2", now=NOW + HOUR - timedelta(microseconds=1)) == []
    assert claim(ledger, "w2", now=NOW + HOUR) == ["r", "e1/i1"], "a lease ended meanwhile"
    within(ledger, "put_off", {"e1/i1": NOW + 8 * HOUR}, holder="w2")
    within(ledger, "bring_forward", {"e1/i1": NOW + 2 * HOUR})
    assert claim(ledger, "w3", now=NOW + 2 * HOUR) == ["r", "e1/i1"], "it is not put off any more"


def test_what_may_have_left_is_not_brought_forward(ledger):
    put(ledger, awaiting(), awaiting(2), visit())
    assert claim(ledger, now=NOW + 9 * HOUR) == ["e1/i1", "e1/i2"]
    within(ledger, "hand_over", ["e1/i1"], holder="w1")
    put(ledger, replace(delivery("e1/i2"), assignment="e1/i2"))
    assert arrived(ledger) == {}
    within(ledger, "bring_forward", {"e1/i1": NOW, "e1/i2": NOW})
    within(ledger, "let_go", ["e1/i1"], holder="w1")
    assert claim(ledger, "w2") == []
    assert claim(ledger, "w2", now=NOW + 9 * HOUR) == ["e1/i1"]


def test_a_remedy_put_off_has_not_failed(ledger):
    put(ledger, remedy("r", NOW), remedy("s", NOW))
    claim(ledger)
    within(ledger, "hand_over", ["s"], holder="w1")
    within(ledger, "put_off", {"r": NOW + HOUR, "no": NOW}, holder="w2")
    assert claim(ledger, "w3") == [], "only its holder puts it off"
    within(ledger, "put_off", {"r": NOW + HOUR, "s": NOW + HOUR}, holder="w1")
    within(ledger, "put_off", {}, holder="w1")
    assert claim(ledger, "w3", now=NOW + HOUR - timedelta(microseconds=1)) == []
    with ledger.transaction(recorded_at=NOW) as transaction:
        now = {"now": NOW + HOUR, "until": NOW + 2 * HOUR}
        claimed = transaction.claim("e1", holder="w3", **now, limit=9)
    assert [(each.remedy.key, each.attempts, each.handed) for each in claimed] == [
        ("r", 0, False),
        ("s", 0, True),
    ]


def test_workers_never_claim_the_same(ledger):
    put(ledger, *(remedy(f"r{number:03d}", NOW) for number in range(200)))
    got = {f"w{number}": [] for number in range(4)}

    def work(holder):
        while keys := claim(ledger, holder, limit=7):
            got[holder] += keys

    in_threads(work, got)
    assert sorted(key for keys in got.values() for key in keys) == [
        f"r{number:03d}" for number in range(200)
    ]


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


def in_threads(work, arguments):
    """Each call in a thread of its own; the first error, if any, is ours."""
    with ThreadPoolExecutor(len(arguments)) as pool:
        for done in [pool.submit(work, argument) for argument in arguments]:
            done.result()


def test_writers_wait_for_each_other(ledger):
    """Twenty threads spend one budget and append: nothing lost, nothing overspent."""
    granted = []

    def spend(number):
        with ledger.transaction(recorded_at=NOW) as transaction:
            transaction.append([order(f"o{number}")])
            if not transaction.charge([Charge(budget="b", amount=7, at_most=93)]):
                raise ZeroDivisionError
        granted.append(number)

    def try_to_spend(number):
        with suppress(ZeroDivisionError):
            spend(number)

    in_threads(try_to_spend, range(20))
    assert ledger.reserved("b") == 98
    assert sorted(keys(ledger.read(Order))) == sorted(f"o{number}" for number in granted)
    assert len(granted) == 14
