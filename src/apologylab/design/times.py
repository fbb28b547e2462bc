"""``[[times]]``: how long it is until an event, and what may end it otherwise.

An outcome is finished when its window is; a time to an event is known, as far as it goes, of every
unit that was enrolled, and what is not over yet is censored. So the two are apart: an outcome has a
mean, a time to an event has a curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from apologylab.design.constraints import Doc
from apologylab.design.keys import Days, EventFact, Label, Name, Value

END = ":end"
"""Added to a time's name: the panel's column of what ended it."""


@dataclass(frozen=True, kw_only=True)
class End:
    """Another end than the event: after it the event cannot come, or is no longer asked for."""

    fact: EventFact
    where: Annotated[Mapping[Name, Value], Doc("field of the fact -> value")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, kw_only=True)
class Time:
    """A time to an event.

    Of a ledger: days from the anchor to the first fact ``fact``, followed for ``window_days``, or
    to the first of ``ends`` if that comes before. Of a file: the column ``column``, and in column
    ``end`` 0 where nothing had ended it yet, 1 for the event, 2, 3, .. for ``other_ends``.
    """

    name: Name
    role: Literal["primary", "secondary", "descriptive"]
    fact: Annotated[EventFact | None, Doc("the first fact of this kind is the event")] = None
    where: Annotated[Mapping[Name, Value], Doc("field of the fact -> value")] = field(
        default_factory=dict
    )
    window_days: Annotated[Days | None, Doc("units are followed so long, at most")] = None
    ends: Annotated[
        Mapping[Name, End], Doc("what else ends it, such as an account that is closed")
    ] = field(default_factory=dict)
    column: Annotated[Label | None, Doc("the panel's column of the time")] = None
    end: Annotated[Label | None, Doc("its column of 0 (not over), 1 (event), 2, 3 .. (others)")] = (
        None
    )
    other_ends: Annotated[tuple[Name, ...], Doc("what a file's ends 2, 3, .. are called")] = ()
    unit: Annotated[Label, Doc("of the panel's column")] = "days"

    @property
    def names_of_ends(self) -> tuple[str, ...]:
        """What ends of kind 2, 3, .. are called."""
        return (*self.ends, *self.other_ends)
