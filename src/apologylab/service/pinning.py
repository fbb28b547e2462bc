"""Pin to an assignment what its arm says and gives, before anything is sent (R6, R14, R21)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from apologylab.errors import InputError
from apologylab.record.facts import Liability, Remedy
from apologylab.remedy.codes import coupon_code
from apologylab.remedy.terms import written_terms
from apologylab.service.follow_ups import Beside, follow_ups
from apologylab.service.text_ids import text_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from apologylab.record.facts import Assignment, Incident
    from apologylab.remedy.wording import Pinned
    from apologylab.service.budget import Caps
    from apologylab.service.ports import LedgerIdentity
    from apologylab.service.running import Running


class Pin(NamedTuple):
    """A remedy, its text's body, what it owes, and why it has no text if it should have one.

    ``address`` is the customer's on the channel, which stands in a text of its own (R21);
    ``beside`` is what will be sent beside the remedy.
    """

    remedy: Remedy
    text: str | None
    liability: Liability | None
    because: str
    address: str | None = None
    beside: Beside = Beside()


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
    locale = running.wording.locale(incident.fields) if running.wording.speaks(drawn.arm) else None
    code = partial(coupon_code, ledger.secret, drawn.key)
    text, because = _text(running, drawn.arm, incident, locale, nth, code)
    liability = _liability(running, drawn, incident, caps)
    carried, channel = running.carried[drawn.arm], running.leaves_through(drawn.arm)
    address = _address(running, channel, incident)
    scheduled = running.scheduled(drawn, incident, caps.now)
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
        due_at=scheduled.at,
        channel=channel,
        address=text_id(ledger, "address", drawn.key) if address else None,
        sender=carried.sender if text else None,
        shift_s=scheduled.shift_s,
        shifted_by=scheduled.shifted_by,
        awaits=scheduled.awaits,
        zone=scheduled.zone,
        leave_by=scheduled.leave_by,
    )
    beside = follow_ups(running, drawn, incident, remedy, ledger=ledger, now=caps.now)
    return Pin(remedy, text.body if text else None, liability, because, address, beside)


def _address(running: Running, channel: str | None, incident: Incident) -> str | None:
    """Where a remedy goes on its channel; what we do not send goes nowhere."""
    field = running.addresses.get(channel) if channel is not None else None
    return str(incident.fields[field]) if field is not None else None


def _text(
    running: Running,
    arm: str,
    incident: Incident,
    locale: str | None,
    nth: int,
    code: Callable[[], str],
) -> tuple[Pinned | None, str]:
    """The arm's text, or why it has none; the locale is None where it says nothing."""
    wording, repeats = running.wording, running.experiment.repeats
    if locale is None:
        return None, ""
    varied = nth if repeats is not None and repeats.text == "vary" else 1
    try:
        fields = running.giving.said(arm, running.fills(incident), code)
        return wording.text(arm, locale, fields, nth=varied), ""
    except InputError as error:
        return None, str(error)


def _liability(
    running: Running, drawn: Assignment, incident: Incident, caps: Caps
) -> Liability | None:
    found = running.giving.to(drawn.arm, incident.fields)
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
        terms=written_terms(found.terms) if found.terms is not None else None,
    )
