"""The committed schema is the generated one, and says what the reader says of shape."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from apologylab.design.experiment import Experiment
from apologylab.design.findings import findings
from apologylab.wire.json_schema import json_schema
from apologylab.wire.shape import read_table

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
NAMES = ("late_ride_apology", "delivery_timing", "hillstrom", "starbucks_promo")
VALIDATOR = Draft202012Validator(json_schema())


def document(name: str) -> dict[str, Any]:
    return tomllib.loads((EXPERIMENTS / name / "experiment.toml").read_text(encoding="utf-8"))


def test_the_committed_schema_is_the_generated_one():
    committed = json.loads((EXPERIMENTS / "experiment.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), "run: apologylab schema > experiments/experiment.schema.json"


def test_the_schema_is_itself_valid():
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_declarations_validate_and_name_the_schema(name):
    VALIDATOR.validate(document(name))
    text = (EXPERIMENTS / name / "experiment.toml").read_text(encoding="utf-8")
    schema = text.splitlines()[0].removeprefix("#:schema ")
    assert (EXPERIMENTS / name / schema).resolve() == EXPERIMENTS / "experiment.schema.json"


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    entries = value.items() if isinstance(value, dict) else ()
    entries = enumerate(value) if isinstance(value, list) else entries
    return [path, *(place for key, each in entries for place in places(each, (*path, key)))]


WORDS = st.sampled_from(
    [
        *("", "x", "ž", "a b", "a\x01b", "x" * 65, "x" * 600, "en", "5.00 USD", "0 USD"),
        *("0.001 USD", "0.00 EUR", "100 JPY", "1.5 JPY", "1.123 KWD", "-1 USD", "silence"),
        *("equal", "sum(x)", "any"),
    ]
)
VALUES = st.recursive(
    WORDS
    | st.booleans()
    | st.integers(-3, 4_000)
    | st.integers(10**9, 10**10)
    | st.sampled_from([0.5, -0.5, 1.5, 0.05, 1e-9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_schema_and_reader_agree_on_shape(name, data):
    declared = copy.deepcopy(document(name))
    place = data.draw(st.sampled_from(places(declared)[1:]))
    around: Any = declared
    for key in place[:-1]:
        around = around[key]
    match data.draw(st.sampled_from(["set", "set", "delete", "rename"])):
        case "set":
            around[place[-1]] = data.draw(VALUES)
        case "delete":
            del around[place[-1]]
        case "rename":
            if isinstance(around, dict):
                around[data.draw(WORDS)] = around.pop(place[-1])
    draft, found = read_table(Experiment, declared)
    assert all(each.path and each.what and each.do for each in findings(draft))
    assert bool(found) == (not VALIDATOR.is_valid(declared)), (place, found, declared)
