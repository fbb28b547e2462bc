"""A remedy as its channel gets it: the words, the address, who speaks, and whether it promotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.design.carriers import read_signed
from apologylab.design.follow_ups import purpose_of
from apologylab.remedy.amounts import least_order
from apologylab.remedy.codes import COUPON_CODE, coupon_code
from apologylab.remedy.compensation import JOINED
from apologylab.remedy.letter import opened
from apologylab.service.channel import Outgoing

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.design.remedies import Compensation
    from apologylab.record.facts import Remedy
    from apologylab.service.claiming import Leaving
    from apologylab.service.ports import LedgerIdentity


def outgoing(experiment: Experiment, leaving: Leaving, ledger: LedgerIdentity) -> Outgoing:
    """``leaving`` under the key by which its channel knows it."""
    remedy = leaving.remedy
    letter = opened(leaving.body) if leaving.body is not None else None
    name, address = read_signed(remedy.sender)
    return Outgoing(
        key=outgoing_key(ledger, remedy.key),
        customer=remedy.customer,
        experiment=remedy.experiment,
        arm=remedy.arm,
        text=letter.text if letter else None,
        subject=letter.subject if letter else None,
        parts=tuple((each.part, each.text) for each in letter.parts) if letter else (),
        locale=remedy.locale,
        to=leaving.to,
        sender=name,
        sender_address=address,
        compensation=remedy.compensation,
        amount=remedy.amount,
        currency=remedy.currency,
        expires_days=expires_days(experiment, remedy),
        promotional=promotes(experiment, remedy),
        purpose=purpose_of(remedy.experiment),
        code=code_of(experiment, remedy, ledger),
        issuer=_issuer(experiment, remedy),
        minimum=_minimum(experiment, remedy),
    )


def outgoing_key(ledger: LedgerIdentity, key: str) -> str:
    """A remedy's key as channels know it: no other ledger's is the same."""
    return f"{ledger.id}/{key}"


def code_of(experiment: Experiment, remedy: Remedy, ledger: LedgerIdentity) -> str | None:
    """The code of what a remedy gives, where codes are made for it."""
    given = _given(experiment, remedy)
    coded = any(each.issuer is not None for each in given) or (
        bool(given) and COUPON_CODE in experiment.messages.placeholders
    )
    return coupon_code(ledger.secret, remedy.key) if coded else None


def _issuer(experiment: Experiment, remedy: Remedy) -> str | None:
    """Who makes its code work; what is issued is given alone."""
    return next((each.issuer for each in _given(experiment, remedy) if each.issuer), None)


def _minimum(experiment: Experiment, remedy: Remedy) -> int | None:
    """The least order that may use what is given alone, in minor units of its currency."""
    name = remedy.compensation
    if remedy.currency is None or name is None or name not in experiment.compensation:
        return None
    return least_order(experiment, name, remedy.currency)


def expires_days(experiment: Experiment, remedy: Remedy) -> int | None:
    """How long the last of what a remedy gives can be used after it went out."""
    lives = [each.expires_days for each in _given(experiment, remedy)]
    known = [each for each in lives if each is not None]
    return max(known) if known and len(known) == len(lives) else None


def _given(experiment: Experiment, remedy: Remedy) -> list[Compensation]:
    names = remedy.compensation.split(JOINED) if remedy.compensation else []
    return [each for name in names if (each := experiment.compensation.get(name)) is not None]


def promotes(experiment: Experiment, remedy: Remedy) -> bool:
    """Whether a remedy is promotional: as declared, else if it gives something."""
    if purpose_of(remedy.experiment) != "remedy":
        return False
    declared = experiment.delivery.promotional
    return remedy.compensation is not None if declared is None else declared
