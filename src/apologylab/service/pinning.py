"""Pin to an assignment what its arm says and gives, before anything is sent (R6, R14, R21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab.errors import InputError
from apologylab.record.facts import Liability, Remedy
from apologylab.service.text_ids import text_id

if TYPE_CHECKING:
    from apologylab.record.facts import Assignment, Incident
    from apologylab.remedy.wording import Pinned
    from apologylab.service.budget import Caps
    from apologylab.service.ports import LedgerIdentity
    from apologylab.service.running import Running


class Pin(NamedTuple):
    """A remedy, its text's body, what it owes, and why it has no text if it should have one."""

    remedy: Remedy
    text: str | None
    liability: Liability | None
    because: str
    address: str | None = None


def pin(
    running: Running,
    drawn: Assignment,
    incident: Incident,
    nth: int,
    *,
    ledger: LedgerIdentity,
    caps: Caps,
) -> Pin:
    """What ``drawn`` gives, silence included, so that it too is looked at when it is due (R13).

    ``nth`` says which apology to the customer it is, ``caps`` what its liability is charged to. A
    text that cannot be rendered leaves a remedy without text: the dispatcher settles it as failed,
    and the unit stays in its arm (R11).
    """
    text, because = _text(running, drawn.arm, incident, nth)
    liability = _liability(running, drawn, caps)
    locale = running.wording.locale(incident.fields) if text else None
    remedy = Remedy(
        key=drawn.key,
        occurred_at=drawn.occurred_at,
        assignment=drawn.key,
        experiment=drawn.experiment,
        customer=drawn.customer,
        arm=drawn.arm,
        locale=locale,
        text=text_id(ledger, "remedy", drawn.key) if text else None,
        text_sha256=text.sha256 if text else None,
        compensation=liability.compensation if liability else None,
        amount=liability.amount if liability else 0,
        currency=liability.currency if liability else None,
        due_at=drawn.due_at or drawn.occurred_at,
    )
    return Pin(remedy, text.text if text else None, liability, because)


def _text(running: Running, arm: str, incident: Incident, nth: int) -> tuple[Pinned | None, str]:
    wording, repeats = running.wording, running.experiment.repeats
    if not wording.speaks(arm):
        return None, ""
    varied = nth if repeats is not None and repeats.text == "vary" else 1
    locale = wording.locale(incident.fields)
    try:
        return wording.text(arm, locale, incident.fields, nth=varied), ""
    except InputError as error:
        return None, str(error)


def _liability(running: Running, drawn: Assignment, caps: Caps) -> Liability | None:
    found = running.gives[drawn.arm]
    if found is None:
        return None
    return Liability(
        key=f"{drawn.key}/reserved",
        occurred_at=drawn.occurred_at,
        assignment=drawn.key,
        experiment=drawn.experiment,
        customer=drawn.customer,
        arm=drawn.arm,
        compensation=found.name,
        state="reserved",
        amount=found.amount,
        currency=found.currency,
        charged=caps.charged[drawn.arm],
        expires_days=found.expires_days,
    )
