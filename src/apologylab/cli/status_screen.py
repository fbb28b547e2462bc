"""``status`` as one screen of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.design.money import Money
from apologylab.inference.sentence import number, per_customer
from apologylab.inference.table import aligned
from apologylab.service.status import by_arm, by_reason

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.service.status import Status


def as_text(found: Status) -> str:
    """Dates, pace, counts, money, feeds, checks and pooled outcomes."""
    mark = "SIMULATED  " if found.simulated else ""
    blocks = [
        f"{mark}{found.experiment}, version {found.version}, as of {_day(found.as_of)}",
        _block("Dates", _dates(found)),
        _block("Units", _units(found)),
        _block("Answers", [(reason, f"{n:,}") for reason, n in by_reason(found).items()]),
        _block("Arms", [(arm, f"{n:,}") for arm, n in by_arm(found).items()]),
        _block("Feeds", _feeds(found)),
        _block("Outcomes, all arms together: no comparison", _pooled(found)),
        _check(found),
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
    return [
        ("began", _day(moments.began)),
        ("enrolment", f"{open_}, {phase}; planned until {_day(moments.enrolment_ends)}"),
        ("first unit mature", _day(found.first_mature)),
        ("half of the units", _day(found.half_mature)),
        ("all units so far", _day(found.all_mature)),
        ("declared end", _day(moments.declared_end) + (", passed" if found.ended else "")),
    ]


def _units(found: Status) -> list[tuple[str, str]]:
    rows = [("enrolled", f"{found.enrolled:,}")]
    if found.expected is not None and found.planned is not None:
        pace = f"{100 * found.enrolled / found.expected:.0f}%" if found.expected else "-"
        rows.append(
            ("pace", f"{pace} of the {found.expected:,} planned by now ({found.planned:,} in all)")
        )
    if found.budget is not None and found.currency is not None:
        reserved, total = Money(found.reserved, found.currency), Money(found.budget, found.currency)
        share = f"{100 * found.reserved / found.budget:.1f}%"
        rows.append(("budget", f"{reserved} of {total} reserved ({share})"))
    return rows


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


def _check(found: Status) -> str:
    word = {True: "ok", False: "FAILED", None: "-"}[found.check.passed]
    return f"Check  {word}  {found.check.says}"
