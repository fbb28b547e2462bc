"""Whether a remedy should still leave when it is due: asked alike for every arm (R13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.assignment.eligibility import CONSENTS
from apologylab.design.follow_ups import NOTICE
from apologylab.record.facts import (
    Contact,
    CustomerSnapshot,
    FallbackReport,
    Forgotten,
    Goodwill,
    Resolution,
)
from apologylab.record.later_facts import Commitment, CommitmentEnded, Complaint
from apologylab.service.ending import killed
from apologylab.service.history import other_names
from apologylab.service.people import people

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from apologylab.record.facts import Remedy
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


def suppressed(work: Transaction, running: Running, due: Sequence[Remedy]) -> dict[str, str]:
    """Key of a remedy -> why it should not leave; only those that should not.

    Reasons, the first that holds: ``killed``, ``forgotten``, ``opted_out``, ``fallback_given``
    (R11), ``refunded`` (goodwill for the incident, or a resolution by refund), ``contacted`` (the
    customer wrote, called or complained about the incident after it; what we wrote does not count).
    """
    incidents = {incident_of(running, remedy): remedy for remedy in due}
    by_customer = dict(_about_customers(work, running, sorted({each.customer for each in due})))
    by_incident = dict(_about_incidents(work, running, incidents))
    by_hand = killed(work, running.name, due)
    reasons = {
        remedy.key: (
            by_hand.get(remedy.key) or by_customer.get(remedy.customer) or by_incident.get(incident)
        )
        for incident, remedy in incidents.items()
    }
    return {key: why for key, why in reasons.items() if why}


def idle(work: Transaction, running: Running, due: Sequence[Remedy]) -> dict[str, str]:
    """Key of a follow-up -> why it should not leave; only those that should not.

    Reasons: ``killed``, ``forgotten``, ``opted_out``; of a notice also ``not_promised`` (its
    message never went out) and ``kept`` or ``broken`` (the commitment has ended). What the customer
    wrote or got meanwhile stops none: a survey is asked of all alike, and a promise holds.
    """
    by_customer = dict(_about_customers(work, running, sorted({each.customer for each in due})))
    by_hand = killed(work, running.name, due)
    found = {each.key: by_hand.get(each.key) or by_customer.get(each.customer) for each in due}
    if running.purpose == NOTICE:
        over = _over(work, due)
        found = {key: why or over.get(key) for key, why in found.items()}
    return {key: why for key, why in found.items() if why}


def _over(work: Transaction, due: Sequence[Remedy]) -> dict[str, str]:
    """Key of a notice -> why its commitment needs none."""
    of = {each.key: commitment_of(each) for each in due}
    keys = sorted(of.values())
    made = {each.key for each in work.find_among(Commitment, "key", keys)}
    ended = {each.key: each.kept for each in work.find_among(CommitmentEnded, "key", keys)}
    return {
        key: "not_promised" if each not in made else "kept" if ended[each] else "broken"
        for key, each in of.items()
        if each not in made or each in ended
    }


def commitment_of(notice: Remedy) -> str:
    """The key of the commitment that a notice is about.

    A notice's key is ``notice/LEVEL:ASSIGNMENT``; levels hold no colon.
    """
    mark, _, assignment = notice.key.partition(":")
    return f"{assignment}/{mark.partition('/')[2]}"


def incident_of(running: Running, remedy: Remedy) -> str:
    """The key of the incident that a remedy answers."""
    return remedy.assignment.removeprefix(f"{running.name}/")


def _about_customers(
    work: Transaction, running: Running, customers: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Later pairs win; what is known of any id of a person holds for all (R8)."""
    persons = people(work, customers)
    asked = sorted({each for ids in persons.values() for each in ids})
    opted_out = _opted_out(work, running, asked, persons)
    gone = {each.customer for each in work.find_among(Forgotten, "customer", asked)}
    for customer in customers:
        if persons[customer] in opted_out:
            yield customer, "opted_out"
        if not gone.isdisjoint(persons[customer]):
            yield customer, "forgotten"


def _opted_out(
    work: Transaction,
    running: Running,
    ids: Sequence[str],
    persons: Mapping[str, frozenset[str]],
) -> set[frozenset[str]]:
    """People whose latest consent is known and no longer covers the experiment (R4)."""
    needed = CONSENTS.index(running.experiment.eligibility.consent)
    snapshots = work.find_among(CustomerSnapshot, "customer", ids) if needed else []
    known = [each for each in snapshots if each.consent is not None]
    known.sort(key=lambda snapshot: snapshot.occurred_at)
    latest = {persons[each.customer]: each.consent for each in known}
    return {person for person, consent in latest.items() if consent not in CONSENTS[needed:]}


def _about_incidents(
    work: Transaction, running: Running, incidents: dict[str, Remedy]
) -> Iterator[tuple[str, str]]:
    """Later pairs win, so the strongest reason comes last."""
    names = other_names(work, list(incidents))
    keys = sorted(names)
    told: list[Contact | Complaint] = [*work.find_among(Complaint, "incident", keys)]
    told += [each for each in work.find_among(Contact, "incident", keys) if each.by != "company"]
    for each in told:
        incident = names[str(each.incident)]
        if each.occurred_at > incidents[incident].occurred_at:
            yield incident, "contacted"
    for found in work.find_among(Resolution, "incident", keys):
        if found.resolved and "refund" in found.took.lower():
            yield names[found.incident], "refunded"
    for gift in work.find_among(Goodwill, "incident", keys):
        yield names[str(gift.incident)], "refunded"
    for report in work.find_among(FallbackReport, "incident", keys):
        if report.experiment == running.name:
            yield report.incident, "fallback_given"
