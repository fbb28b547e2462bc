"""What must hold of draws whatever the design (R1)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from apologylab.assignment.answers import arm_weights
from apologylab.assignment.assigner import Assigner
from apologylab.assignment.draw import compile_draw
from apologylab.assignment.hashing import ENTRY, cut_points, experiment_prefix, share_bound, word
from apologylab.assignment.units import normalise
from apologylab.design.experiment import Allocation
from apologylab.errors import UnitIdError
from apologylab.warehouse.draw import draw_query, invalid
from apologylab.wire.declaration import read

VECTORS = Path(__file__).parents[1] / "vectors" / "assignment.json"
DECLARATIONS = json.loads(VECTORS.read_text())["declarations"]
LIGHT = read(DECLARATIONS["late_ride_light"], where="light")
PLAIN = replace(LIGHT, holdout=None)
LATE = {"kind": "late_ride", "minutes_late": 25, "country": "US", "consent": "service"}
ALARM = 1e-6
"""False-alarm rate of each frequency test; the units are fixed, so a pass stays a pass."""

any_id = st.text(max_size=300)
weights = st.lists(st.integers(0, 1000), min_size=2, max_size=60).filter(any)


def valid(unit, rule="nfc"):
    try:
        normalise(unit, rule)
    except UnitIdError:
        return False
    return True


@given(any_id)
def test_a_draw_is_the_same_again_and_from_another_compiler(unit):
    assume(valid(unit))
    first, again = (compile_draw(LIGHT)(unit, LATE) for _ in range(2))
    proposed = Assigner(LIGHT).propose(unit, LATE)
    assert first == again
    assert first._replace(reason="") == proposed._replace(reason="")


@given(any_id, st.sampled_from(["exact", "nfc", "nfc_ascii_lower"]))
def test_normalising_twice_changes_nothing(unit, rule):
    assume(valid(unit, rule))
    once = normalise(unit, rule)
    assert normalise(once, rule) == once
    assert 1 <= len(once) <= 255
    assert len(once.encode()) <= 1024


@settings(max_examples=40, deadline=None)
@given(st.lists(any_id, min_size=1, max_size=40))
def test_sql_and_python_agree_on_any_ids(ids):
    ids = [unit for unit in ids if not any("\ud800" <= letter <= "\udfff" for letter in unit)]
    assume(ids)
    draw = compile_draw(LIGHT)
    expected = [
        (normalise(unit, "nfc"), answer.arm, answer.reason, answer.because)
        for unit in ids
        if valid(unit) and (answer := draw(unit, LATE))
    ]
    query = draw_query(LIGHT, source="units", unit="id", columns=["id"])
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE units AS SELECT unnest(?::VARCHAR[]) AS id", [ids])
        rows = engine.sql(f"SELECT unit, arm, reason, because FROM ({query})").fetchall()
        refused = engine.sql(f"SELECT count({invalid('id', 'nfc')}) FROM units").fetchone()
    assert rows == expected
    assert refused == (len(ids) - len(expected),)


@given(weights, st.integers(0, 60), st.integers(0, 2**64 - 1))
def test_an_arm_at_weight_zero_changes_nobody_wherever_it_stands(declared, place, value):
    longer = [*declared[:place], 0, *declared[place:]]
    assert cut_points([weight for weight in longer if weight]) == cut_points(
        [weight for weight in declared if weight]
    )
    assert value.to_bytes(8) >= share_bound(0.0)


def test_a_level_added_at_weight_zero_changes_nobody():
    levels = ("none", "basic", "status", "commitment")
    units = [f"customer-{number}" for number in range(2_000)]
    before = Assigner(PLAIN)
    for place in range(1, 5):
        longer = (*levels[:place], "new", *levels[place:])
        named = dict.fromkeys(arm_weights(PLAIN, 1), 1)
        experiment = replace(
            PLAIN,
            factors=PLAIN.factors | {"wording": longer},
            allocation=Allocation(weights=named),
        )
        after = Assigner(experiment)
        for unit in units:
            assert after.propose(unit, LATE) == before.propose(unit, LATE)


def design(arms):
    """``arms`` arms with unequal weights, and these weights by arm."""
    others = [f"w{number:02}" for number in range(1, arms)]
    unequal = {"silence": 5} | {name: 1 + (7 * i) % 13 for i, name in enumerate(others)}
    factors = {"wording": ("none", *others)}
    allocation = Allocation(weights=unequal)
    return replace(PLAIN, factors=factors, compensation={}, allocation=allocation), unequal


@pytest.mark.parametrize("arms", [2, 8, 60])
def test_frequencies_are_the_weights(arms):
    check_frequencies(arms, 1_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 8, 60])
def test_frequencies_are_the_weights_over_ten_million(arms):
    check_frequencies(arms, 10_000_000)


def check_frequencies(arms, n):
    """Chi-square of the counts against the weights, false alarm 1e-6; and each arm within 6 sd."""
    experiment, declared = design(arms)
    query = draw_query(experiment, source="units", unit="unit", columns=["unit"])
    with duckdb.connect() as engine:
        engine.execute(f"CREATE VIEW units AS SELECT 'customer-' || i AS unit FROM range({n}) t(i)")
        counted = dict(engine.sql(f"SELECT arm, count(*) FROM ({query}) GROUP BY arm").fetchall())
    assert set(counted) == set(declared)
    assert sum(counted.values()) == n
    total = sum(declared.values())
    expected = [n * weight / total for weight in declared.values()]
    observed = [counted[arm] for arm in declared]
    assert stats.chisquare(observed, expected).pvalue > ALARM
    for seen, wanted in zip(observed, expected, strict=True):
        assert abs(seen - wanted) < 6 * (wanted * (1 - wanted / n)) ** 0.5


UNITS = [f"customer-{number}".encode() for number in range(40_000)]


def independent(first, second):
    """Chi-square of the joint table of two draws in 8 slices each, false alarm 1e-6."""
    table = Counter(zip(first, second, strict=True))
    return (
        stats.chi2_contingency([[table[i, j] for j in range(8)] for i in range(8)]).pvalue > ALARM
    )


def slices(prefix, label):
    return [word(sha256(prefix + unit).digest(), label)[0] // 32 for unit in UNITS]


def test_draws_with_other_labels_are_uncorrelated():
    prefix = experiment_prefix(PLAIN)
    words = [slices(prefix, label) for label in range(4)]
    for later in range(1, 4):
        for earlier in range(later):
            assert independent(words[earlier], words[later]), (earlier, later)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, salt="2"),
        replace(PLAIN, name="late_ride_light2"),
        replace(PLAIN, name="another"),
    ],
)
def test_draws_with_other_salts_or_names_are_uncorrelated(other):
    ours, theirs = (slices(experiment_prefix(one), ENTRY) for one in (PLAIN, other))
    assert independent(ours, theirs)


def test_the_chi_square_would_see_a_shared_draw():
    ours = slices(experiment_prefix(PLAIN), ENTRY)
    assert not independent(ours, ours)
