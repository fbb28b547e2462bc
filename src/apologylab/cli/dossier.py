"""What ``report`` and ``demo`` put on the page: analysis, verdict, flow of units, truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from apologylab.report.page import Dossier
from apologylab.service import analyse, decide
from apologylab.service.beside import beside
from apologylab.service.funnel import funnel
from apologylab.wire.truth import read_truth

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.cli.subject import Subject
    from apologylab.design.experiment import Experiment
    from apologylab.inference.results import Analysis


def truth_file(root: Path, experiment: str) -> Path:
    """Where a simulation keeps the truth of its world."""
    return root / f"{experiment}.truth.json"


def dossier(found: Subject, *, now: datetime, again: str, root: Path | None = None) -> Dossier:
    """Analyse and decide; ``root`` is the project's folder, where a simulation left its truth."""
    experiment, ledger = found.experiment, found.ledger
    if ledger is None:
        analysis = analyse.analyse_panel(experiment, found.panel, now=now)
        verdict = (
            decide.decide_panel(experiment, found.panel, now=now) if experiment.decision else None
        )
        return Dossier(
            experiment=experiment,
            analysis=analysis,
            verdict=verdict,
            again=again,
            assumed=found.assumed,
        )
    analysis = analyse.analyse(experiment, found.panel, ledger, as_of=found.as_of, now=now)
    analysis = replace(
        analysis, deviations_from_plan=(*found.edited, *analysis.deviations_from_plan)
    )
    decided = experiment.decision is not None
    return Dossier(
        experiment=experiment,
        analysis=analysis,
        verdict=decide.decide(experiment, found.panel, ledger, as_of=found.as_of, now=now)
        if decided
        else None,
        funnel=funnel(ledger, experiment, mark=ledger.mark(found.as_of)),
        truth=_truth(experiment, analysis, root),
        again=again,
        beside=beside(experiment, found.panel, ledger, as_of=found.as_of),
    )


def _truth(
    experiment: Experiment, analysis: Analysis, root: Path | None
) -> dict[str, dict[str, float]]:
    file = truth_file(root, experiment.name) if root else None
    if not analysis.simulated or not analysis.estimates or file is None or not file.exists():
        return {}
    return read_truth(file.read_text(encoding="utf-8"), where=file.name)
