"""What of a unit's compensations can still be redeemed when its window has passed (R16).

A unit may hold several of one name, of later incidents. Each is used at most once, and a redemption
uses the assignment that it names; otherwise the earliest that has not expired by then, as the
ledger's own books do (:mod:`apologylab.service.redeeming`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.warehouse.sql import double, identifier, text_literal
from apologylab.warehouse.tally import DAY, Tally

if TYPE_CHECKING:
    from apologylab.design.remedies import Compensation


def open_tallies(name: str, experiment: str, end: int) -> tuple[Tally, ...]:
    """What was given of one compensation in [0, end), taken back, and used."""
    ours = f"list_contains(string_split(compensation, '+'), {text_literal(name)})"
    given = f"{ours} AND experiment = {text_literal(experiment)}"
    held, back = f"{given} AND state = 'committed'", f"{given} AND state IN ('released', 'revoked')"
    used = f"compensation = {text_literal(name)}"
    return (
        Tally(
            name=f"v:given:{name}", fact="liability", kind="list", of="{t: t, a: assignment}",
            start=0, end=end, where=held,
        ),
        Tally(
            name=f"v:back:{name}", fact="liability", kind="list", of="assignment",
            start=0, end=end, where=back,
        ),
        Tally(
            name=f"v:used:{name}", fact="redemption", kind="list", of="{t: t, a: assignment}",
            start=0, end=end, where=used,
        ),
    )  # fmt: skip


def still_open(name: str, given: Compensation, end: int) -> str:
    """SQL of what is open at ``end``, in whole units of the currency."""
    left = (
        f"(SELECT {_left(given, end)} FROM (SELECT {_free(name)} AS given, {_uses(name)} AS used))"
    )
    return f"{double(float(given.value))} * {left}"


def _left(given: Compensation, end: int) -> str:
    """How many of the list ``given`` are left after the uses ``used``, both in order of time.

    ``n`` are gone at a time: those expired by then, or those used so far if they are more.
    """
    gone = f"greatest(n, {_expired('u', given)})"
    step = f"least({gone} + 1, len(given))"
    steps = f"list_reduce(list_prepend(0::BIGINT, used), lambda n, u: {step})"
    return f"len(given) - greatest({steps}, {_expired(str(end), given)})"


def _expired(at: str, given: Compensation) -> str:
    """How many of ``given`` have expired by ``at``."""
    if given.expires_days is None:
        return "0"
    return f"len(list_filter(given, lambda g: g + {given.expires_days * DAY} <= {at}))"


def _free(name: str) -> str:
    """The times of what was given, without what was taken back or is named by a redemption."""
    named = f"list_transform({_list(f'v:used:{name}')}, lambda u: u.a)"
    back = _list(f"v:back:{name}")
    free = (
        f"NOT coalesce(list_contains({back}, g.a), FALSE) "
        f"AND NOT coalesce(list_contains({named}, g.a), FALSE)"
    )
    return (
        f"list_transform(list_filter({_list(f'v:given:{name}')}, lambda g: {free}), lambda g: g.t)"
    )


def _uses(name: str) -> str:
    """The times of redemptions that name no assignment that was given."""
    known = f"list_transform({_list(f'v:given:{name}')}, lambda g: g.a)"
    free = f"NOT coalesce(list_contains({known}, u.a), FALSE)"
    return (
        f"list_transform(list_filter({_list(f'v:used:{name}')}, lambda u: {free}), lambda u: u.t)"
    )


def _list(name: str) -> str:
    return f"coalesce({identifier(name)}, [])"


def redeemed_share(name: str, mature: str) -> str:
    """The share used of all that was given, over all units that are ``mature``, taken as known.

    Who had only some days to use a coupon says little of how many are used in a whole window.
    """
    used, given = (
        f"sum(coalesce(len({identifier(f'v:{w}:{name}')}), 0)) FILTER (WHERE {mature}) OVER ()"
        for w in ("used", "given")
    )
    return f"coalesce(least({used} / nullif({given}, 0.0), 1.0), 0.0)"
