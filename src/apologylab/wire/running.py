"""The JSON of ``start``, ``stop``, ``assign`` without a file, and ``dispatch``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.assign_recorded import Answered, Waiting
    from apologylab.service.dispatch import Dispatched
    from apologylab.service.start import Begun


def begun_document(begun: Begun) -> dict[str, object]:
    """What ``start --json`` and ``stop --json`` print."""
    return {"format": "apologylab.start/1", **asdict(begun)}


def answered_document(answered: Answered, left: Waiting) -> dict[str, object]:
    """What ``assign NAME --json`` prints."""
    return {
        "format": "apologylab.answered/1",
        "experiment": answered.experiment,
        "answered": answered.answers.total(),
        "counts": [
            {"reason": reason, "arm": arm, "incidents": n}
            for (reason, arm), n in sorted(answered.answers.items())
        ],
        "kept_out": dict(sorted(answered.kept_out.items())),
        "unheard": dict(sorted(answered.unheard.items())),
        "before_start": left.before_start,
    }


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
                "postponed": dict(sorted(each.postponed.items())),
                "dead_letters": dict(sorted(each.dead.items())),
            }
            for each in ended
        ],
    }
