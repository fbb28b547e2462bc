"""One self-contained page about one experiment: no network, no script (``page``).

The order is that in which a head of product reads: what to do, what it is worth, what could be
wrong, what moved, who was counted, whether the experiment is sound, how it was designed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from apologylab.decision.value import VALUE
from apologylab.inference.axis import axis
from apologylab.inference.grouping import decides
from apologylab.report import beside, numbers
from apologylab.report.worries import worries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

    from apologylab.decision.verdict import Verdict
    from apologylab.design.experiment import Experiment
    from apologylab.inference.axis import Axis
    from apologylab.inference.results import Analysis, Check, Estimate
    from apologylab.service.beside import Beside

ROLES = ("primary", "secondary", "guardrail", "descriptive")
KINDS = {"arm": "Each arm", "factor": "Each factor", "contrast": "The questions of the plan"}
_JOINT = re.compile(r"(?<=\w\+)(?=\w)|(?=@)")
_NEGATIVE = re.compile(r"(?<![\w.-])-(?=\d)")
Cells = tuple[tuple[str, float], ...]
_MUTE = "says nothing"
TONES = {"ship": "good", "do not ship": "bad", "keep running": "open"}


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """What a page is made of.

    Attributes:
        funnel: (what, units) from incident to draw, in order; empty for a file.
        truth: outcome -> arm -> true mean over the enrolled units, if a world made the facts.
        again: the command that makes the page again.
        beside: what every experiment measures, once it has ended.
        assumed: sentences about numbers of the declaration that nobody has confirmed.
    """

    experiment: Experiment
    analysis: Analysis
    verdict: Verdict | None = None
    funnel: tuple[tuple[str, int], ...] = ()
    truth: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    again: str = ""
    beside: Beside | None = None
    assumed: tuple[str, ...] = ()


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
    return environment().get_template("page.html.j2").render(**_shown(dossier))


def environment() -> Environment:
    """What fills the templates of pages, escaping everything."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("apologylab.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({"count": numbers.count, "p": numbers.p_text, "quoted": quoted})
    made.filters["breakable"] = breakable
    return made


def quoted(text: str) -> str:
    """A sentence with its `quoted` names set off; everything in it is escaped first.

    Numbers get a true minus, long names places to break.

    >>> quoted("sending `a<b` now: -1 USD on 2026-05-04")
    Markup('sending <b>a&lt;b</b> now: −1 USD on 2026-05-04')
    """
    from markupsafe import Markup

    parts = [breakable(_NEGATIVE.sub(numbers.MINUS, part)) for part in text.split("`")]
    named = (Markup("<b>{}</b>").format(part) if at % 2 else part for at, part in enumerate(parts))
    return text and Markup("").join(named)


def breakable(name: str) -> str:
    """``name``, escaped, that a narrow screen may break where its parts meet.

    >>> breakable("none+usd5@1h by +0.3")
    Markup('none+<wbr>usd5<wbr>@1h by +0.3')
    """
    from markupsafe import Markup

    return Markup("<wbr>").join(_JOINT.split(name))


def panels(dossier: Dossier) -> tuple[Panel, ...]:
    """One panel an outcome, the primary first, with the plan's first estimator only."""
    by_outcome: dict[str, list[Estimate]] = {}
    for estimate in dossier.analysis.estimates:
        by_outcome.setdefault(estimate.outcome, []).append(estimate)
    made = [_panel(dossier, listed) for listed in by_outcome.values()]
    return tuple(sorted(made, key=lambda panel: ROLES.index(panel.role)))


def _panel(dossier: Dossier, listed: list[Estimate]) -> Panel:
    first = next((each for each in listed if decides(each)), listed[0])
    shown = [each for each in listed if each.estimator == first.estimator]
    ends = [end for each in shown for end in (each.ci_low, each.ci_high)]
    truths = [
        x for each in shown if (x := true_effect(dossier, each.outcome, each.cells)) is not None
    ]
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


def judged(check: Check) -> tuple[str, str, str]:
    """How a check is shown: its colour, its word, and what it says beside that word."""
    if check.passed is not None:
        return (*(("good", "passed") if check.passed else ("bad", "failed")), check.says)
    if check.says.startswith(_MUTE):
        return "open", _MUTE, check.says.removeprefix(f"{_MUTE}: ")
    return "open", "look", check.says


def true_effect(dossier: Dossier, outcome: str, cells: Cells) -> float | None:
    """The truth of a contrast with weights ``cells``; None if it is not known."""
    means = dossier.truth.get(outcome)
    return sum(weight * means[arm] for arm, weight in cells) if means and cells else None


def true_values(dossier: Dossier) -> dict[str, float | None]:
    """Arm -> its true net value against the reference; None where it is not known."""
    verdict = dossier.verdict
    if verdict is None:
        return {}
    minus = (verdict.reference, -1.0)
    return {
        each.arm: true_effect(dossier, VALUE, ((each.arm, 1.0), minus)) for each in verdict.values
    }


def _shown(dossier: Dossier) -> Mapping[str, object]:
    verdict, worth = dossier.verdict, true_values(dossier)
    known = [x for x in worth.values() if x is not None]
    ends = [] if verdict is None else [x for v in verdict.values for x in (v.ci_low, v.ci_high)]
    return {
        "dossier": dossier,
        "experiment": dossier.experiment,
        "analysis": dossier.analysis,
        "verdict": verdict,
        "sentence": verdict.sentence if verdict else "",
        "tone": TONES.get(verdict.verdict, "none") if verdict else "none",
        "money_axis": axis([*ends, *known]),
        "panels": panels(dossier),
        "worries": worries(dossier.experiment, dossier.analysis, verdict, dossier.assumed),
        "judged": judged,
        "true_values": worth,
        "true_effect": partial(true_effect, dossier),
        "delivered": any(arm.delivered is not None for arm in dossier.analysis.flow),
        "numbers": numbers,
        "called": dossier.experiment.arms.names,
        "beside": _beside(dossier.beside),
    }


def _beside(found: Beside | None) -> Mapping[str, object] | None:
    """Title, arms, rows and sentences of what stands beside the plan."""
    if found is None:
        return None
    return {
        "title": f"{beside.TITLE} (first {found.days} days)",
        "arms": [each.arm for each in found.arms],
        "rows": beside.rows(found),
        "says": beside.sentences(found),
    }
