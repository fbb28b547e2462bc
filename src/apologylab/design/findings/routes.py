"""Rules about channels: where a remedy leaves, and the address that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.findings.finding import Finding, Rule, at, fields_of
from apologylab.design.remedies import CHANNEL
from apologylab.design.routes import address_fields, channels, wrong_address

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def caller_sends(experiment: Experiment) -> Iterator[Finding]:
    """What says how we send is idle where the caller sends."""
    delivery = experiment.delivery
    if delivery.by != "caller":
        return
    for key in ("address", "addresses", "promotional"):
        if getattr(delivery, key) not in (None, {}):
            yield Finding(
                path=f"delivery.{key}",
                what='has no effect: by = "caller" leaves the sending to the caller',
                do="delete it",
                related=("delivery.by",),
            )


def addressed_channels(experiment: Experiment) -> Iterator[Finding]:
    """An address is of a channel that a remedy can leave through."""
    known = channels(experiment)
    for name in experiment.delivery.addresses:
        if name not in known:
            yield Finding(
                path=at("delivery", "addresses", name),
                what="no remedy leaves through this channel",
                do=f"name one of {', '.join(known)}",
                related=("delivery.channel", f"factors.{CHANNEL}"),
            )


def private_addresses(experiment: Experiment) -> Iterator[Finding]:
    """A field that a rule reads is stored in clear, so it is no address (R21)."""
    judged = _judged(experiment)
    for channel, field in address_fields(experiment).items():
        if field in judged:
            yield Finding(
                path="delivery.address",
                value=field,
                what=f"{judged[field]} reads it: the address for {channel} would be kept in clear",
                do="let that rule read another field",
                related=("delivery", "incident", "eligibility", "allocation", "factors"),
            )


def sender_addresses(experiment: Experiment) -> Iterator[Finding]:
    """A sender's address is an e-mail address."""
    for place, address in fields_of(experiment.sender, "address", "sender"):
        if address is not None and (why := wrong_address(address, "email")):
            yield Finding(
                path=place,
                value=address,
                what=why,
                do='write one like "ana@example.com", or delete the key',
            )


def _judged(experiment: Experiment) -> dict[str, str]:
    """Field of the incident -> the key that reads it."""
    incident, allocation = experiment.incident, experiment.allocation
    named: dict[str, str] = {}
    if incident is not None:
        named |= dict.fromkeys(incident.where, "incident.where")
        named |= {incident.severity.field: "incident.severity"} if incident.severity else {}
        named |= {incident.price: "incident.price"} if incident.price else {}
    named |= dict.fromkeys(experiment.eligibility.exclude, "eligibility.exclude")
    named |= dict.fromkeys(allocation.strata, "allocation.strata")
    named |= {allocation.cluster: "allocation.cluster"} if allocation.cluster else {}
    return named


RULES: tuple[Rule, ...] = (
    caller_sends,
    addressed_channels,
    private_addresses,
    sender_addresses,
)
