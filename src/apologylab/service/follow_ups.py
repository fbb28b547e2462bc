"""Pin what will be sent beside a remedy: the survey's invitation, the notice of a promise at risk.

Both are remedies of a queue of their own (:func:`apologylab.design.follow_ups.queue_name`), so that
leases, retries, doubt, forgetting and purging hold for them as for any other, and none of what is
counted of the experiment counts them. Texts are rendered now: what they need is kept nowhere else
(R21).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.assignment.survey import is_invited
from apologylab.design.duration import parse_duration
from apologylab.design.follow_ups import NOTICE, SURVEY, queue_name
from apologylab.errors import InputError
from apologylab.record.facts import Remedy
from apologylab.record.later_facts import SurveyDraw
from apologylab.service.text_ids import text_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from apologylab.design.follow_ups import Purpose
    from apologylab.record.facts import Assignment, Fact, Incident
    from apologylab.remedy.wording import Pinned
    from apologylab.service.ports import LedgerIdentity
    from apologylab.service.running import Running


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Facts to store with an assignment, and the texts that they name."""

    facts: tuple[Fact, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)

    def plus(self, other: Beside) -> Beside:
        """Both together."""
        return Beside(facts=(*self.facts, *other.facts), texts={**self.texts, **other.texts})


def follow_ups(
    running: Running,
    drawn: Assignment,
    incident: Incident,
    remedy: Remedy,
    *,
    ledger: LedgerIdentity,
    now: datetime,
) -> Beside:
    """What follows the ``remedy`` of an answer that was ``drawn``."""
    found = Beside()
    for each in (
        *_survey(running, drawn, incident, ledger=ledger, now=now),
        *_notices(running, drawn, incident, remedy, ledger=ledger),
    ):
        found = found.plus(each)
    return found


def _survey(
    running: Running,
    drawn: Assignment,
    incident: Incident,
    *,
    ledger: LedgerIdentity,
    now: datetime,
) -> Iterator[Beside]:
    """The draw, of each unit once and in every arm, and the invitation of those invited."""
    survey = running.experiment.survey
    if survey is None or not drawn.first:
        return
    invited = is_invited(running.experiment, drawn.unit)
    yield Beside(facts=(_survey_draw(drawn, survey.share, invited=invited),))
    if not invited:
        return
    delay_s = int(parse_duration(survey.after).total_seconds())
    zone, _ = running.timing.zone_of(incident.fields)
    due = running.timing.after(drawn.occurred_at, delay_s, zone, now)
    said = tuple((SURVEY, each) for each in survey.questions)
    channel = survey.channel or running.experiment.delivery.channel
    bare = _bare(drawn, SURVEY, SURVEY, due.at, channel)
    yield _pinned(running, bare, incident, said, ledger=ledger, zone=zone)


def _survey_draw(drawn: Assignment, share: float, *, invited: bool) -> SurveyDraw:
    return SurveyDraw(
        key=drawn.key,
        occurred_at=drawn.occurred_at,
        assignment=drawn.key,
        experiment=drawn.experiment,
        customer=drawn.customer,
        invited=invited,
        share=share,
    )


def _notices(
    running: Running,
    drawn: Assignment,
    incident: Incident,
    remedy: Remedy,
    *,
    ledger: LedgerIdentity,
) -> Iterator[Beside]:
    """One for each promise of the arm, so long before it is due; whether it leaves is seen then."""
    for level, promise in running.promises[drawn.arm]:
        if promise.notice is None:
            continue
        within = parse_duration(promise.within) - parse_duration(promise.notice)
        due = remedy.due_at + max(within, timedelta())
        channel = remedy.channel or running.experiment.delivery.channel
        bare = _bare(drawn, NOTICE, f"{NOTICE}/{level}", due, channel)
        zone, _ = running.timing.zone_of(incident.fields)
        yield _pinned(running, bare, incident, ((NOTICE, level),), ledger=ledger, zone=zone)


def _bare(drawn: Assignment, purpose: Purpose, mark: str, due: datetime, channel: str) -> Remedy:
    """A follow-up without its words; its key begins as no experiment's name can."""
    key = f"{mark}:{drawn.key}"
    return Remedy(
        key=key,
        occurred_at=drawn.occurred_at,
        assignment=key,
        experiment=queue_name(drawn.experiment, purpose),
        customer=drawn.customer,
        arm=drawn.arm,
        locale=None,
        text=None,
        text_sha256=None,
        compensation=None,
        amount=0,
        currency=None,
        due_at=due,
        channel=channel,
    )


def _pinned(
    running: Running,
    bare: Remedy,
    incident: Incident,
    said: tuple[tuple[str, str], ...],
    *,
    ledger: LedgerIdentity,
    zone: str | None,
) -> Beside:
    """With its words and address; one that cannot be rendered ends failed, as a remedy does."""
    locale = running.wording.locale(incident.fields)
    text = _text(running, said, locale, incident)
    texts: dict[str, str] = {}
    if text is not None:
        texts[text_id(ledger, "remedy", bare.key)] = text.body
    name = running.addresses.get(bare.channel or "")
    if name is not None:
        texts[text_id(ledger, "address", bare.key)] = str(incident.fields[name])
    remedy = replace(
        bare,
        locale=locale,
        text=text_id(ledger, "remedy", bare.key) if text else None,
        text_sha256=text.sha256 if text else None,
        address=text_id(ledger, "address", bare.key) if name is not None else None,
        zone=zone,
    )
    return Beside(facts=(remedy,), texts=texts)


def _text(
    running: Running, said: tuple[tuple[str, str], ...], locale: str | None, incident: Incident
) -> Pinned | None:
    if locale is None:
        return None
    try:
        return running.wording.beside(said, locale, running.fills(incident))
    except InputError:
        return None
