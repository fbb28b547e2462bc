"""Sides of a contrast: which arms a text such as ``coupon=usd5 & wording=basic|status`` means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.costs import CHANNELS, COST, FREE
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.arms import Arm
    from apologylab.design.layout import Layout

EXAMPLE = "write it as `coupon=usd5 vs coupon=none`, or with arms as `basic+usd5@1h vs silence`"


class Side(NamedTuple):
    """One side: its arms, and factor -> admitted levels; ``named`` where it names arms."""

    text: str
    cells: tuple[Arm, ...]
    admitted: dict[str, frozenset[str]]
    named: bool


def split(text: str) -> tuple[str, str]:
    """The two sides of ``SIDE vs SIDE``.

    Raises:
        InputError: there are not two.
    """
    sides = [side.strip() for side in text.split(" vs ")]
    if len(sides) != 2 or not all(sides):
        raise InputError(f"contrast {text!r} does not have two sides", do=EXAMPLE)
    return sides[0], sides[1]


def read_side(layout: Layout, text: str) -> Side:
    """Read arms by name, or conditions on factors.

    Raises:
        InputError: it names what does not exist.
    """
    names = [name.strip() for name in text.split("|")]
    by_name = {arm.name: arm for arm in layout.arms}
    if all(name in by_name for name in names):
        return Side(text, tuple(by_name[name] for name in names), {}, named=True)
    if "=" not in text:
        raise InputError(
            f"{text!r} is neither an arm that every phase draws nor a condition on a factor",
            do=f"{EXAMPLE}; the arms are {', '.join(by_name)}",
        )
    admitted: dict[str, frozenset[str]] = {}
    for part in text.split("&"):
        for factor, levels in _conditions(layout, part.strip()).items():
            admitted[factor] = admitted.get(factor, levels) & levels
    return Side(text, having(layout, admitted), admitted, named=False)


def having(layout: Layout, admitted: dict[str, frozenset[str]]) -> tuple[Arm, ...]:
    """The arms of the factorial whose levels are admitted."""
    return tuple(
        arm
        for arm in layout.arms
        if arm.levels and all(arm.levels[factor] in admitted[factor] for factor in admitted)
    )


def joined(layout: Layout, sides: Sequence[Side]) -> Side:
    """The arms that are in all of the sides."""
    if len(sides) == 1:
        return sides[0]
    admitted: dict[str, frozenset[str]] = {}
    for side in sides:
        for factor, levels in side.admitted.items():
            admitted[factor] = admitted.get(factor, levels) & levels
    text = " & ".join(side.text for side in sides)
    return Side(text, having(layout, admitted), admitted, named=False)


def _conditions(layout: Layout, text: str) -> dict[str, frozenset[str]]:
    """Factor -> admitted levels, of ``factor=a|b``, ``factor!=a``, or of a set by cost."""
    denied = "!=" in text
    factor, _, listed = text.partition("!=" if denied else "=")
    factor, levels = factor.strip(), [level.strip() for level in listed.split("|")]
    if factor == COST and COST not in layout.factors and layout.costs:
        return _by_cost(layout, frozenset(levels), text, denied=denied)
    if factor not in layout.factors:
        raise InputError(
            f"{text!r}: there is no factor {factor!r}",
            do=f"the factors are {', '.join(layout.factors) or 'none: compare arms by name'}",
        )
    known = layout.factors[factor]
    if unknown := [level for level in levels if level not in known]:
        raise InputError(
            f"{text!r}: factor {factor!r} has no level {unknown[0]!r}",
            do=f"its levels are {', '.join(known)}",
        )
    return {factor: frozenset(level for level in known if (level in levels) != denied)}


def _by_cost(
    layout: Layout, channels: frozenset[str], text: str, *, denied: bool
) -> dict[str, frozenset[str]]:
    """What ``cost=...`` admits: only sets that are conditions on each factor by itself.

    ``cost=money`` are the levels that cost money, in the one factor that has such; ``cost!=money``
    those that do not, in every factor that has such; ``cost=none`` the free ones in every factor,
    and ``cost=none|money`` those that cost nothing else.
    """
    if odd := sorted(channels - set(CHANNELS)):
        raise InputError(
            f"{text!r}: there is no cost channel {odd[0]!r}", do=f"name {', '.join(CHANNELS)}"
        )
    if FREE in channels and not denied:
        return {f: _levels(costs, lambda own: own <= channels) for f, costs in layout.costs.items()}
    any_cost = channels == {FREE}
    wanted = frozenset(CHANNELS) if any_cost else channels
    without = denied and not any_cost
    found = {
        factor: _levels(costs, lambda own: bool(own & wanted) != without)
        for factor, costs in layout.costs.items()
        if any(own & wanted for own in costs.values())
    }
    if not found or (len(found) > 1 and not without) or (FREE in channels and not any_cost):
        raise InputError(
            f"{text!r}: {' and '.join(found) or 'no factor'} has levels that cost that",
            do="name the levels, like coupon=usd5",
        )
    return found


def _levels(
    costs: Mapping[str, frozenset[str]], admits: Callable[[frozenset[str]], bool]
) -> frozenset[str]:
    return frozenset(level for level, own in costs.items() if admits(own))
