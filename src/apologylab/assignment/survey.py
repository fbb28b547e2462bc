"""Who is surveyed: a draw of its own, the same share of every arm.

It is hashed apart from entry, arm and delay, so that it is uncorrelated with them (R1), and it asks
for the unit alone: whoever comes again is surveyed or not as before.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from apologylab.assignment.hashing import share_bound, shared_prefix, word

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

DRAW: Final = "survey"


def is_invited(experiment: Experiment, unit: str) -> bool:
    """Whether ``unit`` is among those who are surveyed; False where nobody is."""
    if experiment.survey is None:
        return False
    bound = share_bound(experiment.survey.share)
    if bound is None:
        return True
    prefix = shared_prefix(DRAW, f"{experiment.name}|{experiment.salt or ''}")
    return word(sha256(prefix + unit.encode()).digest(), 0) < bound
