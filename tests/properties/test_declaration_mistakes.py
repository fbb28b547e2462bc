"""Every leaf of the shipped declarations, broken in every way: reported at its path and line.

A broken leaf is either valid by one of the rules in ``VALID`` or reported at exactly its path and
line; two broken leaves are both reported, unless one finding says in ``related`` that it was
concluded from the other leaf, which cannot be read any more.
"""

from __future__ import annotations

import copy
import json
import random
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from apologylab.design.findings import Finding, at
from apologylab.wire.declaration import check

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CAPPED = "late_ride_apology with every cap"
SCHEMES: dict[str, dict[str, Any]] = {
    "in blocks": {"scheme": "blocks", "strata": ["country", "tier"], "block_size": 16},
    "minimised": {"scheme": "minimisation", "strata": ["country", "tier"], "coin": 0.75},
    "in households": {"cluster": "household"},
}
"""Schemes of allocation, each put into a shipped declaration that draws units one by one."""
OWN = {CAPPED: ("allocation", "budget"), **dict.fromkeys(SCHEMES, ("allocation", "unit"))}
"""What each puts into ``late_ride_apology``; its other leaves are broken there."""
NAMES = ("late_ride_apology", CAPPED, "delivery_timing", "hillstrom", "starbucks_promo", *SCHEMES)
Keys = tuple[str | int, ...]


class Broken(NamedTuple):
    """One leaf, broken in one way; ``place`` is where its finding must stand."""

    how: str
    leaf: Keys
    value: Any
    place: Keys


def document(name: str) -> dict[str, Any]:
    """A declaration of its own for whoever asks: it may be changed."""
    return copy.deepcopy(read(name))


@cache
def read(name: str) -> dict[str, Any]:
    if name in SCHEMES:
        return balanced(document("late_ride_apology"), SCHEMES[name])
    if name == CAPPED:
        return capped(document("late_ride_apology"))
    return tomllib.loads((EXPERIMENTS / name / "experiment.toml").read_text(encoding="utf-8"))


def capped(declared: dict[str, Any]) -> dict[str, Any]:
    declared["allocation"] |= {"units_per_day": 500, "phases": [{"units_per_day": 900}]}
    declared["budget"] |= {
        "uses": 50_000,
        "per_customer": {"amount": "10.00 USD", "uses": 2, "days": 180},
        "per_period": {"amount": "900.00 USD", "uses": 150, "days": 7},
        "per_arm": {
            "none+usd5@1h": {"amount": "9000.00 USD", "uses": 2000},
            "basic+usd5@1h": {"uses": 2000},
        },
    }
    return declared


def balanced(declared: dict[str, Any], scheme: dict[str, Any]) -> dict[str, Any]:
    declared["allocation"] |= copy.deepcopy(scheme)
    if "cluster" in scheme:
        declared["unit"] = "cluster"
    if "coin" not in scheme:
        del declared["plan"]["covariates"]
    return declared


def leaves(value: Any, path: Keys = ()) -> list[tuple[Keys, Any]]:
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [leaf for place, each in enumerate(value) for leaf in leaves(each, (*path, place))]
    return [(path, value)]


def other_types(value: Any) -> list[Any]:
    return [
        each for each in (7, "seven", True, ["list"], {"a": 1}) if type(each) is not type(value)
    ]


def out_of_range(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return []
    if isinstance(value, str):
        amount = re.fullmatch(r"(\S+) ([A-Z]{3})", value)
        return ["", "x" * 600, *([f"-{value}", f"0.00001 {amount[2]}"] if amount else [])]
    return [-1, 10**12, float("nan")]


def broken(declared: dict[str, Any]) -> list[Broken]:
    """Every leaf in every way: deleted, of a wrong type, out of range, misspelt, not ASCII."""
    found = []
    for path, value in leaves(declared):
        found.append(Broken("delete", path, None, path))
        found += [Broken("wrong type", path, each, path) for each in other_types(value)]
        found += [Broken("out of range", path, each, path) for each in out_of_range(value)]
        if isinstance(value, str):
            found.append(Broken("non-ASCII", path, "ž" + value, path))
        if isinstance(path[-1], str):
            found += [
                Broken("misspelt key", path, path[-1] + "x", (*path[:-1], path[-1] + "x")),
                Broken("non-ASCII key", path, path[-1] + "ž", (*path[:-1], path[-1] + "ž")),
            ]
    return found


def breakable(name: str) -> list[Broken]:
    """What is broken one by one: each leaf of a shipped declaration, of the others their own."""
    own = OWN.get(name, tuple(document(name)))
    return [each for each in broken(document(name)) if each.leaf[0] in own]


def pairable(name: str) -> list[Broken]:
    """What is broken two by two: a cap with all the rest, too; of a scheme its own."""
    return broken(document(name)) if name == CAPPED else breakable(name)


def apply(declared: dict[str, Any], change: Broken) -> None:
    around: Any = declared
    for key in change.leaf[:-1]:
        around = around[key]
    last = change.leaf[-1]
    if change.how == "delete":
        del around[last]
    elif change.how.endswith("key"):
        around[change.value] = around.pop(last)
    else:
        around[last] = change.value


class Writer:
    """Writes a document as TOML and notes the line of every path, knowing nothing of our reader."""

    def __init__(self) -> None:
        self.lines: list[str] = ["# a comment"]
        self.places: dict[str, int] = {"": 1}

    def table(self, table: dict[str, Any], path: Keys = ()) -> None:
        nested = [key for key, value in table.items() if self.is_nested(value)]
        for key, value in table.items():
            if key not in nested:
                self.lines.append(f"{json.dumps(key)} = {self.inline(value)}")
                self.note(value, (*path, key))
        for key in nested:
            self.nested(table[key], (*path, key))

    def nested(self, value: Any, path: Keys) -> None:
        name = ".".join(json.dumps(key) for key in path if isinstance(key, str))
        if isinstance(value, dict):
            self.lines += ["", f"[{name}]"]
            self.places[at(*path)] = len(self.lines)
            self.table(value, path)
            return
        for place, each in enumerate(value):
            self.lines += ["", f"[[{name}]]"]
            self.places.setdefault(at(*path), len(self.lines))
            self.places[at(*path, place)] = len(self.lines)
            self.table(each, (*path, place))

    def is_nested(self, value: Any) -> bool:
        if isinstance(value, list):
            return bool(value) and all(isinstance(each, dict) for each in value)
        return isinstance(value, dict) and len(value) != 1

    def inline(self, value: Any) -> str:
        if isinstance(value, dict):
            inner = (f"{json.dumps(key)} = {self.inline(each)}" for key, each in value.items())
            return "{ " + ", ".join(inner) + " }"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.inline, value)) + "]"
        if isinstance(value, float):
            return repr(value)
        return json.dumps(value, ensure_ascii=False)

    def note(self, value: Any, path: Keys) -> None:
        self.places[at(*path)] = len(self.lines)
        entries = value.items() if isinstance(value, dict) else ()
        entries = enumerate(value) if isinstance(value, list) else entries
        for key, each in entries:
            self.note(each, (*path, key))


def examine(name: str, *changes: Broken) -> tuple[tuple[Finding, ...], dict[str, int]]:
    declared = document(name)
    for change in sorted(changes, key=lambda each: each.how.endswith("key")):
        apply(declared, change)
    writer = Writer()
    writer.table(declared)
    text = "\n".join(writer.lines)
    return check(text, where=name), writer.places


def line_of(place: Keys, places: dict[str, int]) -> int:
    """The line of a path, or of the nearest table around what is not there."""
    while at(*place) not in places:
        place = place[:-1]
    return places[at(*place)]


ABSENT_IS_FINE = re.compile(
    r"unit|eligibility\..*|repeats\.text|incident\.where\.country\[\d\]|never\.incidents\[\d\]"
    r"|factors\.\w+\[\d\]|arms\..*|compensation\.\w+\.cost_share"
    r"|allocation\.(weights.*|scheme|strata\[\d\]|block_size|coin)"
    r"|allocation\.(phases\[\d\]\.)?units_per_day"
    r"|budget\.(uses|per_\w+\.(amount|uses)|per_arm\.\"none.*\.(amount|uses))"
    r"|(today|floor)\.\w+|otherwise\.HOLDOUT|delivery\..*|messages\.\w+\[\d\]"
    r"|outcomes\[\d\]\.(settle_days|from_days|unit|better)|outcomes\[2\]\.where\.our_coupon"
    r"|plan\..*|decision\.(sales|message_cost|handling_cost|open_liability|worth\.\w+)"
    r"|panel\.(unit|covariates\[\d\]|arm_cost\.\w+)|wording\.\w+\.(parts|differs)\[\d\]"
)
"""What has a default, or is one of several; that others may now miss it is reported where they are."""
ANY_TEXT = re.compile(
    r"question|owner|incident\.where\.country\[\d\]|arms\.names\..*|outcomes\[\d\]\.(unit|column)"
    r"|panel\.(arm|unit|covariates\[\d\])|wording\.\w+\.promise\.(what|keeper)"
    r"|delivery\.quiet\.zone"
)
"""Words of people and columns of files: any script."""
ANY_KEY = re.compile(r"plan\.contrasts\.\w+|floor\.\w+")
"""Names of the author's choosing, to which nothing else refers."""
FILE_KEY = re.compile(r"allocation\.weights\..*")
"""In a file's declaration only the file knows its arms, unless another key names them too."""


def is_valid(change: Broken, declared: dict[str, Any]) -> bool:
    """Whether a broken leaf is a declaration that may be meant, by rule."""
    leaf = at(*change.leaf)
    money = leaf == "outcomes[0].unit" and declared["outcomes"][0]["unit"] == "USD"
    files_arm = "panel" in declared and FILE_KEY.fullmatch(leaf) is not None
    if change.how == "delete":
        needed = money or (files_arm and is_named(change, declared))
        needed |= leaf == "decision.open_liability" and "sticky" in str(declared.get("repeats"))
        needed |= leaf in ("delivery.quiet.begin", "delivery.quiet.end")
        needed |= leaf == "arms.reference" and declared["arms"]["reference"] != "silence"
        never_expires = leaf.endswith(".expires_days") and "open_liability" in declared["decision"]
        return (bool(ABSENT_IS_FINE.fullmatch(leaf)) and not needed) or never_expires
    if change.how == "wrong type":
        scalar = leaf.startswith("incident.where") and not isinstance(change.value, list | dict)
        return scalar or (leaf.endswith("worse_by_at_most") and change.value == 7)
    if change.how == "non-ASCII":
        return bool(ANY_TEXT.fullmatch(leaf)) and not money
    if change.how.endswith("key") and files_arm:
        return not is_named(change, declared)
    return change.how == "misspelt key" and bool(ANY_KEY.fullmatch(leaf))


def is_named(change: Broken, declared: dict[str, Any]) -> bool:
    """Whether another key of a file's declaration names the arm whose weight is broken."""
    named = {declared["arms"]["reference"], *declared["panel"].get("arm_cost", {})}
    return change.leaf[-1] in named


def errors(found: tuple[Finding, ...]) -> list[Finding]:
    return [each for each in found if each.severity == "error"]


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_declarations_have_no_finding(name):
    found, _ = examine(name)
    assert found == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_broken_leaf_is_valid_by_rule_or_reported_at_its_path_and_line(name):
    declared = document(name)
    changes = breakable(name)
    for change in changes:
        found, places = examine(name, change)
        here = [each for each in errors(found) if each.path == at(*change.place)]
        if is_valid(change, declared):
            assert not here, (change, here)
        else:
            assert here, (change, found)
            assert here[0].line == line_of(change.place, places), (change, here)
            assert here[0].what, change
            assert here[0].do, change
    assert len(changes) > 6 * len({change.leaf for change in changes})


def names(found: tuple[Finding, ...], change: Broken) -> bool:
    return any(each.path == at(*change.place) for each in errors(found))


def is_below(path: str, around: str) -> bool:
    return path == around or path.startswith((f"{around}.", f"{around}["))


def depends(found: tuple[Finding, ...], change: Broken, other: Broken) -> bool:
    """Whether the finding on ``change`` was concluded from the leaf that ``other`` breaks."""
    ours = (each for each in found if each.path == at(*change.place))
    return any(is_below(at(*other.leaf), path) for each in ours for path in each.related)


def check_pairs(name: str, count: int, seed: int) -> None:
    declared = document(name)
    reported = [each for each in pairable(name) if not is_valid(each, declared)]
    alone = cache(lambda place: examine(name, reported[place])[0])
    draw, checked = random.Random(seed), 0
    while checked < count:
        first, second = draw.sample(range(len(reported)), 2)
        one, two = reported[first], reported[second]
        if one.leaf[:-1] == two.leaf[:-1] and (one.leaf[-1] == two.leaf[-1] or is_item(one, two)):
            continue
        both, _ = examine(name, one, two)
        if not depends(alone(first), one, two):
            assert names(both, one), (one, two, both)
        if not depends(alone(second), two, one):
            assert names(both, two), (two, one, both)
        checked += 1


def is_item(one: Broken, two: Broken) -> bool:
    """Items of one list, whose places move when one is deleted."""
    return isinstance(one.leaf[-1], int) and "delete" in {one.how, two.how}


@pytest.mark.parametrize("name", NAMES)
def test_pairs_of_mistakes_give_both(name):
    check_pairs(name, 60, seed=20_260_101)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_pairs_of_mistakes_give_both(name, counts, record_property):
    record_property("seed", 7)
    check_pairs(name, counts(3_000, 20_000), seed=7)
