"""``causes`` as one screen of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.design.money import Money
from apologylab.inference.table import aligned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.service.causes import Cause, Causes, Counted
    from apologylab.service.trends import Trend

HEAD: Final = ("", "cost", "incidents", "customers", "again", "by week", "a week's change", "trend")
CAME: Final = (
    "", "aware", "complaints", "lost minutes", "lost", "answered", "after", "resolved", "after",
    "reopened",
)  # fmt: skip
BARS: Final = "▁▂▃▄▅▆▇█"
SHOWN: Final = 12
"""Groups on the screen, the dearest; --json has all."""
WEEKS_SHOWN: Final = 12


def as_text(found: Causes, *, simulated: bool) -> str:
    """What it costs and how often it is, then what came of it, then what was asked for."""
    mark = "SIMULATED  " if simulated else ""
    days = f"{found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}"
    title = f"{mark}Incidents by {found.by}, {days}, the dearest first"
    if not found.causes:
        return f"{title}\n\nNo incident is recorded in these weeks."
    shown = found.causes[:SHOWN]
    blocks = [
        title,
        _table("", HEAD, [_row(each, found.currency) for each in shown]),
        _table("What came of them", CAME, [_came(each.counted, found.currency) for each in shown]),
        _listed("Asked for", [(each.counted.name, each.counted.asked_for) for each in shown]),
        _listed("Whose fault", [(each.counted.name, each.counted.fault) for each in shown]),
        "\n".join(_notes(found)),
    ]
    return "\n\n".join(block for block in blocks if block)


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = (f"  {line}" for line in aligned([head, *rows], left=1))
    return "\n".join([*([title] if title else []), *lines])


def _row(each: Cause, currency: str) -> tuple[str, ...]:
    counted = each.counted
    return (
        counted.name,
        str(Money(counted.cost(currency), currency)),
        f"{counted.incidents:,}",
        f"{counted.customers:,}",
        _share(counted.again, counted.incidents),
        bars(counted.weeks[-WEEKS_SHOWN:]),
        _change(each.trend),
        each.trend.says if each.trend else "too few to say",
    )


def bars(counts: tuple[int, ...]) -> str:
    """Numbers as bars of their share of the highest; none is a dot.

    >>> bars((0, 1, 4, 8))
    '·▁▄█'
    """
    most = max(counts, default=0)
    return "".join(BARS[max(round(n / most * len(BARS)), 1) - 1] if n else "·" for n in counts)


def _change(trend: Trend | None) -> str:
    if trend is None:
        return "-"
    return f"{trend.change:+.0%} ({trend.low:+.0%} to {trend.high:+.0%})"


def _came(counted: Counted, currency: str) -> tuple[str, ...]:
    lost = counted.lost.get(currency, 0)
    return (
        counted.name,
        _share(counted.aware, counted.incidents),
        f"{counted.complaints:,}",
        f"{counted.lost_minutes:,}",
        str(Money(lost, currency)) if lost else "-",
        _share(counted.answered, counted.incidents),
        _hours(counted.hours_to_answer),
        _share(counted.resolved, counted.incidents),
        _hours(counted.hours_to_resolution),
        _share(counted.reopened, counted.incidents),
    )


def _share(n: int, of: int) -> str:
    return f"{n / of:.0%}"


def _hours(hours: float | None) -> str:
    """Hours, or days where they are many.

    >>> _hours(0.5), _hours(30.0), _hours(None)
    ('0.5 h', '1.2 d', '-')
    """
    if hours is None:
        return "-"
    return f"{hours:.1f} h" if hours < 24 else f"{hours / 24:.1f} d"


def _listed(title: str, rows: list[tuple[str, Mapping[str, int]]]) -> str:
    """What was said how often, the most first, of each group that has any."""
    said = [
        (name, ", ".join(f"{what.replace('_', ' ')} {n:,}" for what, n in list(counts.items())[:5]))
        for name, counts in rows
        if counts
    ]
    return "\n".join([title, *(f"  {line}" for line in aligned(said, left=2))]) if said else ""


def _notes(found: Causes) -> list[str]:
    """What the numbers are, in a line each."""
    hidden = len(found.causes) - SHOWN
    level = f"{found.level:.0%}"
    return [
        *([f"{hidden} more in --json."] if hidden > 0 else []),
        "Cost: compensation committed or used, at face, and goodwill. Again: incidents of",
        "customers whom the same had hit before. After: the median of those answered, or resolved.",
        f"A week's change has intervals that hold for all rows together ({level}).",
        *(
            [f"Amounts in {', '.join(found.other_currencies)} are in --json, not in the order."]
            if found.other_currencies
            else []
        ),
    ]
