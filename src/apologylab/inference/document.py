"""An analysis as data: flat rows, a data frame, and one document for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.inference.results import Analysis, Estimate

FORMAT = "apologylab.analysis/1"
NESTED = {"cells", "details", "declared"}


def as_rows(analysis: Analysis) -> list[dict[str, object]]:
    """One flat row an estimate; what one estimator alone says is in columns ``details.NAME``."""
    return [_row(each) | {"simulated": analysis.simulated} for each in analysis.estimates]


def _row(estimate: Estimate) -> dict[str, object]:
    row = {key: value for key, value in asdict(estimate).items() if key not in NESTED}
    for test in estimate.declared:
        row[f"{test.kind}.margin"], row[f"{test.kind}.p"] = test.margin, test.p_adjusted
    return row | {f"details.{name}": value for name, value in estimate.details}


def as_frame(rows: Sequence[dict[str, object]]) -> Any:
    """A pandas data frame of rows, every column of one type; what a row lacks is missing.

    Raises:
        InputError: pandas is not installed.
    """
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _alike([row.get(name) for row in rows]) for name in names}
    try:
        return pa.table(columns).to_pandas()
    except ImportError as error:
        raise InputError(
            "a data frame needs pandas", do='install "apologylab[notebook]", or use .rows()'
        ) from error


def _alike(column: Sequence[object]) -> list[object]:
    """A column in one type: text beside numbers makes all of it text."""
    kinds = {type(value) for value in column if value is not None}
    if str in kinds and len(kinds) > 1:
        return [None if value is None else str(value) for value in column]
    return list(column)


def as_document(analysis: Analysis) -> dict[str, Any]:
    """An analysis as JSON knows it; a number that is not finite (an open end) is null."""
    document = {
        "format": FORMAT,
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
        "words": list(analysis.words),
        "notes": list(analysis.notes),
        "looking": list(analysis.looking),
    }
    return {key: _finite(value) for key, value in document.items()}


def as_json(documents: Iterable[dict[str, Any]]) -> str:
    """One document, or a list of several, as text."""
    import json

    listed = list(documents)
    return json.dumps(listed[0] if len(listed) == 1 else listed, ensure_ascii=False, indent=2)


def _estimate(estimate: Estimate) -> dict[str, Any]:
    document = asdict(estimate)
    document["cells"] = [{"arm": arm, "weight": weight} for arm, weight in estimate.cells]
    document["details"] = dict(estimate.details)
    document["declared"] = [asdict(test) for test in estimate.declared]
    return document


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
