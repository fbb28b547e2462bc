"""What is said of an effect and of a verdict (R36)."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from itertools import product

import pytest

from apologylab.decision.rule import Evidence, verdict_word
from apologylab.decision.verdict import ArmValue
from apologylab.decision.words import reasons, value_sentence, verdict_sentence
from apologylab.design.rule import parse_rule
from apologylab.inference.results import Estimate
from apologylab.inference.sentence import number, sentence

FORBIDDEN = re.compile(
    r"\bworks?\b|\bworked\b|no effect|significan|\bproves?\b|\bproven\b", re.IGNORECASE
)
SPEAKING = ("inference", "decision", "report", "service", "notebook", "cli/status_screen.py")

EFFECT = Estimate(
    outcome="spend",
    role="primary",
    unit="USD",
    treatment="basic+usd5@1h",
    reference="silence",
    reference_mean=20.0,
    estimand="",
    estimator="difference_in_means",
    point=-0.31,
    std_error=0.3,
    df=1000.0,
    ci_low=-0.9,
    ci_high=0.28,
    level=0.95,
    interval_kind="",
    p_value=0.3,
    p_adjusted=0.6,
    family="",
    look=0,
    phase="1",
    n_assigned=1000,
    n_treatment=500,
    n_reference=500,
    smallest_detectable=0.85,
)


def test_the_sentence_of_an_undecided_effect():
    assert sentence(EFFECT, alpha=0.05) == (
        "sending `basic+usd5@1h` changed spend by -0.31 USD per customer "
        "(95%: -0.90 to +0.28): we cannot tell; we could have seen 0.85"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"p_value": 0.001, "p_adjusted": 0.002, "ci_high": -0.1}, "rarely give this"),
        ({"p_value": 0.04, "p_adjusted": 0.2, "ci_high": -0.1}, "once all tests are counted"),
        ({"p_value": 0.04, "p_adjusted": None, "ci_high": -0.1}, r"\(p 0.04\)"),
        ({"p_value": 1e-9, "p_adjusted": 2e-7}, r"\(adjusted p < 0\.0001\)"),
        ({"kind": "factor", "treatment": "coupon=usd5"}, "^`coupon=usd5` against `silence`"),
        ({"unit": "share of customers"}, "by -31 percentage points .*could have seen 85$"),
    ],
)
def test_the_sentence_follows_the_evidence(changed, said):
    assert re.search(said, sentence(replace(EFFECT, **changed), alpha=0.05))


def test_no_sentence_says_more_than_an_interval_can():
    rule = parse_rule("lower(value_vs_reference) > 0")
    for p, adjusted, kind in product((0.0001, 0.04, 0.9), (None, 0.01, 0.5), ("arm", "factor")):
        said = sentence(replace(EFFECT, p_value=p, p_adjusted=adjusted, kind=kind), alpha=0.05)
        assert not FORBIDDEN.search(said)
    for low, high in ((0.1, 0.9), (-0.9, -0.1), (-0.5, 0.5)):
        value = ArmValue(
            arm="a", point=0.0, std_error=0.2, ci_low=low, ci_high=high, level=0.95,
            interval_kind="pointwise", n=9,
        )  # fmt: skip
        for ended, failed in product((True, False), ((), ("sample ratio",))):
            found = Evidence(values=[value], unread={}, ended=ended, failed=failed)
            word = verdict_word(rule, found)
            told = verdict_sentence(word, rule, found, reference="silence", currency="USD")
            assert told.endswith(".")
            assert word not in told.lower(), "the verdict's word stands above its sentence"
            lines = reasons(rule, found, reference="silence", currency="USD")
            assert not FORBIDDEN.search(" ".join([told, *lines]))


def test_no_text_in_the_code_that_speaks_of_effects_says_works_or_no_effect(root):
    said = []
    for place in SPEAKING:
        path = root / "src" / "apologylab" / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            documented = {id(text) for text in (*_docstrings(tree), *_after_a_test(file, tree))}
            said += [
                f"{file.name}:{node.lineno} {node.value!r}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in documented
                and FORBIDDEN.search(node.value)
            ]
    assert said == []


def _after_a_test(file, tree):
    """The texts of the one function that may say so: of declared tests that passed (R36).

    tests/reference/test_declared_against_statsmodels.py holds that it says nothing without one.
    """
    if file.name == "sentence.py":
        (speaks,) = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == "_after_a_declared_test"
        ]
        yield from ast.walk(speaks)


def _docstrings(tree):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield statement.value


def test_a_simultaneous_interval_says_so():
    value = ArmValue(
        arm="a", point=-0.5, std_error=0.2, ci_low=-1.0, ci_high=0.1, level=0.95,
        interval_kind="simultaneous over 7 (Bonferroni)", n=9,
    )  # fmt: skip
    assert value_sentence(value, reference="silence", currency="USD") == (
        "sending `a` instead of `silence` changed net value by -0.50 USD per affected customer "
        "(95%, simultaneous over 7 (Bonferroni): -1.00 to +0.10)"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.678, "+12,346"), (0.000012345, "+1.234e-05"), (-3.0, "-3.000")],
)
def test_numbers_are_readable(value, text):
    assert number(value, signed=True) == text
