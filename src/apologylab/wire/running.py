"""The JSON of ``start``, ``stop`` and ``dispatch``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.dispatch import Dispatched
    from apologylab.service.start import Begun


def begun_document(begun: Begun) -> dict[str, object]:
    """What ``start --json`` and ``stop --json`` print."""
    return {"format": "apologylab.start/1", **asdict(begun)}


def dispatched_document(ended: Sequence[Dispatched]) -> dict[str, object]:
    """What ``dispatch --json`` prints."""
    return {
        "format": "apologylab.dispatch/1",
        "experiments": [
            {
                "experiment": each.experiment,
                "settled": each.settled,
                "states": dict(sorted(each.states.items())),
                "reasons": dict(sorted(each.reasons.items())),
            }
            for each in ended
        ],
    }
