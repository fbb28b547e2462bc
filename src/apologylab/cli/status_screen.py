"""``status`` as one screen of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.cli.begun import ENDED
from apologylab.design.money import Money
from apologylab.inference.sentence import number, per_customer
from apologylab.inference.table import aligned
from apologylab.remedy.compensation import HELD, MOVES
from apologylab.report.beside import pooled_rows
from apologylab.service.achieved import rows
from apologylab.service.status import by_arm, by_reason

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.inference.results import Check
    from apologylab.service.status import CapNow, Promised, Status


EARLY: Final = 20
"""Where fewer units are planned by now, a percentage of them says nothing."""


def as_text(found: Status) -> str:
    """Dates, pace, counts, money, feeds, checks and pooled outcomes."""
    mark = "SIMULATED  " if found.simulated else ""
    blocks = [
        f"{mark}{found.experiment}, version {found.version}, as of {_day(found.as_of)}",
        _block("Dates", _dates(found)),
        _block("Units", _units(found)),
        _block("Answers", [(reason, f"{n:,}") for reason, n in by_reason(found).items()]),
        _block(
            "Incidents randomised, by arm", [(arm, f"{n:,}") for arm, n in by_arm(found).items()]
        ),
        _block("Given, compensations by where they stand", _promised(found)),
        _block("Caps", _caps(found)),
        _block("When remedies left, after the incident", rows(found.achieved)),
        _block("Feeds", _feeds(found)),
        _block("Outcomes, all arms together: no comparison", _pooled(found)),
        _block("Beside the plan, all arms together", _beside(found)),
        "\n".join(_check(each) for each in (found.check, found.check_at_any_time) if each),
        *(f"Departure from the plan: {each}" for each in found.deviations_from_plan),
    ]
    return "\n\n".join(block for block in blocks if block)


def _day(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _block(title: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([title, *(f"  {line}" for line in aligned(rows, left=2))]) if rows else ""


def _dates(found: Status) -> list[tuple[str, str]]:
    moments = found.timeline
    phase = f"phase {moments.phases[-1]}"
    open_ = f"closed {_day(moments.closed)}" if moments.closed else "open"
    ending = [("ended", f"{ENDED[found.halted]}: {found.closed_because}")] if found.halted else []
    because = [("because", found.closed_because)] if found.closed_because and not ending else []
    return [
        ("began", _day(moments.began)),
        ("enrolment", f"{open_}, {phase}; planned until {_day(moments.enrolment_ends)}"),
        *because,
        *ending,
        ("first unit mature", _day(found.first_mature)),
        ("half of the units", _day(found.half_mature)),
        ("all units so far", _day(found.all_mature)),
        ("declared end", _day(moments.declared_end) + (", passed" if found.ended else "")),
    ]


def _units(found: Status) -> list[tuple[str, str]]:
    rows = [("enrolled", f"{found.enrolled:,}")]
    if found.expected is not None and found.planned is not None:
        planned = f"{found.expected:,} planned by now, {found.planned:,} in all"
        is_early = found.expected < EARLY
        share = "" if is_early else f"{100 * found.enrolled / found.expected:.0f}% of "
        rows.append(("pace", f"{share}{planned}" + (": too early to say" if is_early else "")))
    if found.waiting:
        rows.append(("waiting", f"{found.waiting:,} incidents have no answer yet"))
    if found.undelivered:
        rows.append(("not sent", f"{found.undelivered:,} remedies, due or not yet due"))
    if found.dead_letters:
        rows.append(("dead letters", f"{found.dead_letters:,}: see `apologylab letters`"))
    if found.looks_taken or found.looks_meant:
        meant = f", of {found.looks_meant} planned" if found.looks_meant else ""
        rows.append(("looks", f"{found.looks_taken} at contrasts so far{meant}"))
    return rows


def _promised(found: Status) -> list[tuple[str, str]]:
    """An arm a row: how many are in each state, and the money that is held."""
    arms = dict.fromkeys(each.arm for each in found.promised)
    return [(arm, _of_arm([e for e in found.promised if e.arm == arm], found)) for arm in arms]


def _of_arm(promised: list[Promised], found: Status) -> str:
    states = {each.state: each for each in promised}
    said = ", ".join(f"{states[state].n:,} {state}" for state in MOVES if state in states)
    sum_held = sum(each.amount for each in promised if each.state in HELD)
    return f"{said}; {_money(sum_held, found)} held"


def _caps(found: Status) -> list[tuple[str, str]]:
    """A cap a row: what is taken of it."""
    return [(each.cap, "; ".join(_taken(each, found))) for each in found.caps]


def _taken(cap: CapNow, found: Status) -> list[str]:
    said = []
    if cap.amount is not None:
        share = f"{100 * cap.reserved / cap.amount:.1f}%"
        said.append(f"{_money(cap.reserved, found)} of {_money(cap.amount, found)} ({share})")
    if cap.uses is not None:
        said.append(f"{cap.uses_taken:,} of {cap.uses:,}")
    return said


def _money(minor: int, found: Status) -> str:
    return str(Money(minor, found.currency)) if found.currency else f"{minor:,} minor units"


def _feeds(found: Status) -> list[tuple[str, str]]:
    complete = [(kind, f"complete through {_day(at)}") for kind, at in sorted(found.feeds.items())]
    return [
        ("last incident", _day(found.last_incident)),
        ("last order", _day(found.last_order)),
        *complete,
    ]


def _pooled(found: Status) -> list[tuple[str, str]]:
    return [
        (each.outcome, f"{number(each.mean)} {per_customer(each.unit)} over {each.n:,} mature")
        for each in found.pooled
    ]


def _beside(found: Status) -> list[tuple[str, str]]:
    """Contacts, goodwill and refunds of the mature units; nothing before any is."""
    told = found.beside
    return pooled_rows(told) if told is not None and told.arms[0].units else []


def _check(check: Check) -> str:
    word = {True: "ok", False: "FAILED", None: "-"}[check.passed]
    return f"Check  {word}  {check.says}"
