"""Types of the declaration's keys: a type after reading, with what bounds and describes it."""

from __future__ import annotations

from typing import Annotated, Literal

from apologylab.design.constraints import NAME, Doc, Fine, Range, Text
from apologylab.design.duration import SPELLING
from apologylab.design.money import Money

Name = Annotated[str, Text(pattern=NAME, longest=64, example="late_ride_apology")]
Line = Annotated[str, Text(longest=500)]
Label = Annotated[str, Text(longest=128)]
Days = Annotated[int, Range(1, 3650)]
DaysFromZero = Annotated[int, Range(0, 3650)]
Share = Annotated[float, Range(0, 1)]
Weight = Annotated[int, Range(0, 1_000_000)]
Locale = Annotated[str, Text(pattern=r"[a-z]{2,3}([-_][A-Za-z]{2,4})?", longest=8, example="en")]
Placeholder = Annotated[str, Text(pattern=r"[a-z_][a-z0-9_]*", longest=64, example="first_name")]
Span = Annotated[str, Text(pattern=SPELLING, longest=8, example="36h")]
"""A time span, read by :func:`apologylab.design.duration.parse_duration`."""
UnitsPerDay = Annotated[
    int | None, Range(1, 10**9), Doc("a ramp: units drawn on one day (UTC), at most")
]
Uses = Annotated[int | None, Range(1, 10**9)]
Sum = Annotated[Money, Range(0, open_low=True)]
Cost = Annotated[Money, Range(0)]
FineCost = Annotated[Money, Range(0), Fine()]
Value = str | int | bool
"""What a field of a fact may be asked to be."""
EventFact = Literal[
    "order",
    "contact",
    "redemption",
    "goodwill",
    "survey_answer",
    "incident",
    "complaint",
    "resolution",
    "choice",
    "commitment_ended",
    "agent_answer",
    "visit",
]
