"""A fingerprint is equal exactly where two declarations mean the same, the owner aside."""

from __future__ import annotations

import copy
import random
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apologylab.design.arms import arms
from apologylab.design.experiment import Experiment
from apologylab.design.fingerprint import fingerprint
from apologylab.errors import DeclarationError
from apologylab.wire.declaration import read
from apologylab.wire.shape import read_table

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
NAMES = ("late_ride_apology", "delivery_timing", "hillstrom", "starbucks_promo")


def text(name: str) -> str:
    return (EXPERIMENTS / name / "experiment.toml").read_text(encoding="utf-8")


def built(document: dict[str, Any]) -> Experiment | None:
    draft, found = read_table(Experiment, document)
    if found:
        return None
    try:
        return draft.build()
    except DeclarationError:
        return None


def shuffled(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        draw.shuffle(keys)
        return {key: shuffled(value[key], draw) for key in keys}
    return [shuffled(each, draw) for each in value] if isinstance(value, list) else value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    entries = value.items() if isinstance(value, dict) else ()
    entries = enumerate(value) if isinstance(value, list) else entries
    inner = [leaf for key, each in entries for leaf in leaves(each, (*path, key))]
    return inner or [(path, value)]


def others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1, value / 2, value * 1.5]
    words = [
        "service",
        "none",
        "lower",
        "higher",
        "primary",
        "secondary",
        "count",
        "customer",
        "sticky",
        "first_only",
        "same",
        "silence",
        "caller",
        "today",
    ]
    words = words if value in words or value in {"lower", "face", "any"} else []
    amounts = [value.replace(" ", "1 ") if "." in value else f"1{value}"]
    return [f"{value}x", f"x{value}", *words, *amounts]


@pytest.mark.parametrize("name", NAMES)
def test_key_order_means_nothing(name):
    declared = tomllib.loads(text(name))
    original, draw = read(text(name), where=name), random.Random(1)
    for _ in range(20):
        again = built(shuffled(declared, draw))
        assert fingerprint(again) == fingerprint(original)
        if original.panel is None:
            assert arms(again) == arms(original)


@pytest.mark.parametrize("name", NAMES)
def test_comments_spaces_and_spelling_mean_nothing(name):
    original = read(text(name), where=name)
    bare = "\n".join(line.split("  #")[0] for line in text(name).splitlines()[1:])
    spelt = bare.replace(" = ", "   =\t").replace(".00 USD", " USD").replace("00.00 EUR", "00 EUR")
    assert fingerprint(read("# other\n\n" + spelt, where=name)) == fingerprint(original)


@pytest.mark.parametrize("name", NAMES)
def test_a_default_written_out_means_nothing(name):
    original = read(text(name), where=name)
    said = "format = 1\nversion = 1\n" + text(name)
    assert fingerprint(read(said, where=name)) == fingerprint(original)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_changes_the_experiment_changes_the_fingerprint(name):
    declared = tomllib.loads(text(name))
    original, changed = read(text(name), where=name), 0
    for path, value in leaves(declared):
        for other in others(value):
            document = copy.deepcopy(declared)
            around = document
            for key in path[:-1]:
                around = around[key]
            around[path[-1]] = other
            again = built(document)
            if again is None:
                continue
            same = replace(again, owner=original.owner) == original
            assert (fingerprint(again) == fingerprint(original)) == same, (path, other)
            changed += not same
    assert changed > len(leaves(declared)), changed


def test_the_owner_is_free_and_the_question_is_not():
    original = read(text("hillstrom"), where="hillstrom")
    assert fingerprint(replace(original, owner="someone else")) == fingerprint(original)
    assert fingerprint(replace(original, question="Another?")) != fingerprint(original)


def test_a_fingerprint_does_not_drift():
    """Pinned: a change here means that running experiments would seem to have been edited."""
    assert fingerprint(read(text("starbucks_promo"), where="")) == PINNED


PINNED = "52c13cc3ae861ebba2f8c4a8757620a9a68a19ac305b62b438325db727b30ccd"
