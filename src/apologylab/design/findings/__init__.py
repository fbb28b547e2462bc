"""What can be wrong with a declaration: one list of rules, run over an experiment or a draft.

A draft has an experiment's attributes, but a leaf that could not be read raises
:class:`Unreadable` when touched. A rule that needs such a leaf is silent; all others still report,
so that every mistake is found at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.design.findings import (
    adjusting,
    allocation,
    arms,
    budget,
    declared,
    follow_ups,
    giving,
    incident,
    looking,
    margins,
    markets,
    outcomes,
    placeholders,
    plan,
    remedies,
    routes,
    setting,
    times,
    timing,
    value,
    wording,
)
from apologylab.design.findings.finding import Finding, Rule, Unreadable, at, run
from apologylab.errors import DeclarationError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

__all__ = ["Finding", "Unreadable", "at", "findings", "mistakes", "raise_first"]

RULES: tuple[Rule, ...] = (
    *setting.RULES,
    *incident.RULES,
    *arms.RULES,
    *allocation.RULES,
    *remedies.RULES,
    *routes.RULES,
    *follow_ups.RULES,
    *wording.RULES,
    *placeholders.RULES,
    *giving.RULES,
    *markets.RULES,
    *budget.RULES,
    *outcomes.RULES,
    *timing.RULES,
    *times.RULES,
    *plan.RULES,
    *margins.RULES,
    *declared.RULES,
    *looking.RULES,
    *adjusting.RULES,
    *value.RULES,
)


def findings(experiment: Experiment) -> tuple[Finding, ...]:
    """All that the rules find, errors and warnings, in the rules' order."""
    return tuple(found for rule in RULES for found in run(rule, experiment))


def raise_first(experiment: Experiment) -> None:
    """Refuse an experiment that has mistakes; the error speaks of the first and carries all.

    Raises:
        DeclarationError: there is a mistake.
    """
    found = findings(experiment)
    errors = [each for each in found if each.severity == "error"]
    if errors:
        raise mistakes(experiment.name, found)


def mistakes(name: str, found: tuple[Finding, ...]) -> DeclarationError:
    """The error for findings: it says the first mistake and counts the others."""
    errors = [each for each in found if each.severity == "error"]
    first, others = errors[0], len(errors) - 1
    more = f" (and {others} more)" if others else ""
    return DeclarationError(
        f"{name}: {first.path or 'the file'}: {first.what}{more}", do=first.do, findings=found
    )
