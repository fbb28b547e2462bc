"""The truth of a simulation as a JSON document, kept beside the simulated ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "apologylab.truth/1"
Means = dict[str, dict[str, float]]
"""Outcome -> arm -> true mean over the enrolled units."""


def truth_document(
    experiment: str, world: str, seed: int, means: Mapping[str, Mapping[str, float]]
) -> dict[str, object]:
    """The document; ``means`` is outcome -> arm -> true mean over the enrolled units."""
    return {
        "format": FORMAT,
        "experiment": experiment,
        "world": world,
        "seed": seed,
        "simulated": True,
        "means": {outcome: dict(arms) for outcome, arms in means.items()},
    }


def read_truth(text: str, *, where: str) -> Means:
    """The means of a document that :func:`truth_document` made.

    Raises:
        InputError: it is not such a document.
    """
    try:
        document = json.loads(text)
        means: Means = document["means"]
        known = document["format"] == FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{where} is not a truth of a world", do="simulate again") from error
    if not known:
        raise InputError(f"{where} has format {document['format']!r}", do=f"this reads {FORMAT}")
    return means
