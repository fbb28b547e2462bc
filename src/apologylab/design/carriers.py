"""Who speaks in an arm, and through which channel, where the design varies them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.arms import CARRIERS, arms
from apologylab.design.experiment import NONE
from apologylab.design.remedies import CHANNEL, SENDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import Experiment
    from apologylab.design.remedies import Sender


class Carried(NamedTuple):
    """The channel and the sender of an arm; None where the experiment's own applies."""

    channel: str | None
    sender: str | None


def carried(experiment: Experiment) -> Mapping[str, Carried]:
    """Arm -> who speaks through what; silence speaks through nothing."""
    return {
        arm.name: Carried(
            channel=arm.levels.get(CHANNEL), sender=_sender(experiment, arm.levels.get(SENDER))
        )
        for arm in arms(experiment)
    }


def has_text(experiment: Experiment, factor: str, level: str) -> bool:
    """Whether a level is said: not none, no delay, no channel, nothing given without a word."""
    if level == NONE or (factor in CARRIERS and factor != SENDER):
        return False
    given = experiment.compensation.get(level)
    return given is None or given.told


def says(experiment: Experiment, levels: Mapping[str, str]) -> bool:
    """Whether anything is said under ``levels``; a signature alone is nothing."""
    return any(
        factor != SENDER and has_text(experiment, factor, level) for factor, level in levels.items()
    )


def _sender(experiment: Experiment, level: str | None) -> str | None:
    return None if level in (None, NONE) else signed(experiment.sender[level])


def signed(sender: Sender) -> str:
    """A sender as a remedy stores it; :func:`read_signed` reads it.

    >>> from apologylab.design.remedies import Sender
    >>> signed(Sender(kind="person", name="Ann Low", address="ann@shop.example"))
    'Ann Low <ann@shop.example>'
    """
    return f"{sender.name} <{sender.address}>" if sender.address else sender.name


def read_signed(text: str | None) -> tuple[str | None, str | None]:
    """The name and the address that :func:`signed` wrote.

    >>> read_signed("Ann Low <ann@shop.example>"), read_signed("Ann Low"), read_signed(None)
    (('Ann Low', 'ann@shop.example'), ('Ann Low', None), (None, None))
    """
    name, found, address = (text or "").rpartition(" <")
    if not found or not address.endswith(">"):
        return text, None
    return name, address.removesuffix(">")
