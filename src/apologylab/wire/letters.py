"""The JSON of ``letters``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.letters import Letters


def letters_document(found: Sequence[Letters]) -> dict[str, object]:
    """What ``letters --json`` prints; ``may_have_left`` says that a second try may be a second."""
    return {
        "format": "apologylab.letters/1",
        "experiments": [
            {
                "experiment": each.experiment,
                "did": each.did,
                "letters": [
                    {
                        "key": letter.remedy.key,
                        "customer": letter.remedy.customer,
                        "arm": letter.remedy.arm,
                        "due_at": letter.remedy.due_at.isoformat(),
                        "attempts": letter.attempts,
                        "because": letter.because,
                        "may_have_left": letter.handed,
                    }
                    for letter in each.letters
                ],
            }
            for each in found
        ],
    }
