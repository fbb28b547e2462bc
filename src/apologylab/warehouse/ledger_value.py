"""The v of a ledger's unit (R16): the tallies it is made of, and the SQL that adds them up.

All over one window, that of the sales outcome. A compensation outlives it if it can still be
redeemed when the window has passed: what is open then is counted as declared, and shown at face and
at zero beside it (:mod:`apologylab.warehouse.still_open`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.decision.value import AT_FACE, AT_ZERO, REDEEMED, SALES, VALUE
from apologylab.design.money import exponent
from apologylab.warehouse.sql import double, identifier, text_literal
from apologylab.warehouse.still_open import open_tallies, redeemed_share, still_open
from apologylab.warehouse.tally import DAY, Tally, outcome_tally, where_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.decision.value import LedgerValue

SENT, EFFORT, CONTACTS, GOODWILL = "v:sent", "v:effort", "v:contacts", "v:goodwill"


def value_tallies(value: LedgerValue, experiment: str) -> tuple[Tally, ...]:
    """Everything that v is made of."""
    end = (value.sales.window_days or 0) * DAY
    named = ", ".join(text_literal(name) for name in value.compensation) or "NULL"
    ours = f"compensation IN ({named})"
    sent = f"experiment = {text_literal(experiment)} AND state = 'sent'"
    silent = ", ".join(map(text_literal, value.wordless))
    told = f"{sent} AND arm NOT IN ({silent})" if silent else sent
    sales = outcome_tally(value.sales)
    return (
        Tally(name=SALES, fact="order", of=sales.of, start=0, end=end, money=True),
        Tally(
            name=REDEEMED, fact="redemption", of="cost_amount", start=0, end=end, where=ours,
            money=True,
        ),
        Tally(name=SENT, fact="delivery", kind="count", start=0, end=end, where=told),
        *_effort(value, sent, end),
        Tally(
            name=CONTACTS, fact="contact", kind="count", start=0, end=end,
            where=where_sql("contact", {}),
        ),
        Tally(name=GOODWILL, fact="goodwill", of="amount", start=0, end=end, money=True),
        *(each for name in value.outliving for each in open_tallies(name, experiment, end)),
    )  # fmt: skip


def _effort(value: LedgerValue, sent: str, end: int) -> tuple[Tally, ...]:
    """What people's time for the messages sent costs."""
    if not value.effort:
        return ()
    cases = (f"WHEN {text_literal(arm)} THEN {double(cost)}" for arm, cost in value.effort.items())
    of = f"CASE arm {' '.join(cases)} ELSE 0.0 END"
    return (Tally(name=EFFORT, fact="delivery", of=of, start=0, end=end, where=sent),)


def value_columns(value: LedgerValue, mature: str) -> Mapping[str, str]:
    """Column -> SQL over the tallies: v and its parts, and its bounds where they differ.

    ``mature`` says in SQL whose v is known.
    """
    v = (
        f"{double(value.margin)} * {_of(SALES)} - {_of(REDEEMED)} - {_of(GOODWILL)} "
        f"- {double(value.message_cost)} * {_of(SENT)} "
        f"{f'- {_of(EFFORT)} ' if value.effort else ''}"
        f"- {double(value.handling_cost)} * {_of(CONTACTS)}"
    )
    columns = {VALUE: v, SALES: _of(SALES), REDEEMED: _of(REDEEMED)}
    late = [(name, value.compensation[name]) for name in value.outliving]
    if not late:
        return columns
    end = (value.sales.window_days or 0) * DAY
    minor = 10 ** exponent(value.currency)
    still = [
        f"{double(each.cost_share)} * {still_open(n, each, end, minor=minor)}" for n, each in late
    ]
    shares = [redeemed_share(name, mature) for name, _ in late]
    rates = [f"{part} * {share}" for part, share in zip(still, shares, strict=True)]
    face = " + ".join(still)
    counted = {"face": face, "zero": "0.0", "expected": " + ".join(rates)}[value.open_liability]
    return columns | {VALUE: f"{v} - ({counted})", AT_FACE: f"{v} - ({face})", AT_ZERO: v}


def _of(name: str) -> str:
    return f"coalesce({identifier(name)}, 0.0)"
