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
    here = f"experiment = {text_literal(experiment)}"
    held = f"{ours} AND {here} AND state IN ('committed', 'chosen')"
    gone = f"{here} AND (state = 'chosen' OR ({ours} AND state IN ('released', 'revoked')))"
    back = f"{gone} AND NOT ({held})"
    used = f"compensation = {text_literal(name)}"
    of = f"{{t: t, a: assignment, m: {_charge(name)}}}"
    return (
        Tally(
            name=f"v:given:{name}", fact="liability", kind="list", of=of,
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


def _charge(name: str) -> str:
    """SQL of what a liability holds for ``name``, in minor units of the budget's currency.

    What was given on no terms of its own is of one value, or alone: its amount.
    """
    own = text_literal(f'$.given."{name}".charge')
    whole = text_literal("$.charge")
    return f"CAST(coalesce(terms ->> {own}, terms ->> {whole}, CAST(amount AS VARCHAR)) AS BIGINT)"


def still_open(name: str, given: Compensation, end: int, *, minor: int) -> str:
    """SQL of what is open at ``end``, in whole units of the currency of ``minor`` minor units."""
    counted = f"greatest({_left(given, end)}, 0)"
    if given.value is not None:
        face, of = double(float(given.value)), counted
    else:
        face, of = double(1 / minor), _last(counted)
    uses = f"SELECT {_free(name, 't')} AS given, {_free(name, 'm')} AS sizes, {_uses(name)} AS used"
    return f"{face} * (SELECT {of} FROM ({uses}))"


def _last(count: str) -> str:
    """SQL of the sum of the last ``count`` of the list ``sizes``: uses take the earliest first."""
    first = f"len(sizes) - ({count}) + 1"
    return f"coalesce(list_sum(list_slice(sizes, {first}, len(sizes))), 0)"


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


def _free(name: str, part: str) -> str:
    """A ``part`` of what was given: its time or size; not what was taken back or is named as used.

    What a customer chose of a menu is taken back of the menu, and given by its own name.
    """
    named = f"list_transform({_list(f'v:used:{name}')}, lambda u: u.a)"
    back = _list(f"v:back:{name}")
    free = (
        f"NOT coalesce(list_contains({back}, g.a), FALSE) "
        f"AND NOT coalesce(list_contains({named}, g.a), FALSE)"
    )
    kept = f"list_filter({_list(f'v:given:{name}')}, lambda g: {free})"
    return f"list_transform({kept}, lambda g: g.{part})"


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
