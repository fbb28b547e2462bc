"""What can be measured is what the facts record."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import datetime
from typing import get_args, get_origin, get_type_hints

import pytest

from apologylab.design.experiment import FactName
from apologylab.design.measures import COLUMNS, HARMS
from apologylab.record.facts import KINDS

NOT_FILTERED = {"key", "occurred_at", "customer"}


@pytest.mark.parametrize("fact", get_args(FactName))
def test_columns_are_the_facts_fields(fact):
    hints = get_type_hints(KINDS[fact])
    expected = {}
    for field in dataclasses.fields(KINDS[fact]):
        hint = hints[field.name]
        kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        plain = next(kind for kind in kinds if kind is not types.NoneType)
        if field.name in NOT_FILTERED or plain is datetime or get_origin(plain) is Mapping:
            continue
        expected[field.name] = plain
    expected = {name: kind for name, kind in expected.items() if kind in {str, int, float, bool}}
    assert dict(COLUMNS[fact]) == expected


def test_every_measurable_fact_has_columns():
    assert set(COLUMNS) == set(get_args(FactName))
    assert set(COLUMNS) > HARMS
