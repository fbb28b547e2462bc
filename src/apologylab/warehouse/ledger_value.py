"""The v of a ledger's unit (R16): the tallies it is made of, and the SQL that adds them up.

All over one window, that of the sales outcome. A compensation outlives it if it can still be
redeemed when the window has passed: what is open then is counted as declared, and shown at face and
at zero beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.decision.value import AT_FACE, AT_ZERO, REDEEMED, SALES, VALUE
from apologylab.warehouse.sql import double, identifier, text_literal
from apologylab.warehouse.tally import DAY, Tally, outcome_tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.decision.value import LedgerValue

SENT, CONTACTS, GOODWILL = "v:sent", "v:contacts", "v:goodwill"


def value_tallies(value: LedgerValue, experiment: str) -> tuple[Tally, ...]:
    """Everything that v is made of."""
    end = (value.sales.window_days or 0) * DAY
    named = ", ".join(text_literal(name) for name in value.compensation) or "NULL"
    ours = f"compensation IN ({named})"
    sent = f"experiment = {text_literal(experiment)} AND state = 'sent'"
    sales = outcome_tally(value.sales)
    return (
        Tally(name=SALES, fact="order", of=sales.of, start=0, end=end, money=True),
        Tally(
            name=REDEEMED, fact="redemption", of="cost_amount", start=0, end=end, where=ours,
            money=True,
        ),
        Tally(name=SENT, fact="delivery", kind="count", start=0, end=end, where=sent),
        Tally(name=CONTACTS, fact="contact", kind="count", start=0, end=end),
        Tally(name=GOODWILL, fact="goodwill", of="amount", start=0, end=end, money=True),
        *(each for name in value.outliving for each in _open_tallies(value, name, experiment, end)),
    )  # fmt: skip


def _open_tallies(value: LedgerValue, name: str, experiment: str, end: int) -> tuple[Tally, Tally]:
    """What was given that has not expired by the end, and what was redeemed since."""
    lives = value.compensation[name].expires_days
    start = 0 if lives is None else max(0, end - lives * DAY + 1)
    ours = f"compensation = {text_literal(name)}"
    step = "CASE state WHEN 'committed' THEN amount WHEN 'released' THEN -amount "
    step += "WHEN 'revoked' THEN -amount WHEN 'expired' THEN -amount ELSE 0 END"
    given = f"{ours} AND experiment = {text_literal(experiment)}"
    return (
        Tally(
            name=f"v:given:{name}", fact="liability", of=step, start=start, end=end, where=given,
            money=True,
        ),
        Tally(
            name=f"v:used:{name}", fact="redemption", of="amount", start=start, end=end, where=ours,
            money=True,
        ),
    )  # fmt: skip


def value_columns(value: LedgerValue) -> Mapping[str, str]:
    """Column -> SQL over the tallies: v and its parts, and its bounds where they differ."""
    v = (
        f"{double(value.margin)} * {_of(SALES)} - {_of(REDEEMED)} - {_of(GOODWILL)} "
        f"- {double(value.message_cost)} * {_of(SENT)} "
        f"- {double(value.handling_cost)} * {_of(CONTACTS)}"
    )
    columns = {VALUE: v, SALES: _of(SALES), REDEEMED: _of(REDEEMED)}
    late = value.outliving
    if not late:
        return columns
    share = {name: double(value.compensation[name].cost_share) for name in late}
    face = " + ".join(f"{share[name]} * {_open(name)}" for name in late)
    expected = " + ".join(f"{share[name]} * {_rate(name)} * {_open(name)}" for name in late)
    counted = {"face": face, "zero": "0.0", "expected": expected}[value.open_liability]
    return columns | {VALUE: f"{v} - ({counted})", AT_FACE: f"{v} - ({face})", AT_ZERO: v}


def _of(name: str) -> str:
    return f"coalesce({identifier(name)}, 0.0)"


def _open(name: str) -> str:
    return f"greatest({_of(f'v:given:{name}')} - {_of(f'v:used:{name}')}, 0.0)"


def _rate(name: str) -> str:
    """The share redeemed so far of all that was given, over all units and taken as known."""
    used, given = _of(f"v:used:{name}"), _of(f"v:given:{name}")
    return f"coalesce(sum({used}) OVER () / nullif(sum({given}) OVER (), 0.0), 0.0)"
