"""Facts of what comes after an apology, in words."""

from __future__ import annotations

from datetime import tzinfo

from apologylab.design.money import Money
from apologylab.record.later_facts import (
    AgentAnswer,
    Approval,
    Bounce,
    Choice,
    Commitment,
    CommitmentEnded,
    Complaint,
    SameIncident,
    SurveyDraw,
    Visit,
)
from apologylab.service.telling import clock, words
from apologylab.service.telling import tell as tell  # noqa: PLC0414 - with what is added here


@tell.register
def _(fact: Complaint, _zone: tzinfo) -> str:
    lost = fact.lost_amount
    parts = [
        f"about {words(fact.department)}" if fact.department else "",
        f"asked for {words(fact.asked_for)}" if fact.asked_for else "",
        f"told {fact.told} times" if fact.told and fact.told > 1 else "",
        "asked for somebody higher" if fact.escalated else "",
        f"lost {fact.lost_minutes} minutes" if fact.lost_minutes else "",
        f"lost {Money(lost, fact.currency or '')}" if lost else "",
    ]
    said = ", ".join(each for each in parts if each)
    return f"{words(fact.kind)}: {said}" if said else words(fact.kind)


@tell.register
def _(fact: SameIncident, _zone: tzinfo) -> str:
    return f"operations recorded the same as {fact.key}, {words(fact.kind)}"


@tell.register
def _(fact: Visit, _zone: tzinfo) -> str:
    return f"came by at {fact.place}" if fact.place else "came by"


@tell.register
def _(fact: Approval, _zone: tzinfo) -> str:
    return f"{'released' if fact.released else 'refused'} by {fact.by}: {words(fact.reason)}"


@tell.register
def _(fact: Choice, _zone: tzinfo) -> str:
    return f"chose {fact.chosen}"


@tell.register
def _(fact: Commitment, zone: tzinfo) -> str:
    return f"promised by {clock(fact.until, zone)}: {fact.what}; {fact.keeper} keeps it"


@tell.register
def _(fact: CommitmentEnded, _zone: tzinfo) -> str:
    because = f": {fact.because}" if fact.because else ""
    return f"{'kept' if fact.kept else 'broken'}{because}"


@tell.register
def _(fact: SurveyDraw, _zone: tzinfo) -> str:
    return f"{'drawn' if fact.invited else 'not drawn'} with probability {fact.share:g}"


@tell.register
def _(fact: AgentAnswer, _zone: tzinfo) -> str:
    gave = f", gave {Money(fact.amount, fact.currency or '')}" if fact.amount else ""
    because = f": {fact.because}" if fact.because else ""
    return f"{fact.agent} {fact.did} it{gave}{because}"


@tell.register
def _(fact: Bounce, _zone: tzinfo) -> str:
    for_good = "for good" if fact.hard else "for now"
    return f"came back from {fact.channel} {for_good}" + (
        f": {fact.because}" if fact.because else ""
    )
