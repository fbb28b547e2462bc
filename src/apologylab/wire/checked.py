"""What ``check`` found, as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from apologylab.design.aliases import aliases
from apologylab.design.arms import arms
from apologylab.design.experiment import Experiment
from apologylab.design.findings import Finding
from apologylab.design.fingerprint import fingerprint
from apologylab.design.forecast import forecast
from apologylab.design.layout import layout, weights_by_phase
from apologylab.design.words import amounts, money_in_words


def check_document(
    name: str, experiment: Experiment | None, findings: tuple[Finding, ...]
) -> Mapping[str, Any]:
    """The document of ``check --json``."""
    return {
        "format": "apologylab.check/1",
        "experiment": experiment.name if experiment else name,
        "passed": all(each.severity != "error" for each in findings),
        "findings": [_finding(each) for each in findings],
        **(_design(experiment) if experiment else {}),
    }


def _finding(found: Finding) -> Mapping[str, Any]:
    return {
        "path": found.path,
        "file": found.file,
        "line": found.line,
        "value": _sayable(found.value),
        "what": found.what,
        "do": found.do,
        "severity": found.severity,
        "related": list(found.related),
        "detail": found.detail,
    }


def _sayable(value: object) -> object:
    """A TOML value as JSON; what JSON cannot say (dates, infinity) as text."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value


def _design(experiment: Experiment) -> Mapping[str, Any]:
    return {
        "version": experiment.version,
        "fingerprint": fingerprint(experiment),
        "arms": [*arm_rows(experiment)],
        "never_drawn": never_drawn(experiment),
        "amounts": [
            {"path": path, "amount": str(money), "words": money_in_words(money)}
            for path, money in amounts(experiment)
        ],
        "aliases": dict(aliases(layout(experiment))),
        "budget": _budget(experiment),
        "looks": looks_document(experiment),
    }


def looks_document(experiment: Experiment) -> Mapping[str, Any] | None:
    """What the plan's looks cost; None where nothing is read before the end."""
    from apologylab.inference.sequential.price import looks_of
    from apologylab.inference.sequential.spending import Spending

    plan = experiment.plan
    if plan.sequential == "none":
        return None
    spending = Spending(shape=plan.spending, power=plan.spending_power)
    found = looks_of(plan.sequential, alpha=plan.alpha, spending=spending, looks=plan.looks)
    rows = zip(found.shares, found.critical, found.spent, strict=True)
    return {
        "method": plan.sequential,
        "spending": str(spending) if found.shares else None,
        "inflation": found.inflation,
        "expected": found.expected,
        "first_look": plan.first_look,
        "looks": [{"share": t, "critical_z": c, "alpha_spent": spent} for t, c, spent in rows],
    }


def arm_rows(experiment: Experiment) -> tuple[Mapping[str, Any], ...]:
    """Every arm that some phase draws, with its weight and probability in the first."""
    planned, *later = weights_by_phase(experiment)
    drawn = [name for name in planned if any(phase[name] > 0 for phase in (planned, *later))]
    total = sum(planned.values())
    return tuple(
        {
            "arm": name,
            "called": experiment.arms.names.get(name, ""),
            "reference": name == experiment.arms.reference,
            "weight": planned[name],
            "probability": planned[name] / total,
        }
        for name in drawn
    )


def never_drawn(experiment: Experiment) -> int:
    """How many combinations of levels no phase draws: a fraction leaves some out."""
    return len(arms(experiment)) - len(arm_rows(experiment))


def _budget(experiment: Experiment) -> Mapping[str, Any] | None:
    found = forecast(experiment)
    if found is None:
        return None
    return {
        "mean_liability": float(found.mean_liability),
        "currency": found.currency,
        "closes_after": found.closes_after,
        "cap": found.cap,
        "in_time": found.in_time,
        "expected": found.expected,
    }
