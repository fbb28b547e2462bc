"""Results as JSON documents. Fields are added, never renamed; each document names its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from apologylab.inference.document import as_document

if TYPE_CHECKING:
    from apologylab.decision.verdict import Verdict
    from apologylab.inference.results import Analysis
    from apologylab.service.status import Status

VERDICT = "apologylab.verdict/1"
STATUS = "apologylab.status/1"


def analysis_document(analysis: Analysis) -> dict[str, Any]:
    """An analysis, for ``analyse --json``."""
    return as_document(analysis)


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """A verdict, for ``decide --json``; point and interval are differences from the reference."""
    return {"format": VERDICT, **asdict(verdict)}


def status_document(status: Status) -> dict[str, Any]:
    """A status, for ``status --json``; times in UTC, amounts in minor units of the currency."""
    document = {"format": STATUS, **asdict(status)}
    document["achieved"] = [row._asdict() for row in status.achieved]
    plain: dict[str, Any] = _plain(document)
    return plain


def _plain(value: Any) -> Any:
    """The same with times as text."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value
