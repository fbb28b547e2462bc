"""Results as JSON documents. Fields are added, never renamed; each document names its format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apologylab.decision.verdict import Verdict
    from apologylab.inference.results import Analysis, Estimate
    from apologylab.service.status import Status

ANALYSIS = "apologylab.analysis/1"
VERDICT = "apologylab.verdict/1"
STATUS = "apologylab.status/1"


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


def status_document(status: Status) -> dict[str, Any]:
    """A status, for ``status --json``; times in UTC, amounts in minor units of the currency."""
    document = {"format": STATUS, **asdict(status)}
    plain: dict[str, Any] = _plain(document)
    return plain


def _plain(value: Any) -> Any:
    """The same with times as text."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _estimate(estimate: Estimate) -> dict[str, Any]:
    document = asdict(estimate)
    document["cells"] = [{"arm": arm, "weight": weight} for arm, weight in estimate.cells]
    document["details"] = dict(estimate.details)
    if estimate.df is not None and not math.isfinite(estimate.df):
        document["df"] = None
    return document
