"""Results as JSON documents. Fields are added, never renamed; each document names its format."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apologylab.decision.verdict import Verdict
    from apologylab.inference.results import Analysis, Estimate

ANALYSIS = "apologylab.analysis/1"
VERDICT = "apologylab.verdict/1"


def analysis_document(analysis: Analysis) -> dict[str, Any]:
    """An analysis, for ``analyse --json``."""
    return {
        "format": ANALYSIS,
        "experiment": analysis.experiment,
        "version": analysis.version,
        "fingerprint": analysis.fingerprint,
        "as_of": analysis.as_of,
        "simulated": analysis.simulated,
        "alpha": analysis.alpha,
        "adjust": analysis.adjust,
        "checks": [asdict(check) for check in analysis.checks],
        "estimates": [_estimate(each) for each in analysis.estimates],
        "refusals": [asdict(refusal) for refusal in analysis.refusals],
        "flow": [asdict(arm) for arm in analysis.flow],
        "means": [
            {"outcome": outcome, "arm": arm, "n": n, "mean": mean, "sd": sd}
            for outcome, arm, n, mean, sd in analysis.means
        ],
        "deviations_from_plan": list(analysis.deviations_from_plan),
        "notes": list(analysis.notes),
    }


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """A verdict, for ``decide --json``; point and interval are differences from the reference."""
    return {"format": VERDICT, **asdict(verdict)}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    document = asdict(estimate)
    document["cells"] = [{"arm": arm, "weight": weight} for arm, weight in estimate.cells]
    document["df"] = estimate.df if math.isfinite(estimate.df) else None
    return document
