"""Record the incidents that callers tell us of, without what only a text needs (R18, R21)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.record.facts import Incident

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


def recorded(work: Transaction, running: Running, incidents: Sequence[Incident]) -> list[Incident]:
    """Record the incidents; one that contradicts what stands is answered as it stands (R18).

    What only a text needs, such as a name, goes into the text and not into the fact (R21).
    """
    said = running.only_said
    stripped = [_without(incident, said) for incident in incidents]
    contradicting = work.append(stripped).contradicting
    if not contradicting:
        return list(incidents)
    standing = {each.key: each for each in work.find_among(Incident, "key", contradicting)}
    return [
        replace(standing[each.key], fields={**each.fields, **standing[each.key].fields})
        if each.key in standing
        else each
        for each in incidents
    ]


def _without(incident: Incident, said: frozenset[str]) -> Incident:
    if said.isdisjoint(incident.fields):
        return incident
    kept = {name: value for name, value in incident.fields.items() if name not in said}
    return replace(incident, fields=kept)
