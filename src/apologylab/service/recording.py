"""Record the incidents that callers tell us of, without what only a text needs (R18, R21)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.assignment.units import normalise
from apologylab.record.facts import Incident

OTHER_CUSTOMER = "the incident cannot be heard: its key stands for another customer's"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


def recorded(work: Transaction, running: Running, incidents: Sequence[Incident]) -> list[Incident]:
    """Record the incidents; one that contradicts what stands is given back as it stands (R18).

    One whose key stands for another customer's incident is left out: nobody is told what another
    customer gets. What only a text needs, such as a name, goes into the text and not into the
    fact (R21).
    """
    said = running.only_said
    stripped = [_without(incident, said) for incident in incidents]
    contradicting = work.append(stripped).contradicting
    if not contradicting:
        return list(incidents)
    standing = {each.key: each for each in work.find_among(Incident, "key", contradicting)}
    told = (_as_it_stands(running, each, standing.get(each.key)) for each in incidents)
    return [each for each in told if each is not None]


def _as_it_stands(running: Running, told: Incident, standing: Incident | None) -> Incident | None:
    """``told`` with the fields that stand; None if they are another customer's."""
    if standing is None:
        return told
    if normalise(standing.customer, running.experiment.unit_id) != told.customer:
        return None
    fields = {**told.fields, **standing.fields}
    return replace(standing, customer=told.customer, fields=fields)


def _without(incident: Incident, said: frozenset[str]) -> Incident:
    if said.isdisjoint(incident.fields):
        return incident
    kept = {name: value for name, value in incident.fields.items() if name not in said}
    return replace(incident, fields=kept)
