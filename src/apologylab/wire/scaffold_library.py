"""The words of a new experiment, taken from the starter library."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from apologylab.design.experiment import NONE
from apologylab.design.follow_ups import NOTICE
from apologylab.errors import InputError
from apologylab.remedy.fragments import place
from apologylab.remedy.starter import LEVELS
from apologylab.wire.scaffold import Words, amount_of, level_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.remedy.starter import Cause, Starter

WORDING = "wording"
CREDIT_DAYS = 28


def library_words(
    starters: Sequence[Starter], *, levels: Sequence[str] | None, coupon: Sequence[str]
) -> Words:
    """The tagged fragments of ``levels`` and ``coupon`` in every locale, and their tables.

    Without ``levels``: all that there are, and none.

    Raises:
        InputError: the library has no such level, or a coupon's value cannot be read.
    """
    asked = (NONE, *LEVELS) if levels is None else tuple(levels)
    spoken = [level for level in asked if level != NONE]
    given = [value for value in coupon if value != NONE]
    _refuse_unknown(spoken)
    cause = starters[0].cause
    return Words(
        levels=asked,
        files=dict(chain(_wordings(starters, spoken), _credits(starters, given))),
        tables=tuple(_said(cause, level) for level in dict.fromkeys(spoken)),
        messages=(
            f"locales = {json.dumps([each.locale for each in starters])}",
            f"placeholders = {json.dumps(cause.placeholders)}",
            'arrange = "locale"',
        ),
    )


def _refuse_unknown(levels: Sequence[str]) -> None:
    if strange := sorted(set(levels) - set(LEVELS)):
        raise InputError(
            f"the library has no level {strange[0]!r}",
            do=f"name some of: {NONE}, {', '.join(LEVELS)}",
        )


def _wordings(starters: Sequence[Starter], levels: Sequence[str]) -> Iterator[tuple[str, str]]:
    for level in levels:
        for each in starters:
            yield place(WORDING, level, each.locale), each.fragment(LEVELS[level])
            second = each.fragment(LEVELS[level], second=True)
            yield place(WORDING, f"{level}.2", each.locale), second
            if "promise" in LEVELS[level]:
                yield place(NOTICE, level, each.locale), each.late_notice()


def _credits(starters: Sequence[Starter], coupon: Sequence[str]) -> Iterator[tuple[str, str]]:
    for written in coupon:
        money = amount_of(written)
        for each in starters:
            text = each.framed(f"[repair]\n{each.credited(str(money), CREDIT_DAYS)}\n")
            yield place("coupon", level_of(written), each.locale), text


def _said(cause: Cause, level: str) -> str:
    """``[wording.LEVEL]``: the parts, what they cost, and who keeps the promise."""
    parts = LEVELS[level]
    costs = {part: cause.costs[part] for part in parts if part in cause.costs}
    lines = [f"\n[wording.{level}]", f"parts = {json.dumps(parts)}"]
    if level != "notice":
        lines.append('differs = ["length"]')
    if costs:
        listed = ", ".join(f'{part} = "{cost}"' for part, cost in costs.items())
        lines.append(f"costs = {{ {listed} }}")
    if "promise" in parts:
        made = cause.promise
        lines.append(
            f'promise = {{ what = "{made.what}", keeper = "{made.keeper}", '
            f'within = "{made.within}", notice = "{made.notice}" }}  # who really keeps it?'
        )
    return "\n".join(lines)
