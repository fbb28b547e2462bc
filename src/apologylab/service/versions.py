"""Which version drew a remedy: what was promised and given is judged by its declaration (R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.design.follow_ups import answer_of
from apologylab.record.facts import Assignment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.record.facts import Remedy
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


def declared_before(
    work: Transaction, running: Running, remedies: Sequence[Remedy]
) -> Mapping[str, Experiment]:
    """Key -> the declaration that drew it, of those ``remedies`` that an earlier version drew.

    Nothing is read where there is no earlier version.
    """
    if not running.before or not remedies:
        return {}
    of = {each.key: answer_of(each.assignment, each.experiment) for each in remedies}
    drawn = work.find_among(Assignment, "key", sorted(set(of.values())))
    versions = {each.key: each.version for each in drawn}
    found = {key: running.earlier.get(versions.get(of[key], 0)) for key in of}
    return {key: each for key, each in found.items() if each is not None}
