"""The incidents that callers tell us of, without what only a text needs (R18, R21)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from apologylab.assignment.units import normalise
from apologylab.errors import LedgerBusyError
from apologylab.record.facts import Incident
from apologylab.record.taxonomy import OPENED

OTHER_CUSTOMER = "the incident cannot be heard: its key stands for another customer's"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.record.facts import Fact
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


class Told(NamedTuple):
    """``incidents`` to judge, and the facts of those that do not stand yet, to store with them."""

    incidents: list[Incident]
    new: list[Incident]


def told(work: Transaction, running: Running, incidents: Sequence[Incident]) -> Told:
    """The incidents; one that contradicts what stands is given as it stands (R18).

    One whose key stands for another customer's incident is left out: nobody is told what another
    customer gets. What only a text needs, such as a name, goes into the text and not into the
    fact (R21).
    """
    stands = {each.key: each for each in work.find_among(Incident, "key", keys_of(incidents))}
    found: list[Incident] = []
    new: list[Incident] = []
    for each in incidents:
        stripped = _without(each, running.only_said)
        standing = stands.setdefault(each.key, stripped)
        if standing is stripped:
            new.append(stripped)
        kept = each if standing == stripped else _as_it_stands(running, each, standing)
        found += [] if kept is None else [kept]
    return Told(found, new)


def keys_of(incidents: Sequence[Incident]) -> list[str]:
    """Their keys, each once, in order."""
    return sorted({each.key for each in incidents})


def store(work: Transaction, facts: Sequence[Fact]) -> None:
    """Append what does not stand as far as :func:`told` and the locks of customers say.

    Raises:
        LedgerBusyError: an incident's key was taken by another customer's at the same moment.
    """
    if work.append(facts).contradicting:
        raise LedgerBusyError(
            "an incident was recorded by somebody else at the same moment", do="do it again"
        )


def _as_it_stands(running: Running, told: Incident, standing: Incident) -> Incident | None:
    """``told`` with the fields that stand; None if they are another customer's.

    Of what a complaint had opened, operations know better what kind it is.
    """
    if normalise(standing.customer, running.experiment.unit_id) != told.customer:
        return None
    kind = told.kind if standing.key.startswith(OPENED) else standing.kind
    fields = {**told.fields, **standing.fields}
    return replace(standing, customer=told.customer, kind=kind, fields=fields)


def _without(incident: Incident, said: frozenset[str]) -> Incident:
    if said.isdisjoint(incident.fields):
        return incident
    kept = {name: value for name, value in incident.fields.items() if name not in said}
    return replace(incident, fields=kept)
