"""The table of verdicts: every way in which arms, guardrails and checks can stand (R34, R35)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apologylab.decision.rule import Evidence, arm_state, recommended, verdict_word
from apologylab.decision.verdict import ArmValue, GuardrailReading
from apologylab.design.rule import parse_rule

RULE = parse_rule("lower(value_vs_reference) > 0")


def value(arm, low, high):
    return ArmValue(
        arm=arm,
        point=(low + high) / 2,
        std_error=(high - low) / 4,
        ci_low=low,
        ci_high=high,
        level=0.95,
        interval_kind="pointwise",
        n=100,
    )


def guardrail(arm, state):
    return GuardrailReading(
        outcome="complaints",
        arm=arm,
        comparator="silence",
        bound=0.1,
        worse_by=0.0,
        ci_low=-0.1,
        ci_high=0.1,
        state=state,
        unit="share of customers",
    )


WINS, LOSES, OPEN = value("a", 0.1, 0.9), value("a", -0.9, -0.1), value("a", -0.5, 0.5)


def evidence(*values, guardrails=(), unread=None, failed=(), ended=True):
    return Evidence(
        values=values, guardrails=guardrails, unread=unread or {}, failed=failed, ended=ended
    )


@pytest.mark.parametrize(
    ("standing", "states", "state"),
    [
        (WINS, (), "ships"),
        (WINS, ("safe",), "ships"),
        (WINS, ("safe", "undecided"), "open"),
        (WINS, ("safe", "broken"), "ruled out"),
        (OPEN, ("safe",), "open"),
        (OPEN, ("broken",), "ruled out"),
        (LOSES, ("safe",), "ruled out"),
        (LOSES, ("undecided",), "ruled out"),
        (value("a", 0.0, 0.5), (), "open"),  # the rule says above, not at
        (value("a", -0.5, 0.0), (), "open"),
    ],
)
def test_where_an_arm_stands(standing, states, state):
    found = evidence(standing, guardrails=[guardrail("a", each) for each in states])
    assert arm_state(RULE, standing, found) == state


def test_a_guardrail_of_another_arm_does_not_matter():
    found = evidence(WINS, guardrails=[guardrail("b", "broken")])
    assert arm_state(RULE, WINS, found) == "ships"


def test_an_arm_whose_guardrail_could_not_be_read_does_not_ship():
    found = evidence(WINS, unread={"a": "guardrail complaints cannot be read"})
    assert arm_state(RULE, WINS, found) == "open"


def test_a_threshold_moves_the_bar():
    rule = parse_rule("lower(value_vs_reference) > 0.20 USD")
    assert arm_state(rule, WINS, evidence(WINS)) == "open"
    assert arm_state(rule, OPEN, evidence(OPEN)) == "open"
    assert arm_state(rule, value("a", -0.5, 0.1), evidence(OPEN)) == "ruled out"


B_WINS, B_LOSES, B_OPEN = (replace(each, arm="b") for each in (WINS, LOSES, OPEN))


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (evidence(WINS, B_LOSES), "ship"),
        (evidence(WINS, B_OPEN), "ship"),
        (evidence(LOSES, B_LOSES), "do not ship"),
        (evidence(LOSES, B_OPEN), "ended without an answer"),
        (evidence(OPEN, B_OPEN), "ended without an answer"),
        (evidence(LOSES, unread={"b": "no variance"}), "ended without an answer"),
        (evidence(LOSES, unread={"a": "a guardrail"}), "do not ship"),
        (evidence(WINS, unread={"b": "no variance"}), "ship"),
        (evidence(WINS, guardrails=[guardrail("a", "broken")]), "do not ship"),
        (evidence(WINS, guardrails=[guardrail("a", "undecided")]), "ended without an answer"),
        (evidence(unread={"a": "no variance"}), "not estimable"),
        (evidence(), "not estimable"),
        (evidence(WINS, failed=["sample ratio"]), "not estimable"),
        (evidence(ended=False), "keep running"),
        (evidence(ended=False, failed=["sample ratio"]), "not estimable"),
    ],
)
def test_the_verdict(found, word):
    assert verdict_word(RULE, found) == word


def test_the_arm_with_the_highest_lower_end_is_recommended():
    sure, rich = value("sure", 0.2, 0.4), value("rich", 0.1, 2.0)
    assert recommended(RULE, evidence(rich, sure)) == sure
    assert recommended(RULE, evidence(OPEN, LOSES)) is None
