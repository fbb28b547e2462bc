"""Recording a file: what lands, what is rejected, what a second run does."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet

from apologylab.errors import InputError, NotFoundError
from apologylab.record.facts import KINDS, Feed, Incident, Order
from apologylab.record.integrity import RECORDABLE
from apologylab.record.later_facts import Commitment
from apologylab.record.values import Reading
from apologylab.service.ports import LedgerIdentity
from apologylab.service.record import (
    complete_through,
    end_of,
    preview_file,
    record_file,
    record_rows,
    recordable,
    template,
)
from apologylab.storage.memory import MemoryLedger
from apologylab.warehouse import fact_file
from apologylab.warehouse.fact_file import RejectsFile, open_fact_file

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = "key,occurred_at,customer,list_amount,paid_amount,currency"
GOOD = "o1,2026-05-01T10:00Z,c1,10.00,9.00,EUR"
READING = Reading(zone=UTC)


@pytest.fixture
def ledger():
    return MemoryLedger(LedgerIdentity(id="l", environment="test", simulated=False))


@pytest.fixture
def file(tmp_path):
    def write(text, name="orders.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def record(ledger, path, *, kind=Order, mapping=None, reading=READING):
    return record_file(
        ledger,
        kind,
        open_fact_file(path),
        mapping=mapping or {},
        reading=reading,
        rejects=RejectsFile(path),
        now=NOW,
        progress=lambda more: None,
    )


def rejects(path):
    beside = path.with_name(path.name + ".rejects.csv")
    if not beside.exists():
        return None
    with beside.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def bad_rows():
    """Fifty rows, each wrong in its own way or place, with what the reason must name."""
    wrong = {
        ("", 0): "key is empty",
        ("2026-05-01", 1): "time of day",
        ("", 2): "customer is empty",
        ("ten", 3): "list_amount",
        ("-1.00", 4): "below 0",
        ("eur", 5): "currency",
        ("9.999", 4): "decimals",
        ("a\x07b", 2): "U+0007",
        ("1,5", 3): "fields, the header",
        ("2026-02-30T10:00Z", 1): "occurred_at",
    }
    for number in range(50):
        (value, place), reason = list(wrong.items())[number % 10]
        row = [f"bad{number}", "2026-05-01T10:00Z", f"c{number}", "10.00", "9.00", "EUR"]
        row[place] = value
        yield ",".join(row), reason


def test_a_thousand_good_rows_land_and_fifty_bad_ones_are_explained(ledger, file):
    lines = [f"o{i},2026-05-01T10:00:00Z,c{i},10.00,9.00,EUR" for i in range(1000)]
    wanted = {}
    for number, (line, _) in enumerate(bad_rows()):
        lines.insert(number * 21, line)
    for number, line in enumerate(lines, 2):
        reason = next((why for text, why in bad_rows() if text == line), None)
        if reason:
            wanted[number] = reason
    path = file("\n".join([HEADER, *lines]) + "\n")

    done = record(ledger, path)
    assert (done.rows, done.new, done.rejected) == (1050, 1000, 50)
    assert ledger.count(Order) == 1000
    explained = {int(row["line"]): row["reason"] for row in rejects(path)}
    assert explained.keys() == wanted.keys()
    assert all(wanted[line] in reason for line, reason in explained.items())

    before = ledger.content_hash()
    again = record(ledger, path)
    assert (again.new, again.same, again.rejected) == (0, 1000, 50)
    assert ledger.content_hash() == before


def test_the_corrected_rejects_file_can_be_recorded(ledger, file):
    path = file(f"{HEADER},note\n{GOOD},x\no2,2026-05-01T10:00Z,c2,ten,9.00,EUR,y\n")
    assert record(ledger, path).ignored == ("note",)
    beside = path.with_name("orders.csv.rejects.csv")
    beside.write_text(beside.read_text().replace("ten", "10.00"))
    corrected = record(ledger, beside)
    assert (corrected.new, corrected.rejected, corrected.ignored) == (1, 0, ("note",))
    assert rejects(beside) is None


def test_a_clean_second_run_takes_the_old_rejects_away(ledger, file):
    path = file(f"{HEADER}\n{GOOD.replace('10.00', 'ten')}\n")
    record(ledger, path)
    assert len(rejects(path)) == 1
    file(f"{HEADER}\n{GOOD}\n")
    record(ledger, path)
    assert rejects(path) is None


def test_contradictions_are_reported_with_their_difference(ledger, file):
    path = file(
        f"{HEADER}\n{GOOD}\n{GOOD}\no1,2026-05-01T10:00Z,c1,10.00,8.00,EUR\n"
        "o1,2026-05-01T10:00Z,c9,10.00,9.00,EUR\no2,2026-05-01T10:00Z,c2,1,1,EUR\n"
    )
    done = record(ledger, path)
    assert (done.rows, done.new, done.same, done.rejected, done.contradicting) == (5, 2, 1, 2, 2)
    assert [(row["line"], row["reason"]) for row in rejects(path)] == [
        ("4", "contradicts the order under this key: paid_amount is 800, stands as 900"),
        ("5", "contradicts the order under this key: customer is 'c9', stands as 'c1'"),
    ]
    assert [order.paid_amount for order in ledger.read(Order, key="o1")] == [900]


def test_columns_are_mapped_and_times_are_local(ledger, file):
    path = file("order_id,client,paid_at,gross,net\n7,c1,2026-07-01 12:00,10.00,9.00\n")
    mapping = {
        "key": "order_id", "customer": "client", "occurred_at": "paid_at",
        "list_amount": "gross", "paid_amount": "net",
    }  # fmt: skip
    reading = Reading(zone=ZoneInfo("Europe/Vilnius"), currency="EUR")
    assert record(ledger, path, mapping=mapping, reading=reading).new == 1
    (order,) = ledger.read(Order)
    assert (order.key, order.customer, order.currency) == ("7", "c1", "EUR")
    assert order.occurred_at == datetime(2026, 7, 1, 9, tzinfo=UTC)


def test_one_column_may_serve_two_fields_and_an_entry_may_be_mapped(ledger, file):
    path = file("id,occurred_at,customer,kind,late\ni1,2026-05-01T10:00Z,c1,late_ride,14\n")
    record(
        ledger, path, kind=Incident, mapping={"key": "id", "order": "id", "fields.minutes": "late"}
    )
    (incident,) = ledger.read(Incident)
    assert (incident.key, incident.order, incident.fields) == ("i1", "i1", {"minutes": 14})


@pytest.mark.parametrize(
    ("header", "mapping", "why"),
    [
        ("order_id,occurred_at,customer,list_amount,paid_amount,currency", {},
         "no column gives key; the file has .* --map key=order_id"),
        ("a,b", {}, "key, occurred_at, customer, list_amount, paid_amount, currency"),
        ("a,b", {}, "or --currency EUR"),
        (HEADER, {"colour": "key"}, "order has no 'colour'"),
        (HEADER, {"key": "id"}, "the file has no column 'id'"),
        (HEADER + ",key", {}, "has the column 'key' twice"),
        (HEADER, {"fields.x": "key"}, "order has no 'fields.x'"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_explained_before_anything_lands(ledger, file, header, mapping, why):
    with pytest.raises(InputError, match=why):
        record(ledger, file(f"{header}\n{GOOD},x\n"), mapping=mapping)
    assert ledger.count(Order) == 0


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\n{GOOD}\n",
        f"{HEADER}\r\n{GOOD}\r\n",
        f"{HEADER}\n{GOOD}",
        f"{HEADER}\n\n{GOOD}\n\n",
        f" key ,occurred_at,customer,list_amount,paid_amount,currency\n{GOOD}\n",
        "\n".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) for line in (HEADER, GOOD)
        ),
        f"{HEADER}\n{GOOD}\n".replace(",", ";"),
        f"{HEADER}\n{GOOD}\n".replace(",", "\t"),
        "currency,paid_amount,key,customer,list_amount,occurred_at\nEUR,9.00,o1,c1,10.00,2026-05-01T10:00Z",
    ],
    ids=["bom", "crlf", "no last newline", "blank lines", "padded header", "quoted", "semicolons",
         "tabs", "reordered"],
)  # fmt: skip
def test_ways_to_write_the_same_file(ledger, file, text):
    assert record(ledger, file(text)).new == 1
    (order,) = ledger.read(Order)
    assert (order.key, order.customer, order.paid_amount) == ("o1", "c1", 900)


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"", "orders.csv", "is empty"),
        (b"\n\n", "orders.csv", "is empty"),
        (b"", "orders.jsonl", "is empty"),
        (HEADER.encode("utf-16"), "orders.csv", "UTF-16"),
        (b"PK\x03\x04", "orders.csv", "is not text"),
        (b"x", "orders.xlsx", r"ends in '\.xlsx': give \.csv"),
        (b"x", "orders", "ends in 'nothing'"),
        (b"x", "orders.parquet", "is no Parquet file"),
        (b'"a"b,c\n', "orders.csv", "has no header"),
    ],
)
def test_a_file_that_is_something_else_is_refused(ledger, file, content, name, why):
    with pytest.raises(InputError, match=why):
        record(ledger, file(content, name))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        open_fact_file(tmp_path / "none.csv")


def test_a_header_alone_is_no_row(ledger, file):
    done = record(ledger, file(HEADER + "\n"))
    assert (done.rows, done.new, done.rejected) == (0, 0, 0)


def test_lines_that_are_no_rows_are_explained_and_the_next_ones_land(ledger, file):
    path = file(
        f'{HEADER}\n{GOOD}\no2,"2026"x,c,1,1,EUR\no3,2026-05-01T10:00Z,c3\n'
        "o4,2026-05-01T10:00Z,c4,1,1,EUR,extra\no5,2026-05-01T10:00Z,c5,1,1,EUR\n"
    )
    done = record(ledger, path)
    assert (done.new, done.rejected) == (2, 3)
    assert [(row["line"], row["reason"][:20]) for row in rejects(path)] == [
        ("3", "cannot be split into"),
        ("4", "has 3 fields, the he"),
        ("5", "has 7 fields, the he"),
    ]


def test_lines_are_counted_through_quoted_line_breaks(ledger, file):
    path = file(f'{HEADER},note\n{GOOD},"a\nb\r\nc"\n{GOOD.replace("o1", "")},x\n')
    record(ledger, path)
    assert [row["line"] for row in rejects(path)] == ["5"]


@pytest.mark.parametrize("bad", ['o2,"2026-05-01T10:00Z,c2,1,1,EUR', '"o2', 'o2,x,"c', 'o2,"'])
@pytest.mark.parametrize("note", ["", '"', '"a,b"', '"two\nlines"', '""'])
def test_a_quote_that_is_not_closed_costs_its_own_line_only(ledger, file, bad, note):
    lines = [f"o{i},2026-05-01T10:00Z,c,1,1,EUR,{note.replace(chr(10), ' ')}" for i in range(300)]
    if note == '"':
        lines = [line.removesuffix('"') for line in lines]
    lines[100:100] = [bad]
    lines[200:200] = ['o900,2026-05-01T10:00Z,c,1,1,EUR,"two\nlines"']
    path = file("\n".join([f"{HEADER},note", *lines]))
    done = record(ledger, path)
    assert done.new == 301
    assert [(row["line"], row["reason"][:27]) for row in rejects(path)] == [
        ("102", "cannot be split into fields")
    ]


def test_two_quotes_that_are_not_closed_are_each_reported_once(ledger, file):
    path = file(f'{HEADER}\no2,"x\n{GOOD}\no3,y"\n"\n{GOOD.replace("o1", "o4")}\n"o5"x\n')
    assert record(ledger, path).new == 2
    assert [row["line"] for row in rejects(path)] == ["2", "4", "5", "7"]


def test_bytes_that_are_no_utf8_are_refused_by_row(ledger, file):
    path = file(HEADER.encode() + b"\no1,2026-05-01T10:00Z,caf\xe9,1,1,EUR\n" + GOOD.encode())
    done = record(ledger, path)
    assert (done.new, done.rejected) == (1, 1)
    assert "customer is no id" in rejects(path)[0]["reason"]


def test_a_huge_field_is_one_bad_row(ledger, file):
    huge = "x" * (2 << 20)
    path = file(f"{HEADER}\no0,2026-05-01T10:00Z,{huge},1,1,EUR\n{GOOD}\n")
    done = record(ledger, path)
    assert (done.new, done.rejected) == (1, 1)
    assert "larger than field limit" in rejects(path)[0]["reason"]


def test_rows_are_right_across_the_batches_of_a_file(ledger, file, monkeypatch):
    monkeypatch.setattr(fact_file, "BATCH_ROWS", 7)
    lines = [f"o{i},2026-05-01T10:00Z,c,{'x' if i % 10 == 3 else 1},1,EUR" for i in range(50)]
    path = file("\n".join([HEADER, *lines]))
    done = record(ledger, path)
    assert (done.new, done.rejected) == (45, 5)
    assert [int(row["line"]) for row in rejects(path)] == [5, 15, 25, 35, 45]


def test_json_lines(ledger, file):
    row = {
        "key": "i1", "occurred_at": "2026-05-01T10:00Z", "customer": "ž", "kind": "late",
        "fields": {"minutes_late": 14},
    }  # fmt: skip
    lines = [
        json.dumps(row),
        "",
        json.dumps(row | {"key": "i2", "cause": "storm", "fields.km": 2}),
        "[1]",
        "{broken",
        json.dumps(row | {"key": None}),
        '{"key": NaN}',
        "[" * 100_000,
    ]
    path = file("\n".join(lines), "incidents.jsonl")
    done = record(ledger, path, kind=Incident)
    assert (done.new, done.rejected) == (2, 5)
    first, second = ledger.read(Incident)
    assert (first.fields, first.cause) == ({"minutes_late": 14}, None)
    assert (second.fields, second.cause) == ({"minutes_late": 14, "km": 2}, "storm")
    assert [int(row["line"]) for row in rejects(path)] == [4, 5, 6, 7, 8]


def test_parquet_with_typed_columns(ledger, tmp_path):
    moment = datetime(2026, 5, 1, 10, 0, 0, 5, tzinfo=UTC)
    table = pa.table(
        {
            "key": pa.array([1, 2], pa.int64()),
            "occurred_at": pa.array([moment, moment], pa.timestamp("ns", tz="UTC")),
            "customer": pa.array(["c1", "c1"]).dictionary_encode(),
            "list_amount": pa.array([Decimal("10.00"), Decimal("-1.00")], pa.decimal128(12, 2)),
            "paid_amount": pa.array([9.5, 9.5]),
            "currency": ["EUR", "EUR"],
            "our_coupon": [True, None],
        }
    )
    path = tmp_path / "orders.parquet"
    parquet.write_table(table, path)
    done = record(ledger, path)
    assert (done.new, done.rejected) == (1, 1)
    (order,) = ledger.read(Order)
    assert (order.key, order.occurred_at, order.customer) == ("1", moment, "c1")
    assert (order.list_amount, order.paid_amount, order.our_coupon) == (1000, 950, True)
    assert rejects(path)[0]["line"] == "2"


def test_preview_shows_rows_and_problems_and_records_nothing(file):
    path = file(f"{HEADER}\n{GOOD}\n{GOOD.replace('10.00', 'ten')}\n")
    rows, problems = preview_file(Order, open_fact_file(path), mapping={}, reading=READING)
    assert rows == [("o1", datetime(2026, 5, 1, 10, tzinfo=UTC), "c1", 1000, 900, "EUR", False, 0)]
    assert [line for line, _ in problems] == [3]


@pytest.mark.parametrize("kind", RECORDABLE)
def test_every_template_can_be_recorded_as_it_is(ledger, file, kind):
    header, row = template(KINDS[kind])
    path = file("")
    with path.open("w", newline="") as text:
        csv.writer(text).writerows([header, row])
    if kind == "commitment_ended":  # it ends one that there is
        with ledger.transaction(recorded_at=NOW) as work:
            work.append([promised(dict(zip(header, row, strict=True)))])
    done = record(ledger, path, kind=KINDS[kind])
    assert (done.new, done.reasons) == (1, [])


def promised(said):
    named = {name: said[name] for name in ("key", "assignment", "experiment", "customer")}
    more = {"level": "promise", "what": "tell the courier", "keeper": "care"}
    return Commitment(occurred_at=NOW, until=NOW, **named, **more)


def test_kinds_that_no_file_may_bring():
    with pytest.raises(InputError, match="'assignment' is written by apologylab itself"):
        recordable("assignment")
    with pytest.raises(InputError, match="'orders' is no kind of fact: give one of incident"):
        recordable("orders")


def test_rows_at_hand(ledger):
    rows = [(f"o{i}", NOW, "c", 1, 1, "EUR", False, 0) for i in range(120_000)]
    seen = []
    done = record_rows(ledger, Order, rows, now=NOW, progress=seen.append)
    assert (done.new, seen) == (120_000, [50_000, 50_000, 20_000])
    assert record_rows(ledger, Order, rows[:9], now=NOW).same == 9


@pytest.mark.parametrize(
    ("text", "zone", "through"),
    [
        ("2026-05-01", "UTC", "2026-05-02T00:00:00+00:00"),
        ("2026-05-01", "Europe/Vilnius", "2026-05-01T21:00:00+00:00"),
        ("2026-03-29", "Europe/Vilnius", "2026-03-29T21:00:00+00:00"),
        ("2026-05-01T12:00", "Europe/Vilnius", "2026-05-01T09:00:00+00:00"),
        ("2026-05-01T12:00Z", "Europe/Vilnius", "2026-05-01T12:00:00+00:00"),
    ],
)
def test_complete_through_a_date_means_its_whole_day(ledger, text, zone, through):
    moment = end_of(text, ZoneInfo(zone))
    assert moment.isoformat() == through
    assert complete_through(ledger, Order, moment, now=NOW).new == 1
    assert complete_through(ledger, Order, moment, now=NOW).same == 1
    (feed,) = ledger.read(Feed)
    assert (feed.fact, feed.through) == ("order", moment)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "01.05.2026", ""])
def test_complete_through_no_date(text):
    with pytest.raises(InputError, match="is no date"):
        end_of(text, UTC)
