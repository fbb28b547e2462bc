"""Rules about who is hit, and what those get who are not drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.findings.finding import Finding, Rule

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def never_randomised(experiment: Experiment) -> Iterator[Finding]:
    """An experiment's own incident is not under ``[never]`` (R17)."""
    if experiment.incident is None or experiment.never is None:
        return
    for place, kind in enumerate(experiment.never.incidents):
        if kind == experiment.incident.kind:
            yield Finding(
                path=f"never.incidents[{place}]",
                value=kind,
                what="this experiment's own incident is one that is never randomised",
                do="take it out of never.incidents, or do not run this experiment",
                related=("incident.kind",),
            )


RULES: tuple[Rule, ...] = (never_randomised,)
