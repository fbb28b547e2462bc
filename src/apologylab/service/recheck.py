"""Whether a remedy should still leave when it is due: asked alike for every arm (R13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.assignment.eligibility import CONSENTS
from apologylab.record.facts import (
    Contact,
    CustomerSnapshot,
    FallbackReport,
    Forgotten,
    Goodwill,
    Resolution,
)
from apologylab.service.ending import killed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.record.facts import Remedy
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


def suppressed(work: Transaction, running: Running, due: Sequence[Remedy]) -> dict[str, str]:
    """Key of a remedy -> why it should not leave; only those that should not.

    Reasons, the first that holds: ``killed``, ``forgotten``, ``fallback_given`` (R11),
    ``opted_out``, ``refunded`` (goodwill for the incident, or a resolution by refund),
    ``contacted`` (the customer wrote or called about the incident after it).
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


def incident_of(running: Running, remedy: Remedy) -> str:
    """The key of the incident that a remedy answers."""
    return remedy.assignment.removeprefix(f"{running.name}/")


def _about_customers(
    work: Transaction, running: Running, customers: Sequence[str]
) -> Iterator[tuple[str, str]]:
    yield from _opted_out(work, running, customers)
    for gone in work.find_among(Forgotten, "customer", customers):
        yield gone.customer, "forgotten"


def _opted_out(
    work: Transaction, running: Running, customers: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Customers whose latest consent is known and no longer covers the experiment (R4)."""
    needed = CONSENTS.index(running.experiment.eligibility.consent)
    snapshots = work.find_among(CustomerSnapshot, "customer", customers) if needed else []
    known = [each for each in snapshots if each.consent is not None]
    latest = {each.customer: each.consent for each in sorted(known, key=lambda s: s.occurred_at)}
    for customer, consent in latest.items():
        if consent not in CONSENTS[needed:]:
            yield customer, "opted_out"


def _about_incidents(
    work: Transaction, running: Running, incidents: dict[str, Remedy]
) -> Iterator[tuple[str, str]]:
    """Later pairs win, so the strongest reason comes last."""
    keys = sorted(incidents)
    for contact in work.find_among(Contact, "incident", keys):
        incident = str(contact.incident)
        if contact.occurred_at > incidents[incident].occurred_at:
            yield incident, "contacted"
    for found in work.find_among(Resolution, "incident", keys):
        if found.resolved and "refund" in found.took.lower():
            yield found.incident, "refunded"
    for gift in work.find_among(Goodwill, "incident", keys):
        yield str(gift.incident), "refunded"
    for report in work.find_among(FallbackReport, "incident", keys):
        if report.experiment == running.name:
            yield report.incident, "fallback_given"
