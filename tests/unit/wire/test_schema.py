"""Table and column names: derived from the facts, and the same in the database."""

from __future__ import annotations

import pytest

from apologylab.record.columns import columns, kind_of
from apologylab.record.facts import KINDS, Incident, Order, SurveyAnswer
from apologylab.storage.tables import FACTS
from apologylab.wire.schema import INDEXED, table, tables


def test_every_kind_has_a_table_and_every_field_a_column():
    assert [shape.kind for shape in tables()] == list(KINDS)
    for kind, fact in KINDS.items():
        shape = table(fact)
        assert shape.name == f"fact_{kind}"
        assert kind_of(fact) == kind
        names = [column.name for column in shape.columns]
        assert names == ["seq", *fact.__dataclass_fields__, "recorded_at"]
        assert names == [column.name for column in FACTS[fact].columns]


@pytest.mark.parametrize(
    ("fact", "name", "expected"),
    [
        (Order, "key", ("text", False, True, None)),
        (Order, "occurred_at", ("time", False, True, None)),
        (Order, "list_amount", ("integer", False, True, None)),
        (Order, "our_coupon", ("boolean", False, False, False)),
        (Order, "returned_amount", ("integer", False, False, 0)),
        (Incident, "cause", ("text", True, False, None)),
        (Incident, "fields", ("json", False, False, {})),
        (SurveyAnswer, "score", ("real", True, False, None)),
    ],
)
def test_a_column_says_its_type_and_what_may_be_left_out(fact, name, expected):
    column = next(column for column in columns(fact) if column.name == name)
    assert (column.type, column.nullable, column.required, column.default) == expected


def test_indexes_are_of_columns_that_are_there():
    for kind, names in INDEXED.items():
        assert set(names) <= {column.name for column in table(KINDS[kind]).fields}
