"""``Given``: what a caller is told to do for one incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab.assignment.answers import not_drawn

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.service.assign import Answer
    from apologylab.service.running import Running


class Given(NamedTuple):
    """What to do for one incident.

    ``arm`` is an arm of the experiment, or what ``[otherwise]`` names, where ``reason`` is neither
    RANDOMISED nor OVERRIDE. ``due_at``, ``text``, ``compensation`` and ``amount`` (minor units)
    are None where nothing is due, said or given; ``subject`` and ``sender`` where the arm's wording
    or its factors do not say them, ``channel`` where nothing leaves or the caller is to choose.
    """

    arm: str
    reason: str
    because: str
    experiment: str | None = None
    version: int | None = None
    phase: int | None = None
    propensity: float | None = None
    delay_s: int | None = None
    due_at: datetime | None = None
    locale: str | None = None
    text: str | None = None
    compensation: str | None = None
    amount: int | None = None
    currency: str | None = None
    subject: str | None = None
    sender: str | None = None
    channel: str | None = None


def given(running: Running, answer: Answer) -> Given:
    """``answer`` as a caller is told it."""
    stored, remedy = answer.assignment, answer.remedy
    if stored is None:
        refused = not_drawn(running.experiment, "INELIGIBLE", answer.because)
        return Given(refused.arm, "INELIGIBLE", answer.because, running.name)
    return Given(
        arm=stored.arm,
        reason=stored.reason,
        because=answer.because or stored.because,
        experiment=stored.experiment,
        version=stored.version,
        phase=stored.phase,
        propensity=stored.propensity,
        delay_s=stored.delay_s,
        due_at=stored.due_at,
        locale=remedy.locale if remedy else None,
        text=answer.text,
        compensation=remedy.compensation if remedy else None,
        amount=remedy.amount if remedy and remedy.compensation else None,
        currency=remedy.currency if remedy else None,
        subject=answer.letter.subject if answer.letter else None,
        sender=remedy.sender if remedy else None,
        channel=remedy.channel if remedy else None,
    )
