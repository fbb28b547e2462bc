"""Sides of a contrast: which arms a text such as ``coupon=usd5 & wording=basic|status`` means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

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
        factor, levels = _condition(layout, part.strip())
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


def _condition(layout: Layout, text: str) -> tuple[str, frozenset[str]]:
    """(factor, admitted levels) of ``factor=a|b`` or ``factor!=a``."""
    denied = "!=" in text
    factor, _, listed = text.partition("!=" if denied else "=")
    factor, levels = factor.strip(), [level.strip() for level in listed.split("|")]
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
    chosen = (level for level in known if (level in levels) != denied)
    return factor, frozenset(chosen)
