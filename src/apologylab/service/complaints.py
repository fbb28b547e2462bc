"""Complaints come in: each finds the incident that it is about, or opens it; nothing is doubled.

A complaint that names a known incident is about that one. Another is about an incident of its
customer, under whichever of their ids (R8), that names the same order, or, where one of the two
names none, that has the same cause and came before it; both within the taxonomy's window, the
nearest in time. If there is none it opens one, and what operations record of that later, under a
key of theirs, is matched with it. So the order in which files arrive changes which of two keys
stands, never how many incidents there are; merges count from when they are recorded.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.money import Money
from apologylab.record.facts import Incident
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.record.taxonomy import CAUSE_KIND, OPENED
from apologylab.service.matching import MATCH_DAYS, NAMED, apart
from apologylab.service.people import people
from apologylab.service.withholding import append_withheld, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from apologylab.record.taxonomy import Taxonomy
    from apologylab.service.ports import Appended, LedgerIdentity, Transaction


class Taken(NamedTuple):
    """Complaints as they were appended, what became of them, and how many incidents they opened."""

    complaints: list[Complaint]
    appended: Appended
    opened: int


@dataclass(kw_only=True)
class _Known:
    """The incidents of some customers, and any incident by the names that it is called by.

    Those that complaints open meanwhile are added.
    """

    taxonomy: Taxonomy
    persons: Mapping[str, frozenset[str]]
    of: dict[str, list[Incident]] = field(default_factory=lambda: defaultdict(list))
    named: dict[str, Incident] = field(default_factory=dict)

    def add(self, incident: Incident) -> None:
        """Take note of one more."""
        self.of[incident.customer].append(incident)
        if isinstance(name := incident.fields.get(NAMED), str):
            self.named.setdefault(name, incident)

    def about(self, complaint: Complaint) -> Incident | None:
        """The incident that ``complaint`` is about, or None if it opens one."""
        if complaint.incident in self.named:
            return self.named[complaint.incident]
        ids = self.persons.get(complaint.customer, frozenset([complaint.customer]))
        mine = [each for id_ in ids for each in self.of.get(id_, ())]
        near = [each for each in mine if apart(each, complaint) <= self.taxonomy.window]
        meant = [each for each in near if self._is_meant(each, complaint)]
        return min(meant, key=lambda each: (apart(each, complaint), each.key), default=None)

    def _is_meant(self, incident: Incident, complaint: Complaint) -> bool:
        if incident.order is not None and complaint.order is not None:
            return incident.order == complaint.order
        if complaint.incident is not None:
            return False
        cause = self.taxonomy.cause(incident.kind, incident.fields.get(CAUSE_KIND))
        is_before = incident.occurred_at <= complaint.occurred_at
        return cause == complaint.kind and (is_before or incident.key.startswith(OPENED))


def take_complaints(
    work: Transaction,
    identity: LedgerIdentity,
    told: Sequence[Complaint],
    *,
    taxonomy: Taxonomy,
    said: Mapping[str, frozenset[str]],
) -> Taken:
    """Append complaints with the incident of each, and the incidents that they open.

    ``said`` names the fields that only texts need, by kind of incident: they are kept out of the
    facts (R21). A complaint that stands already keeps its incident.
    """
    persons = people(work, sorted({each.customer for each in told}))
    ids = {each for person in persons.values() for each in person}
    work.lock(sorted(f"customer/{each}" for each in ids))
    stands = {each.key: each for each in work.find_among(Complaint, "key", _keys(told))}
    new = [each for each in told if each.key not in stands]
    known = _known(work, new, _Known(taxonomy=taxonomy, persons=persons))
    opened: list[Incident] = []
    about = _stood(work, stands, told)
    for each in sorted(new, key=attrgetter("occurred_at", "key")):
        found = known.about(each)
        if each.key in about:
            continue
        if found is None:
            found = _opened(each, taxonomy)
            opened.append(found)
            known.add(found)
        about[each.key] = found.key
    kept, out = part(opened, said)
    append_withheld(work, identity, kept, out)
    complaints = [_settled(each, about.get(each.key), taxonomy, said) for each in told]
    return Taken(complaints, work.append(complaints), len(opened))


def _keys(facts: Iterable[Complaint]) -> list[str]:
    return sorted({each.key for each in facts})


def _stood(
    work: Transaction, stands: Mapping[str, Complaint], told: Sequence[Complaint]
) -> dict[str, str]:
    """Complaint that is told again -> its incident; left out where it now names another one."""
    again = [each for each in told if each.key in stands]
    named = sorted({each.incident for each in again if each.incident is not None})
    names = _by_name(work, named)
    about = {}
    for each in again:
        incident = stands[each.key].incident
        is_same = each.incident in (None, incident) or (
            (found := names.get(each.incident or "")) is not None and found.key == incident
        )
        if incident is not None and (is_same or _is_named(work, incident, each.incident)):
            about[each.key] = incident
    return about


def _is_named(work: Transaction, incident: str, name: str | None) -> bool:
    opened = work.find(Incident, key=incident) if incident.startswith(OPENED) else []
    return any(each.fields.get(NAMED) == name for each in opened)


def _known(work: Transaction, new: Sequence[Complaint], found: _Known) -> _Known:
    """What stands of those who complain; incidents have no index on the customer, so at once."""
    customers = sorted({id_ for each in new for id_ in found.persons[each.customer]})
    for each in work.find_among(Incident, "customer", customers) if customers else ():
        found.add(each)
    named = sorted({each.incident for each in new if each.incident is not None})
    found.named |= _by_name(work, named)
    return found


def _by_name(work: Transaction, names: Sequence[str]) -> dict[str, Incident]:
    """Name -> the incident that has it as its key, or that operations called so."""
    if not names:
        return {}
    found = {each.key: each for each in work.find_among(Incident, "key", names)}
    same = work.find_among(SameIncident, "key", names)
    stands = {each.incident for each in same}
    kept = {each.key: each for each in work.find_among(Incident, "key", sorted(stands))}
    return found | {each.key: kept[each.incident] for each in same if each.incident in kept}


def _opened(complaint: Complaint, taxonomy: Taxonomy) -> Incident:
    """The incident that ``complaint`` opens, with what it says in the standard fields."""
    lost = complaint.lost_amount
    money = None if lost is None else str(Money(lost, complaint.currency or ""))
    fields = {
        **complaint.fields,
        CAUSE_KIND: complaint.kind,
        "source": "complaint",
        "aware": True,
        "department": complaint.department,
        "asked_for": complaint.asked_for,
        "told": complaint.told,
        "escalations": None if complaint.escalated is None else int(complaint.escalated),
        "lost_minutes": complaint.lost_minutes,
        "lost_amount": money,
        NAMED: complaint.incident,
        MATCH_DAYS: taxonomy.match_days,
    }
    return Incident(
        key=f"{OPENED}{complaint.key}",
        occurred_at=complaint.occurred_at,
        customer=complaint.customer,
        kind=taxonomy.opens(complaint.kind),
        order=complaint.order,
        fields={name: value for name, value in fields.items() if value is not None},
    )


def _settled(
    complaint: Complaint,
    incident: str | None,
    taxonomy: Taxonomy,
    said: Mapping[str, frozenset[str]],
) -> Complaint:
    """The complaint with its incident, without what only a text needs.

    One that names the incident under a name of its own stands with the key that this one has here.
    """
    names = said.get(taxonomy.opens(complaint.kind), frozenset())
    fields = {name: value for name, value in complaint.fields.items() if name not in names}
    return replace(complaint, incident=incident or complaint.incident, fields=fields)
