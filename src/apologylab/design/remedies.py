"""The tables of a declaration that say what is said, by whom, and what is given.

They are keys of :class:`apologylab.design.experiment.Experiment`, as all tables are; when and
through what it leaves stands in :mod:`apologylab.design.sending`. A level of a message factor is a
set of tagged parts (Lewicki, Polin and Lount 2016); what it costs to say a part is declared,
because an apology counts when its recipient understands that it cost something (Halperin, Ho, List
and Muir 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from apologylab.design.constraints import Doc, Items, Range, Text
from apologylab.design.keys import (
    Days,
    FineCost,
    Label,
    Line,
    Locale,
    Name,
    Placeholder,
    Share,
    Span,
    Sum,
)

CHANNEL: Final = "channel"
"""The factor whose levels are channels."""
SENDER: Final = "sender"
"""The factor whose levels are senders, and whose fragments are how they sign."""

OWN_COLUMNS: Final = ("order",)
"""Columns of an incident that its text may say; its other columns are our words, not theirs."""

Part = Literal[
    "acknowledge",
    "regret",
    "responsibility",
    "explanation",
    "repair",
    "promise",
    "forgiveness",
    "notice",
    "thanks",
    "invitation",
]
"""What a part of a wording does: say what happened, regret it, own it, explain it, mend it, promise
better, ask for forgiveness, tell without apology, thank, invite to reply."""
Differs = Literal["subject", "greeting", "closing", "length", Part]
"""In what two levels of one factor can differ beside the parts that they have."""
CostChannel = Literal["none", "money", "status", "commitment", "effort"]
"""What it costs us: money; status (we were wrong); commitment (the next failure becomes dearer);
effort (a person's time); or nothing."""
COSTS: Final[Mapping[str, CostChannel]] = {"responsibility": "status", "promise": "commitment"}
"""What a part costs where its level says nothing of it; all others cost nothing."""

AnyLocale = Annotated[
    str, Text(pattern=r"\*|[a-z]{2,3}([-_][A-Za-z]{2,4})?", longest=8, example="de-AT")
]
Address = Annotated[str, Text(longest=254)]


@dataclass(frozen=True, kw_only=True)
class Promise:
    """The commitment that a promise part makes: what, until when, and who keeps it."""

    what: Line
    keeper: Annotated[Label, Doc("who keeps it: a person or a team")]
    within: Annotated[Span, Doc("it is due so long after the message went out")]
    notice: Annotated[
        Span | None, Doc("so long before it is due the customer is told that it may be missed")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a level of a message factor says."""

    parts: Annotated[tuple[Part, ...], Items(), Doc("the parts that its text has, no others")]
    costs: Annotated[
        Mapping[Part, CostChannel], Doc("part -> what it costs us to say; see the guide")
    ] = field(default_factory=dict)
    promise: Annotated[Promise | None, Doc("the commitment that its promise makes")] = None
    effort: Annotated[FineCost | None, Doc("a person's time for one message, in v")] = None
    differs: Annotated[
        tuple[Differs, ...],
        Doc("what else is meant to differ from the factor's other levels; other differences warn"),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who speaks, where a level of the factor sender says so."""

    kind: Literal["brand", "person", "manager"]
    name: Label
    address: Annotated[Address | None, Doc("e-mail address; the channel's own if absent")] = None


@dataclass(frozen=True, kw_only=True)
class Compensation:
    """What a compensation level gives.

    Its value is ``value``; or ``share`` of the incident's field ``of``, rounded and bounded; or
    ``by_market``; or, of a choice, what is chosen from the ``menu``.
    """

    kind: Literal[
        "coupon",
        "credit",
        "refund",
        "fee_waiver",
        "replacement",
        "exchange",
        "upgrade",
        "points",
        "charity",
        "choice",
    ]
    value: Annotated[Sum | None, Doc("what it is worth to the customer")] = None
    share: Annotated[
        float | None, Range(0, 10, open_low=True), Doc("value as a share of the field `of`")
    ] = None
    of: Annotated[
        Name | None,
        Doc("the incident's money field, in minor units; its currency is the field `currency`"),
    ] = None
    round_to: Annotated[
        Sum | None, Doc("a share is rounded to a multiple of this; the minor unit if absent")
    ] = None
    rounding: Annotated[
        Literal["up", "down", "nearest"], Doc("how a share is rounded; nearest: half up")
    ] = "nearest"
    at_least: Sum | None = None
    at_most: Annotated[Sum | None, Doc("cap of a share; the budget needs room for it")] = None
    by_market: Annotated[
        Mapping[Label, Sum],
        Doc("market -> value in its own currency; of a share, the cap of the market's orders"),
    ] = field(default_factory=dict)
    points: Annotated[int | None, Range(1, 10_000_000), Doc("of kind points: how many")] = None
    menu: Annotated[
        tuple[Name, ...], Doc("of kind choice: the compensations that the customer may choose from")
    ] = ()
    unchosen: Annotated[
        Name | None, Doc("of kind choice: given to who has not chosen when it expires; else none")
    ] = None
    expires_days: Annotated[
        Days | None, Doc("days that it can be used, or chosen, after it went out; for ever")
    ] = None
    minimum_basket: Annotated[Sum | None, Doc("orders below it cannot use it")] = None
    cost_share: Annotated[Share, Doc("cost to the firm of one unit of value redeemed")] = 1.0
    cost: Annotated[CostChannel, Doc("what it costs us to give")] = "money"
    told: Annotated[bool, Doc("false: it appears silently and has no fragment")] = True
    issuer: Annotated[
        Name | None, Doc("who makes its codes usable: a table [issuers.NAME] of apologylab.toml")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Markets:
    """Markets with currencies of their own, and what those are worth in the budget's."""

    field: Annotated[Name, Doc("the incident's field that names the market")]
    rates: Annotated[
        Mapping[Label, Annotated[float, Range(0, 1_000_000, open_low=True)]],
        Doc("currency -> the budget's currency for one unit of it; fixed for the experiment"),
    ]


@dataclass(frozen=True, kw_only=True)
class Messages:
    """How a message is composed of fragments, one a factor level."""

    order: Annotated[tuple[Name, ...], Doc("factors in the order their fragments are read")] = ()
    locales: Annotated[tuple[Locale, ...], Items(), Doc("the first is the default")] = ("en",)
    placeholders: Annotated[
        tuple[Placeholder, ...],
        Doc("fields of the incident that a fragment may say, and its own order"),
    ] = ()
    arrange: Annotated[
        Literal["declared", "locale"],
        Doc("parts in the order of the fragments, or in that which the language expects"),
    ] = "declared"
    fallback: Annotated[
        Mapping[AnyLocale, tuple[Locale, ...]],
        Doc("a locale without text, or * for all -> the locale to use instead; [] refuses"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A survey of a random share of all arms, at one time after the incident."""

    share: Annotated[float, Range(0, 1, open_low=True), Doc("of enrolled units, drawn by hash")]
    after: Annotated[Span, Doc("so long after the incident, in every arm")] = "36h"
    questions: Annotated[tuple[Name, ...], Items(), Doc("asked by messages/survey/QUESTION")]
    channel: Annotated[Name | None, Doc("the delivery's own if absent")] = None


@dataclass(frozen=True, kw_only=True)
class SignOff:
    """Who must agree to the words before ``start``; changed text needs them anew."""

    roles: Annotated[tuple[Name, ...], Items(), Doc('such as ["legal", "brand"]')]
