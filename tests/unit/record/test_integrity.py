"""Raw values to facts: what is understood, what is refused, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from apologylab.errors import InputError
from apologylab.record.columns import columns
from apologylab.record.facts import KINDS, Fault, Incident, Order, SurveyAnswer
from apologylab.record.integrity import RECORDABLE, Reader
from apologylab.record.values import Reading, local_time

VILNIUS = ZoneInfo("Europe/Vilnius")
ORDER = {
    "key": "o1",
    "occurred_at": "2026-05-01T14:30:00+02:00",
    "customer": "c1",
    "list_amount": "25.00",
    "paid_amount": "20.00",
    "currency": "EUR",
}
INCIDENT = {"key": "i1", "occurred_at": "2026-05-01T14:30Z", "customer": "c", "kind": "late"}


def read(kind, values, reading=None):
    """One row through the reader: the fact's values by name, or the reason of its refusal."""
    given = {name: [value] for name, value in values.items()}
    found = Reader(kind, reading or Reading(zone=UTC))(given, places=[7])
    if found.problems:
        assert found.rows == []
        return found.problems[7]
    (row,) = found.rows
    return dict(zip((column.name for column in columns(kind)), row, strict=True))


def order(**changed):
    return read(Order, ORDER | changed)


def test_an_order_is_understood():
    assert order() == {
        "key": "o1",
        "occurred_at": datetime(2026, 5, 1, 12, 30, tzinfo=UTC),
        "customer": "c1",
        "list_amount": 2500,
        "paid_amount": 2000,
        "currency": "EUR",
        "our_coupon": False,
        "returned_amount": 0,
    }


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [
        ("EUR", "12.34", 1234),
        ("EUR", " 12.3 ", 1230),
        ("EUR", "12.340", 1234),
        ("EUR", "0", 0),
        ("JPY", "1200", 1200),
        ("JPY", "1200.00", 1200),
        ("KWD", "1.234", 1234),
        ("EUR", 12, 1200),
        ("EUR", 12.34, 1234),
        ("EUR", 0.1, 10),
        ("EUR", Decimal("12.34"), 1234),
        ("EUR", "999999999999.99", 99999999999999),
    ],
)
def test_amounts_are_in_whole_units(currency, text, minor):
    assert order(currency=currency, list_amount=text)["list_amount"] == minor


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("12,34", 'list_amount is "12,34": write digits and a point'),
        ("1.234,56", "write digits and a point"),
        ("€12", "write digits and a point"),
        ("12.345", "with too many decimals: EUR has 2"),
        ("-3.00", "below 0"),
        ("1e3", "write digits and a point"),
        ("NaN", "write digits and a point"),
        ("Infinity", "write digits and a point"),
        (float("nan"), "write digits and a point"),
        (float("inf"), "write digits and a point"),
        (True, "write an amount"),
        ([1], "write an amount"),
        ("", "list_amount is empty"),
        (None, "list_amount is empty"),
        ("9" * 16, "write digits and a point"),
        ("١٢", "write digits and a point"),
    ],
)
def test_what_is_no_amount_is_refused(text, why):
    assert why in order(list_amount=text)


def test_minor_units_are_declared_and_whole():
    cents = Reading(zone=UTC, minor_units=True)
    whole = ORDER | {"list_amount": "2500", "paid_amount": 2000}
    assert read(Order, whole, cents)["list_amount"] == 2500
    assert "minor units are whole" in read(Order, whole | {"list_amount": "25.01"}, cents)


def test_the_declared_currency_fills_a_missing_column_not_an_empty_cell():
    declared = Reading(zone=UTC, currency="JPY")
    bare = {name: value for name, value in ORDER.items() if name != "currency"}
    assert read(Order, bare, declared)["list_amount"] == 25
    assert "currency is empty" in read(Order, ORDER | {"currency": ""}, declared)


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", "E1R", 978])
def test_a_currency_is_its_code_and_its_amounts_are_not_blamed_alone(currency):
    assert "currency is " in order(currency=currency)
    assert "ISO 4217" in order(currency=currency)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-05-01T14:30:00Z", "2026-05-01T14:30:00+00:00"),
        ("2026-05-01 14:30:00+03:00", "2026-05-01T11:30:00+00:00"),
        ("2026-05-01T14:30:00.123456-05:00", "2026-05-01T19:30:00.123456+00:00"),
        ("2026-07-01T12:00", "2026-07-01T09:00:00+00:00"),
        ("2026-01-01T12:00", "2026-01-01T10:00:00+00:00"),
        (datetime(2026, 7, 1, 12), "2026-07-01T09:00:00+00:00"),  # noqa: DTZ001
        (
            datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=1))),
            "2026-07-01T11:00:00+00:00",
        ),
    ],
)
def test_times_are_read_in_the_declared_zone(text, utc):
    found = read(Order, ORDER | {"occurred_at": text}, Reading(zone=VILNIUS))
    assert found["occurred_at"].isoformat() == utc


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-03-29T03:30:00", "never was in Europe/Vilnius: clocks were put forward"),
        ("2026-10-25T03:30:00", "was twice in Europe/Vilnius: clocks were put back"),
        ("2026-05-01", "without a time of day"),
        ("20260501", "without a time of day"),
        ("2026-W18-5", "without a time of day"),
        ("2026-02-30T10:00", "write it like"),
        ("01.05.2026 14:30", "write it like"),
        ("1767225600", "write it like"),
        (1767225600, "write a time like"),
        ("0001-01-01T00:00+14:00", "out of range"),
        ("", "occurred_at is empty"),
    ],
)
def test_a_time_that_is_not_one_moment_is_refused(text, why):
    assert why in read(Order, ORDER | {"occurred_at": text}, Reading(zone=VILNIUS))


@pytest.mark.parametrize("offset", ["+02:00", "+03:00"])
def test_an_offset_settles_an_hour_that_was_twice(offset):
    found = read(
        Order, ORDER | {"occurred_at": f"2026-10-25T03:30:00{offset}"}, Reading(zone=VILNIUS)
    )
    assert found["occurred_at"].hour == (1 if offset == "+02:00" else 0)


def test_every_local_minute_of_a_year_is_understood_as_the_zone_says():
    """An outside view: walk through UTC, show the wall clock, and read it back."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    refused = []
    while moment.year == 2026:
        wall = moment.astimezone(VILNIUS).replace(tzinfo=None, fold=0)
        try:
            assert local_time(wall, VILNIUS) == moment
        except InputError as error:
            refused.append(str(error))
        moment += timedelta(minutes=10)
    assert len(refused) == 12, "the doubled hour, both times, in steps of ten minutes"
    assert all("was twice" in why for why in refused)


def test_without_a_zone_a_local_time_is_refused():
    assert "has no offset" in read(Order, ORDER | {"occurred_at": "2026-05-01T10:00"}, Reading())


@pytest.mark.parametrize(
    ("customer", "why"),
    [
        ("", "customer is empty"),
        ("a\x00b", "U+0000"),
        ("a\nb", "U+000A"),
        ("x" * 256, "256 characters"),
        ("\udcff", "U+DCFF"),
        (1.5, "is not text"),
        (True, "is not text"),
        ({"a": 1}, "is not text"),
    ],
)
def test_an_id_follows_r8(customer, why):
    assert why in order(customer=customer)


def test_ids_are_composed_and_numbers_are_their_digits():
    assert order(customer="Zoe\u0308")["customer"] == "Zoë"
    assert order(customer=1234567890123)["customer"] == "1234567890123"
    exact = Reading(zone=UTC, unit_id="exact")
    assert read(Order, ORDER | {"customer": "Zoe\u0308"}, exact)["customer"] == "Zoe\u0308"
    lower = Reading(zone=UTC, unit_id="nfc_ascii_lower")
    assert read(Order, ORDER | {"customer": "ABC"}, lower)["customer"] == "abc"


@pytest.mark.parametrize(
    "hostile", ["'; DROP TABLE fact_order; --", '"', "=1+1", "{{x}}", "日本", "🙈"]
)
def test_hostile_and_foreign_ids_are_only_ids(hostile):
    assert order(customer=hostile)["customer"] == hostile


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("FALSE", False), ("Yes", True), ("0", False), (1, True), ("", False)],
)
def test_truth(text, value):
    assert order(our_coupon=text)["our_coupon"] is value


@pytest.mark.parametrize("text", ["maybe", "2", 2, 0.5, "ja"])
def test_half_truth_is_refused(text):
    assert "write true or false" in order(our_coupon=text)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {}),
        ({"fields": '{"minutes_late": 14}'}, {"minutes_late": 14}),
        ({"fields": {"where": {"country": "LT"}}}, {"where": {"country": "LT"}}),
        ({"fields.minutes_late": "14", "fields.country": "LT"}, {"minutes_late": 14, "country": "LT"}),
        ({"fields.rain": "true", "fields.km": "1.5", "fields.empty": ""}, {"rain": True, "km": 1.5}),
        ({"fields.zip": "01234", "fields": '{"a": 1}'}, {"a": 1, "zip": "01234"}),
        ({"fields.zip": "0"}, {"zip": 0}),
    ],
)  # fmt: skip
def test_fields_come_as_json_or_as_columns(given, fields):
    assert read(Incident, INCIDENT | given)["fields"] == fields


@pytest.mark.parametrize("text", ["{", "[1]", "7", '{"a": NaN}', '{"a": Infinity}', [1]])
def test_fields_that_are_no_object_are_refused(text):
    assert "fields is " in read(Incident, INCIDENT | {"fields": text})


@pytest.mark.parametrize(
    "given",
    [
        {"fields": '{"rate": 1e400}'}, {"fields": '{"a": {"b": [-1e999]}}'},
        {"fields": '{"name": "\\ud800"}'}, {"fields": '{"\\u0000": 1}'},
        {"fields": {"at": datetime(2026, 5, 1, tzinfo=UTC)}}, {"fields.name": "\ud800"},
        {"fields.rate": float("inf")}, {"fields": '{"a": 1}', "fields.b": "x\0"},
    ],
    ids=range(8),
)  # fmt: skip
def test_fields_that_no_store_can_hold_are_refused_with_their_row(given):
    assert "cannot be stored" in read(Incident, INCIDENT | given)


@pytest.mark.parametrize("score", ["nan", "inf", "1e999", "4,5", "good", True])
def test_a_score_is_a_finite_number(score):
    answer = {"key": "s", "occurred_at": "2026-05-01T10:00Z", "customer": "c", "question": "q"}
    assert "score is " in read(SurveyAnswer, answer | {"score": score})
    assert read(SurveyAnswer, answer | {"score": "4.5"})["score"] == 4.5
    assert read(SurveyAnswer, answer | {"score": ""})["score"] is None


def test_a_row_names_all_its_problems():
    why = order(key="", customer="", list_amount="x")
    assert why.split("; ")[:2] == ["key is empty", "customer is empty"]
    assert "list_amount is" in why


def test_a_column_of_one_kind_of_word_takes_only_those():
    fault = {"key": "f", "occurred_at": "2026-05-01T10:00Z", "incident": "i", "by": "courier"}
    assert "write one of company, customer, third_party, unknown" in read(Fault, fault)


def test_problems_stay_with_their_rows_and_do_not_move_others():
    count = 5_000
    given = {
        "key": [f"o{i}" for i in range(count)],
        "occurred_at": ["2026-05-01T10:00Z" if i % 7 else "no" for i in range(count)],
        "customer": ["" if i % 5 == 0 else f"c{i}" for i in range(count)],
        "list_amount": ["-1" if i % 11 == 0 else f"{i}.50" for i in range(count)],
        "paid_amount": ["1"] * count,
        "currency": ["EUR" if i % 3 else "JPYX" for i in range(count)],
    }
    found = Reader(Order, Reading())(given, places=range(2, count + 2))
    good = [i for i in range(count) if i % 7 and i % 5 and i % 11 and i % 3]
    assert [row[0] for row in found.rows] == [f"o{i}" for i in good]
    assert list(found.places) == [i + 2 for i in good]
    assert set(found.problems) == {i + 2 for i in range(count) if i not in set(good)}
    assert [row[3] for row in found.rows] == [i * 100 + 50 for i in good]


def test_true_and_one_are_not_the_same_value_to_a_reader():
    """Remembered values are told apart by type: a true is no amount even after a 1."""
    given = {name: [value, value] for name, value in ORDER.items()}
    found = Reader(Order, Reading())(
        given | {"key": ["a", "b"], "list_amount": [1, True]}, places=[1, 2]
    )
    assert [row[3] for row in found.rows] == [100]
    assert "list_amount is True" in found.problems[2]


def test_what_apologylab_writes_itself_cannot_come_from_a_file():
    assert set(RECORDABLE) == {
        "incident", "delivery", "order", "redemption", "contact", "goodwill", "resolution",
        "fault", "survey_answer", "customer_snapshot", "correction", "merged",
        "complaint", "visit", "choice", "commitment_ended", "agent_answer", "bounce",
    }  # fmt: skip
    assert set(RECORDABLE) < set(KINDS)
