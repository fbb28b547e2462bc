"""``[plan]``: what will be concluded from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from apologylab.design.constraints import Doc, Items, Range, Text
from apologylab.design.keys import Days, Label, Name

Adjust = Literal[
    "none",
    "bonferroni",
    "holm",
    "hochberg",
    "hommel",
    "dunnett",
    "max_t",
    "romano_wolf",
    "westfall_young",
    "list_shaikh_xu",
    "benjamini_hochberg",
    "benjamini_yekutieli",
]
"""How the p-values of a family are adjusted; :mod:`apologylab.inference.many.words` says each."""


@dataclass(frozen=True, kw_only=True)
class Returns:
    """Two outcomes that count who came back (R37)."""

    first: Annotated[Name, Doc("who returns at all, soon")]
    full_price: Annotated[Name, Doc("who returns at full price, after the coupon has expired")]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be concluded from what; hashed at ``start`` (R32)."""

    alpha: Annotated[float, Range(0.001, 0.2)] = 0.05
    adjust: Annotated[
        Adjust, Doc("how the p-values of a family are adjusted; max_t knows how tests go together")
    ] = "holm"
    covariates: Annotated[
        tuple[Label, ...], Doc("outcome:pre of a ledger, a column of a panel")
    ] = ()
    contrasts: Annotated[
        Mapping[Name, Annotated[str, Text(example="coupon=usd5 vs coupon=none")]],
        Doc("named questions about sets of levels"),
    ] = field(default_factory=dict)
    margins: Annotated[
        Mapping[Name, Mapping[Name, Annotated[int, Range(1, 1_000_000)]]],
        Doc("factor -> level -> its weight in averages over the factor; equal if absent"),
    ] = field(default_factory=dict)
    negligible: Annotated[
        int | None,
        Range(2, 4),
        Doc("of a fraction: interactions of so many factors and more are taken to be nothing"),
    ] = None
    estimators: Annotated[
        tuple[Annotated[str, Text(longest=200, example="lin(errors=HC3)")], ...],
        Doc("what is computed, the first leads; if absent, lin and the plain difference"),
    ] = ()
    subgroups: Annotated[
        Mapping[Label, Annotated[tuple[Label, ...], Items()]],
        Doc("field of the incident, or column of a panel -> its levels, two or more"),
    ] = field(default_factory=dict)
    superiority: Annotated[
        Mapping[Name, Annotated[float, Range(0, 1_000_000)]],
        Doc('outcome -> how much better it must be, in its unit, before we say that it "works"'),
    ] = field(default_factory=dict)
    equivalence: Annotated[
        Mapping[Name, Annotated[float, Range(0, 1_000_000, open_low=True)]],
        Doc('outcome -> a difference too small to matter, before we say "no effect"'),
    ] = field(default_factory=dict)
    returns: Annotated[
        Returns | None, Doc('the outcomes that tell "bought one visit" from "won back" (R37)')
    ] = None
    missing: Annotated[
        Literal["left_out", "as_outcome", "refuse"],
        Doc(
            "outcomes that are lost: left out and counted; also compared between arms; or nothing "
            "is said of an outcome that any unit lacks"
        ),
    ] = "left_out"
    sequential: Annotated[
        Literal["none", "group_sequential", "confidence_sequence"],
        Doc("how looks before the end are paid for; none: nothing is read before the end"),
    ] = "none"
    spending: Annotated[
        Literal["obrien_fleming", "pocock", "kim_demets"],
        Doc("of group_sequential: how much of alpha early looks may spend"),
    ] = "obrien_fleming"
    spending_power: Annotated[
        float, Range(0.1, 20), Doc("of kim_demets: alpha times share of information to this power")
    ] = 2.0
    looks: Annotated[
        int | None,
        Range(1, 1000),
        Doc("of group_sequential: how many looks are meant, the last one included"),
    ] = None
    first_look: Annotated[
        int, Range(2, 10**9), Doc("units that each arm of a contrast has before its first look")
    ] = 1000
    expected_customers: Annotated[
        int | None, Range(1, 10**9), Doc("how many will be enrolled, for the budget's forecast")
    ] = None
    enrol_days: Annotated[Days | None, Doc("days of enrolment; the declared end of the test")] = (
        None
    )
