"""Rules about what kind of experiment it is: a live one, or a file of finished outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from apologylab.design.experiment import Allocation, Decision, Experiment, Outcome
from apologylab.design.findings.finding import Finding, Rule, Unreadable, at, each
from apologylab.design.plan import Plan

if TYPE_CHECKING:
    from apologylab.design.findings.finding import Part

_LEDGER_ONLY = (
    "salt", "incident", "eligibility", "repeats", "factors", "holdout", "layer", "compensation",
    "budget", "today", "floor", "otherwise", "never", "overrides", "delivery", "messages",
)  # fmt: skip
_WHY = "is for incidents that we draw and record; a file of finished outcomes has none"


def needs_a_source(experiment: Experiment) -> Iterator[Finding]:
    """Units come from an incident, or from a file."""
    if experiment.panel is None and experiment.incident is None:
        yield Finding(
            path="incident",
            what="is missing",
            do="add [incident] with its kind, or [panel] for a file of finished outcomes",
        )


def panel_claims_tables(experiment: Experiment) -> Iterator[Finding]:
    """A file's declaration has none of the tables that only a ledger gives."""
    if experiment.panel is not None:
        yield from _claims(experiment, Experiment, _LEDGER_ONLY)


def panel_claims_keys(experiment: Experiment) -> Iterator[Finding]:
    """Nor the keys within the others."""
    if experiment.panel is None:
        return
    keys = (
        "entry", "units_per_day", "timing", "phases",
        "scheme", "strata", "block_size", "coin", "cluster",
    )  # fmt: skip
    yield from _claims(experiment.allocation, Allocation, keys, "allocation")
    yield from _claims(experiment.plan, Plan, ("expected_customers", "enrol_days"), "plan")


def panel_claims_costs(experiment: Experiment) -> Iterator[Finding]:
    """A file's costs stand in panel.arm_cost."""
    if experiment.panel is not None and experiment.decision is not None:
        keys = ("message_cost", "handling_cost", "open_liability")
        yield from _claims(experiment.decision, Decision, keys, "decision")


@each(lambda experiment: experiment.outcomes, "outcomes")
def panel_claims_windows(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A file's outcomes are columns, already measured."""
    if experiment.panel is None:
        return
    keys = (
        "fact", "measure", "where", "from_days", "window_days", "settle_days", "pre_days",
        "weekly",
    )  # fmt: skip
    for found in _claims(outcome, Outcome, keys):
        yield Finding(path=f"{path}.{found.path}", value=found.value, what=found.what, do=found.do)


def _claims(value: Any, kind: type, keys: tuple[str, ...], *path: Part) -> Iterator[Finding]:
    """A finding for each of ``keys`` that was given another value than its default."""
    for name in keys:
        if _given(value, kind, name):
            yield Finding(path=at(*path, name), what=_WHY, do=f"delete {at(*path, name)}")


def _given(value: Any, kind: type, name: str) -> bool:
    declared = next(one for one in fields(kind) if one.name == name)
    factory = declared.default_factory
    try:
        return bool(
            getattr(value, name) != (factory() if factory is not MISSING else declared.default)
        )
    except Unreadable:
        return False


RULES: tuple[Rule, ...] = (
    needs_a_source,
    panel_claims_tables,
    panel_claims_keys,
    panel_claims_costs,
    panel_claims_windows,
)
