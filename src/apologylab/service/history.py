"""What the ledger knows of the customers in a batch, and whom it keeps out (R4, R5, R7).

Everything is judged in the order of the batch, so that a batch answers as one call an incident
would; whoever is answered becomes part of the history of those after them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.assignment.eligibility import FAULT
from apologylab.record.facts import Assignment, CustomerSnapshot, Fault, Goodwill
from apologylab.record.later_facts import SameIncident
from apologylab.record.taxonomy import OPENED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Incident
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running

REFUNDED = "already_refunded"
FAULT_OF = "fault_"
"""Flags that an experiment may exclude and that the ledger knows itself: a goodwill fact for the
incident, and ``fault_customer``, ``fault_third_party`` ... of its last fault fact."""
UNKNOWN = "unknown"


class History:
    """Answers already given to the customers of a batch, by customer and by key."""

    def __init__(self, running: Running, stored: Iterable[Assignment]) -> None:
        self._running = running
        self._enrolled: dict[str, list[Assignment]] = defaultdict(list)
        self.answered: dict[str, Assignment] = {}
        for assignment in stored:
            self.add(assignment)

    def add(self, assignment: Assignment) -> None:
        """Take note of one more answer."""
        if assignment.experiment == self._running.name:
            self.answered[assignment.key] = assignment
        if assignment.reason == "RANDOMISED":
            self._enrolled[assignment.customer].append(assignment)

    def own(self, customer: str) -> list[Assignment]:
        """The customer's enrolments in this version of the experiment, oldest first."""
        experiment = self._running.experiment
        return [
            each
            for each in self._enrolled.get(customer, ())
            if each.experiment == experiment.name and each.version == experiment.version
        ]

    def nth(self, assignment: Assignment) -> int:
        """Which apology to its customer an enrolment is, from 1."""
        keys = [each.key for each in self.own(assignment.customer)]
        return keys.index(assignment.key) + 1 if assignment.key in keys else 1

    def keeps_out(self, customer: str, at: datetime) -> str | None:
        """Why the ledger keeps a customer's incident out, or None."""
        enrolled = self._enrolled.get(customer)
        if not enrolled:
            return None
        own = self.own(customer)
        return (
            self._cooldown(enrolled, own, at)
            or self._repeats(own)
            or self._apologies(own, at)
            or self._amount(own, at)
            or self._texts(own)
        )

    def _cooldown(
        self, enrolled: list[Assignment], own: list[Assignment], at: datetime
    ) -> str | None:
        """Other experiments, and other versions of this one; its own repeats are R7's."""
        days = self._running.experiment.eligibility.cooldown_days
        if days is None:
            return None
        mine = {each.key for each in own}
        others = [each for each in enrolled if each.key not in mine]
        last = _within(others, at, days)
        if not last:
            return None
        where = f"enrolled in {last[-1].experiment} less than {days} days ago"
        return f"eligibility.cooldown_days: {where}"

    def _repeats(self, own: list[Assignment]) -> str | None:
        experiment = self._running.experiment
        declared = experiment.repeats.next_incident if experiment.repeats else "first_only"
        if not own or declared != "first_only" or experiment.unit == "incident":
            return None
        return f"repeats.next_incident: first_only, enrolled at incident {own[0].incident}"

    def _apologies(self, own: list[Assignment], at: datetime) -> str | None:
        repeats = self._running.experiment.repeats
        cap = repeats.max_apologies if repeats else None
        if cap is None or len(_within(own, at, cap.days)) < cap.count:
            return None
        return f"repeats.max_apologies: {cap.count} in {cap.days} days"

    def _amount(self, own: list[Assignment], at: datetime) -> str | None:
        """Charged as if the dearest arm had been drawn each time (R5)."""
        budget = self._running.experiment.budget
        cap = budget.per_customer if budget else None
        if cap is None:
            return None
        times = len(_within(own, at, cap.days)) + 1
        if cap.amount is not None and times * self._running.dearest > cap.amount.minor:
            return f"budget.per_customer: {cap.amount} in {cap.days} days"
        if cap.uses is not None and self._running.dearest and times > cap.uses:
            return f"budget.per_customer: {cap.uses} uses in {cap.days} days"
        return None

    def _texts(self, own: list[Assignment]) -> str | None:
        repeats = self._running.experiment.repeats
        varies = repeats is not None and repeats.text == "vary"
        if not varies or len(own) < self._running.wording.texts():
            return None
        return f"repeats.text: there is no text for apology {len(own) + 1}"


def _within(enrolled: list[Assignment], at: datetime, days: int) -> list[Assignment]:
    """Enrolments less than ``days`` before or after ``at``: a late feed is no way round a cap."""
    span = timedelta(days=days)
    return [each for each in enrolled if abs(at - each.occurred_at) < span]


def contexts(
    work: Transaction, running: Running, incidents: Sequence[Incident]
) -> dict[str, Mapping[str, object]]:
    """Incident -> all that the rules on the incident itself read, in one flat mapping (R4)."""
    consent = _consents(work, running, incidents)
    faults = _faults(work, running, incidents)
    known = _flags(work, running, incidents, faults)
    return {
        each.key: {
            "consent": consent.get(each.customer),
            FAULT: UNKNOWN,
            **each.fields,
            **({FAULT: faults[each.key]} if each.key in faults else {}),
            "kind": each.kind,
            "customer": each.customer,
            **dict.fromkeys(known.get(each.key, ()), True),
        }
        for each in incidents
    }


def _consents(
    work: Transaction, running: Running, incidents: Sequence[Incident]
) -> dict[str, str | None]:
    """Customer -> consent in the latest snapshot; empty where no consent is asked for."""
    if running.experiment.eligibility.consent == "none":
        return {}
    customers = sorted({each.customer for each in incidents if "consent" not in each.fields})
    found = work.find_among(CustomerSnapshot, "customer", customers)
    return {each.customer: each.consent for each in sorted(found, key=lambda s: s.occurred_at)}


def _faults(work: Transaction, running: Running, incidents: Sequence[Incident]) -> dict[str, str]:
    """Incident -> whose fault it is by the last fact; nothing is read where nobody asks.

    Fault is judged before the draw alike for every arm: what is learned later removes nobody (R4).
    """
    incident = running.experiment.incident
    asked = incident is not None and bool(incident.fault)
    if not asked and not any(flag.startswith(FAULT_OF) for flag in running.exclude):
        return {}
    names = other_names(work, [each.key for each in incidents])
    told = work.find_among(Fault, "incident", sorted(names))
    return {names[each.incident]: each.by for each in told}


def _flags(
    work: Transaction,
    running: Running,
    incidents: Sequence[Incident],
    faults: Mapping[str, str],
) -> dict[str, list[str]]:
    """Incident -> flags that the ledger knows, of those that the experiment excludes."""
    known: dict[str, list[str]] = defaultdict(list)
    if REFUNDED in running.exclude:
        names = other_names(work, [each.key for each in incidents])
        for gift in work.find_among(Goodwill, "incident", sorted(names)):
            known[names[str(gift.incident)]].append(REFUNDED)
    for key, by in faults.items():
        known[key].append(f"{FAULT_OF}{by}")
    return known


def other_names(work: Transaction, keys: Sequence[str]) -> dict[str, str]:
    """Every key that facts may call the incidents by -> the incident's own key.

    Operations may record under a key of theirs what a complaint had opened.
    """
    opened = sorted(key for key in keys if key.startswith(OPENED))
    same = work.find_among(SameIncident, "incident", opened) if opened else []
    return {key: key for key in sorted(keys)} | {each.key: each.incident for each in same}
