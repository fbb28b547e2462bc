"""Rules about how p-values are adjusted: only where the procedure has a proof (R30)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.contrasts import main_effects
from apologylab.design.findings.finding import Finding, Rule, fields_of

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

_ADJUST = "plan.adjust"
_POSITIVE = frozenset({"hochberg", "hommel", "benjamini_hochberg"})
"""Proven for tests that go together in a way that arms against one reference do."""
_RESAMPLED = frozenset({"romano_wolf", "westfall_young", "list_shaikh_xu"})
_TESTED = ("primary", "secondary", "guardrail")


def positive_dependence(experiment: Experiment) -> Iterator[Finding]:
    """Simes' inequality holds over arms and one outcome; over outcomes or effects nobody knows."""
    word = experiment.plan.adjust
    if word not in _POSITIVE:
        return
    why = _several_outcomes(experiment) or _other_contrasts(experiment)
    if why:
        instead = "benjamini_yekutieli" if word == "benjamini_hochberg" else "max_t"
        yield Finding(
            path=_ADJUST,
            value=word,
            what=f"has no proof {why} (R30)",
            do=f'write adjust = "{instead}" or "holm"',
            related=("outcomes", "arms", "plan.contrasts"),
        )


def _several_outcomes(experiment: Experiment) -> str:
    roles = [role for _, role in fields_of(experiment.outcomes, "role", "outcomes")]
    crowded = next((role for role in _TESTED if roles.count(role) > 1), None)
    return f"over several {crowded} outcomes" if crowded else ""


def _other_contrasts(experiment: Experiment) -> str:
    if len(experiment.plan.contrasts) > 1:
        return "over several named contrasts"
    return "over main effects of factors" if len(main_effects(experiment)) > 1 else ""


def resampled_as_drawn(experiment: Experiment) -> Iterator[Finding]:
    """Resamples take units one by one, permutations at random: so must the draw have done."""
    word, scheme = experiment.plan.adjust, experiment.allocation.scheme
    if word not in _RESAMPLED:
        return
    clusters = experiment.unit == "cluster"
    if clusters or scheme == "blocks" or (word == "westfall_young" and scheme == "minimisation"):
        yield Finding(
            path=_ADJUST,
            value=word,
            what="redraws units one by one, and here "
            + ("clusters are drawn" if clusters else f"{scheme} draws them together"),
            do='write adjust = "max_t", which reads the errors of the scheme',
            related=("unit", "allocation.scheme"),
        )


RULES: tuple[Rule, ...] = (positive_dependence, resampled_as_drawn)
