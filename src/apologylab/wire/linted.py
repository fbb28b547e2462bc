"""The JSON of ``lint``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.service.worded import Judged

FORMAT = "apologylab.lint/1"


def lint_document(found: Sequence[Judged]) -> Mapping[str, Any]:
    """What ``lint --json`` prints; ``start`` and ``end`` are places in ``text``."""
    return {
        "format": FORMAT,
        "passed": not any(each.has_errors for each in found),
        "flagged": sum(bool(each.flaws) for each in found),
        "wordings": [_wording(each) for each in found],
    }


def _wording(found: Judged) -> Mapping[str, Any]:
    return {
        "file": found.wording.file,
        "line": found.wording.line,
        "id": found.wording.id,
        "locale": found.wording.locale,
        "text": found.read,
        "flagged": bool(found.flaws),
        "passed": not found.has_errors,
        "findings": [_finding(each) for each in found.flaws],
    }


def _finding(flaw: Flaw) -> Mapping[str, Any]:
    return {
        "rule": flaw.rule,
        "severity": flaw.severity,
        "start": flaw.start,
        "end": flaw.end,
        "words": flaw.words,
        "why": flaw.why,
        "better": flaw.better,
    }
