"""One self-contained page about one experiment: no network, no script (``page``).

The order is that in which a head of product reads: what to do, what it is worth, what could be
wrong, what moved, who was counted, whether the experiment is sound, how it was designed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apologylab.report import numbers
from apologylab.report.axis import axis
from apologylab.report.worries import worries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.decision.verdict import Verdict
    from apologylab.design.experiment import Experiment
    from apologylab.inference.results import Analysis, Estimate
    from apologylab.report.axis import Axis

ROLES = ("primary", "secondary", "guardrail", "descriptive")
KINDS = {"arm": "Each arm", "factor": "Each factor", "contrast": "The questions of the plan"}
Cells = tuple[tuple[str, float], ...]
TONES = {"ship": "good", "do not ship": "bad", "keep running": "open"}


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """What a page is made of.

    Attributes:
        funnel: (what, units) from incident to draw, in order; empty for a file.
        truths: (outcome, cells of the contrast) -> the truth of the world, if it is simulated.
        value_truths: arm -> the true difference in net value.
        again: the command that makes the page again.
    """

    experiment: Experiment
    analysis: Analysis
    verdict: Verdict | None = None
    funnel: tuple[tuple[str, int], ...] = ()
    truths: Mapping[tuple[str, Cells], float] = field(default_factory=dict)
    value_truths: Mapping[str, float] = field(default_factory=dict)
    again: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The intervals of one outcome: a heading, one axis, groups of estimates."""

    outcome: str
    role: str
    unit: str
    first: Estimate
    axis: Axis
    groups: tuple[tuple[str, tuple[Estimate, ...]], ...]


def page(dossier: Dossier) -> str:
    """The page as HTML. Every name and text is escaped: a declaration cannot put markup in it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("apologylab.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"count": numbers.count, "p": numbers.p_text})
    return environment.get_template("page.html.j2").render(**_shown(dossier))


def panels(dossier: Dossier) -> tuple[Panel, ...]:
    """One panel an outcome, the primary first, with the plan's first estimator only."""
    by_outcome: dict[str, list[Estimate]] = {}
    for estimate in dossier.analysis.estimates:
        by_outcome.setdefault(estimate.outcome, []).append(estimate)
    made = [_panel(dossier, listed) for listed in by_outcome.values()]
    return tuple(sorted(made, key=lambda panel: ROLES.index(panel.role)))


def _panel(dossier: Dossier, listed: list[Estimate]) -> Panel:
    first = listed[0]
    shown = [each for each in listed if each.estimator == first.estimator]
    ends = [end for each in shown for end in (each.ci_low, each.ci_high)]
    truths = [dossier.truths[key] for each in shown if (key := truth_key(each)) in dossier.truths]
    groups = tuple(
        (title, tuple(each for each in shown if each.kind == kind)) for kind, title in KINDS.items()
    )
    return Panel(
        outcome=first.outcome,
        role=first.role,
        unit=first.unit,
        first=first,
        axis=axis([*ends, *truths]),
        groups=tuple(group for group in groups if group[1]),
    )


def truth_key(estimate: Estimate) -> tuple[str, Cells]:
    """Where the truth of an estimate stands in ``Dossier.truths``."""
    return estimate.outcome, tuple(sorted(estimate.cells))


def _shown(dossier: Dossier) -> Mapping[str, object]:
    verdict = dossier.verdict
    ends = [] if verdict is None else [x for v in verdict.values for x in (v.ci_low, v.ci_high)]
    return {
        "dossier": dossier,
        "experiment": dossier.experiment,
        "analysis": dossier.analysis,
        "verdict": verdict,
        "tone": TONES.get(verdict.verdict, "none") if verdict else "none",
        "money_axis": axis([*ends, *dossier.value_truths.values()]),
        "panels": panels(dossier),
        "worries": worries(dossier.experiment, dossier.analysis, verdict),
        "truth_key": truth_key,
        "numbers": numbers,
        "called": dossier.experiment.arms.names,
    }
