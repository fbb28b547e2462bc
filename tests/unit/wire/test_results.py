"""The JSON documents of format 1, beside golden ones: fields are added, never renamed."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from apologylab.errors import StateError
from apologylab.service.analyse import analyse_panel
from apologylab.service.decide import decide_panel
from apologylab.service.table import wanted_of
from apologylab.warehouse.panel_frame import panel_frame
from apologylab.wire.declaration import read
from apologylab.wire.results import analysis_document, verdict_document

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DECLARATION = """
name = "notes"
question = "Does a note pay?"
owner = "tests"
[panel]
arm = "arm"
arm_cost = { note = "0.15 USD" }
[arms]
reference = "none"
[allocation]
weights = { none = 1, note = 1 }
[[outcomes]]
name = "spend"
column = "spend"
unit = "USD"
role = "primary"
[[outcomes]]
name = "complaints"
column = "complaints"
role = "guardrail"
better = "lower"
worse_by_at_most = 0.5
[decision]
margin = 0.5
sales = "spend"
ship_if = "lower(value_vs_reference) > 0"
"""
# Sums of these are exact in binary, so every machine gives the same digits.
TABLE = {
    "arm": ["none", "note"] * 8,
    "spend": [0, 4, 2, 8, 1, 6, 0, 9, 3, 5, 0, 7, 2, 8, 1, 9],
    "complaints": [0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0],
}


@pytest.fixture(scope="module")
def experiment():
    return read(DECLARATION, where="notes")


def panel(experiment, table=None):
    return panel_frame(pa.table(table or TABLE), wanted_of(experiment, "the table"))


def departures(name, document):
    """Where a document lacks a field of the golden one, or has another value (to ten digits)."""
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return list(_departures(golden, json.loads(json.dumps(document, allow_nan=False)), name))


def _departures(golden, ours, where):
    if type(golden) is not type(ours):
        yield f"{where}: {ours!r} is not {golden!r}"
    elif isinstance(golden, dict):
        yield from (f"{where}.{key} is gone" for key in golden.keys() - ours.keys())
        for key in golden.keys() & ours.keys():
            yield from _departures(golden[key], ours[key], f"{where}.{key}")
    elif isinstance(golden, list) and len(golden) == len(ours):
        for i, (a, b) in enumerate(zip(golden, ours, strict=True)):
            yield from _departures(a, b, f"{where}[{i}]")
    elif isinstance(golden, float) and math.isclose(golden, ours, rel_tol=1e-10, abs_tol=1e-12):
        return
    elif golden != ours:
        yield f"{where}: {ours!r} is not {golden!r}"


def test_an_analysis(experiment):
    analysis = analyse_panel(experiment, panel(experiment), now=NOW)
    assert departures("analysis-1", analysis_document(analysis)) == []


def test_a_verdict(experiment):
    verdict = decide_panel(experiment, panel(experiment), now=NOW)
    document = verdict_document(verdict)
    assert departures("verdict-1", document) == []
    assert departures("verdict-1", document | {"verdict": "do not ship"}) == [
        "verdict-1.verdict: 'do not ship' is not 'ship'"
    ]


CONTRACT = {
    "experiment", "version", "as_of", "checks", "estimates", "deviations_from_plan", "format",
}  # fmt: skip
ESTIMATE = {
    "outcome", "unit", "treatment", "reference", "reference_mean", "estimand", "estimator",
    "point", "std_error", "ci_low", "ci_high", "interval_kind", "p_value", "p_adjusted", "family",
    "look", "phase", "n_assigned", "n_treatment", "n_reference", "smallest_detectable",
}  # fmt: skip


def test_the_contract_of_the_first_release_is_kept(experiment):
    analysis = analysis_document(analyse_panel(experiment, panel(experiment), now=NOW))
    assert analysis.keys() >= CONTRACT
    assert analysis["format"] == "apologylab.analysis/1"
    assert all(each.keys() >= ESTIMATE for each in analysis["estimates"])
    assert all(
        each.keys() >= {"name", "statistic", "p_value", "passed"} for each in analysis["checks"]
    )
    verdict = verdict_document(decide_panel(experiment, panel(experiment), now=NOW))
    assert verdict.keys() >= {
        "format", "verdict", "recommended_arm", "reference", "unit", "reasons", "values",
    }  # fmt: skip
    (value,) = verdict["values"]
    assert value.keys() >= {"arm", "point", "ci_low", "ci_high", "level", "interval_kind"}


def test_a_failed_sample_ratio_makes_it_not_estimable(experiment):
    rows = {name: values * 50 for name, values in TABLE.items()}
    kept = [i for i, arm in enumerate(rows["arm"]) if arm == "note" or i % 4]
    skewed = {name: [values[i] for i in kept] for name, values in rows.items()}
    verdict = decide_panel(experiment, panel(experiment, skewed), now=NOW)
    assert verdict.verdict == "not estimable"
    assert verdict.values == ()
    assert verdict.recommended_arm is None
    assert verdict.reasons[0].startswith("failed check: sample ratio")


def test_a_guardrail_that_never_varies_is_not_read_as_safe(experiment):
    calm = TABLE | {"complaints": [0] * 16}
    verdict = decide_panel(experiment, panel(experiment, calm), now=NOW)
    assert verdict.verdict == "ended without an answer"
    assert verdict.values[0].ci_low > 0
    assert any("guardrail complaints cannot be read" in reason for reason in verdict.reasons)


def test_a_declaration_without_a_decision_cannot_be_decided(experiment):
    text = DECLARATION.split("[decision]", maxsplit=1)[0].replace(
        'arm_cost = { note = "0.15 USD" }', ""
    )
    undecided = read(text, where="notes")
    with pytest.raises(StateError, match=r"declares no \[decision\]"):
        decide_panel(undecided, panel(undecided), now=NOW)


def test_v_is_never_an_effect_less_a_constant(experiment):
    """The cost of the arm is in each unit's v, so its variance and its reference are v's own."""
    verdict = decide_panel(experiment, panel(experiment), now=NOW)
    spend = [TABLE["spend"][i::2] for i in (0, 1)]
    none, note = (sum(each) / 8 for each in spend)
    assert verdict.values[0].point == pytest.approx(0.5 * (note - none) - 0.15, rel=1e-12)
    assert verdict.values[0].break_even_compensation == pytest.approx(
        0.5 * (note - none), rel=1e-12
    )
