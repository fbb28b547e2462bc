"""What operations tell of an incident that a complaint had opened is that incident, not another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.record.facts import Incident
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.record.taxonomy import OPENED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from apologylab.service.ports import Transaction

NAMED: Final = "named"
"""The field of an opened incident with the name by which a complaint called it."""
MATCH_DAYS: Final = "match_days"
"""The field that says how far from it in time what names the same order may be."""


class AsStanding(NamedTuple):
    """Incidents to judge as they stand, what to append, and key as told -> key that stands."""

    incidents: list[Incident]
    new: list[SameIncident]
    stands: Mapping[str, str]


def apart(one: Incident, other: Incident | Complaint) -> timedelta:
    """How far apart in time they are."""
    return abs(one.occurred_at - other.occurred_at)


def same_as_opened(work: Transaction, incidents: Sequence[Incident]) -> dict[str, str]:
    """Key that operations give -> the key that stands, of incidents that complaints had opened.

    They are matched by the name that the complaint gave, or by customer and order within the window
    that held when it was opened; one whose own key stands is itself. Lock the customers first.
    """
    opened = _opened_of(work, sorted({each.customer for each in incidents}))
    left = [each for each in incidents if each.customer in opened]
    if not left:
        return {}
    keys = sorted({each.key for each in left})
    own = {each.key for each in work.find_among(Incident, "key", keys)}
    found = {each.key: each.incident for each in work.find_among(SameIncident, "key", keys)}
    for each in left:
        if each.key in own or each.key in found:
            continue
        mine = [one for one in opened[each.customer] if _is_same(one, each)]
        if mine:
            found[each.key] = min(mine, key=lambda one: _place(one, each)).key
    return found


def _opened_of(work: Transaction, customers: Sequence[str]) -> dict[str, list[Incident]]:
    """Customer -> the incidents that their complaints opened."""
    complaints = work.find_among(Complaint, "customer", customers) if customers else []
    keys = {each.incident for each in complaints if (each.incident or "").startswith(OPENED)}
    found: dict[str, list[Incident]] = defaultdict(list)
    for each in work.find_among(Incident, "key", sorted(map(str, keys))) if keys else ():
        found[each.customer].append(each)
    return found


def _is_same(opened: Incident, told: Incident) -> bool:
    if opened.fields.get(NAMED) == told.key:
        return True
    days = opened.fields.get(MATCH_DAYS)
    window = timedelta(days=days if isinstance(days, int) else 0)
    is_order = told.order is not None and told.order == opened.order
    return is_order and apart(opened, told) <= window


def _place(opened: Incident, told: Incident) -> tuple[bool, timedelta, str]:
    """What was called so goes before what names the same order; then the nearest in time."""
    return opened.fields.get(NAMED) != told.key, apart(opened, told), opened.key


def called(told: Incident, stands: str) -> SameIncident:
    """What operations tell of the incident ``stands``, under a key of theirs."""
    return SameIncident(
        key=told.key,
        occurred_at=told.occurred_at,
        customer=told.customer,
        incident=stands,
        kind=told.kind,
        order=told.order,
        cause=told.cause,
        fields=told.fields,
    )


def as_standing(work: Transaction, incidents: Sequence[Incident]) -> AsStanding:
    """``incidents``, those that complaints had opened as these stand, with operations' fields.

    So a caller who tells of an incident under its own key gets what its customer has got already.
    """
    stands = same_as_opened(work, incidents)
    if not stands:
        return AsStanding(list(incidents), [], {})
    opened = {e.key: e for e in work.find_among(Incident, "key", sorted(set(stands.values())))}
    known = {each.key for each in work.find_among(SameIncident, "key", sorted(stands))}
    told = {each.key: each for each in incidents if each.key in stands}
    new = [called(each, stands[key]) for key, each in told.items() if key not in known]
    whole = [
        _with_fields(opened[stands[each.key]], each) if each.key in stands else each
        for each in incidents
    ]
    return AsStanding(whole, new, stands)


def _with_fields(standing: Incident, told: Incident | SameIncident) -> Incident:
    """Operations know better what kind it is, and may know more of it."""
    return replace(standing, kind=told.kind, fields={**told.fields, **standing.fields})


def completed(incidents: Iterable[Incident], same: Iterable[SameIncident]) -> Iterator[Incident]:
    """``incidents`` with what operations told of those that complaints had opened."""
    told = {each.incident: each for each in same}
    for each in incidents:
        yield _with_fields(each, told[each.key]) if each.key in told else each
