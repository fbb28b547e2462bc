"""The tables of a declaration that say when a remedy leaves, and through what (R12, R15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from apologylab.design.constraints import Doc, Items, Range, Text
from apologylab.design.keys import Label, Name, Span

HourMinute = Annotated[
    str, Text(pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]", longest=5, example="21:00")
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a level of timing is due, where it is no plain delay after the incident."""

    after: Annotated[
        Literal["incident", "resolution", "expected", "next_visit"],
        Doc("incident, its resolution, when a predicted failure is expected, or the next visit"),
    ]
    delay: Annotated[Span, Doc("so long after it; of expected, so long before it")] = "0s"
    within: Annotated[
        Span | None,
        Doc(
            "given up so long after the incident, if what it waits for has not come; of expected, "
            "so far ahead at most. All but incident need it"
        ),
    ] = None
    field: Annotated[
        Name | None, Doc("of expected: the incident's field with the time, like 2026-05-01T18:30Z")
    ] = None


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """When nothing is sent, in the customer's zone; what is due then waits until it ends (R12).

    The last minute before counts as quiet, for a send takes a while.
    """

    begin: Annotated[HourMinute | None, Doc("every day from then on, by the customer's clock")] = (
        None
    )
    end: Annotated[HourMinute | None, Doc("until then, of the next day if it is earlier")] = None
    working_days: Annotated[
        tuple[Weekday, ...], Items(), Doc("days on which something may be sent")
    ] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    zone_field: Annotated[Name, Doc("the incident's field with the customer's IANA zone")] = (
        "time_zone"
    )
    zone: Annotated[Label, Doc("of customers whose zone is not known")] = "UTC"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Who sends, and through what (R15)."""

    by: Literal["apologylab", "caller"] = "apologylab"
    channel: Annotated[Name, Doc("file, or a channel of apologylab.toml")] = "file"
    address: Annotated[
        Name | None,
        Doc(
            "the incident's field with the customer's address; email of channels called email or "
            "smtp, phone of sms and push, if absent"
        ),
    ] = None
    addresses: Annotated[
        Mapping[Name, Name], Doc("channel -> the field of its address, where channels differ")
    ] = field(default_factory=dict)
    promotional: Annotated[
        bool | None, Doc("whether a remedy promotes; if absent, those that give something do")
    ] = None
    hold_seconds: Annotated[
        int, Range(0, 86_400), Doc("wait of a remedy due at once; counted in the delay")
    ] = 0
    attempts: Annotated[
        int, Range(1, 100), Doc("tries before a remedy that the channel cannot take is set aside")
    ] = 8
    backoff_seconds: Annotated[
        int,
        Range(1, 86_400),
        Doc("wait after the first failed try; it doubles with each, to a day"),
    ] = 30
    quiet: QuietHours | None = None
    drop_after: Annotated[
        Span | None, Doc("a remedy that would leave so long after its due time is dropped")
    ] = None
