"""What customers chose of a menu: a pure matching of choices with what was offered (ADR 0049).

The first choice of an assignment counts that names something of its menu while it could be chosen
from. Any other changes nothing and is reported: late, repeated, of what was not on offer, or of a
customer who was forgotten.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from apologylab.record.facts import Liability
    from apologylab.record.later_facts import Choice
    from apologylab.service.held import Owed

LATE: Final = "after the last day to choose"
AGAIN: Final = "another choice counts"
ENDED: Final = "it was taken back, or never left"
UNKNOWN: Final = "this customer has nothing to choose there"
NOT_OFFERED: Final = "it is not on the menu"
FORGOTTEN: Final = "the customer was forgotten"
UNCHOSEN: Final = "not chosen in time"


class Chosen(NamedTuple):
    """A choice, what it settles, and why it does not count; it waits while both are None."""

    choice: Choice
    settles: Owed | None = None
    because: str | None = None

    def step(self) -> Liability | None:
        """The fact that settles what it is of, if it does."""
        owed = self.settles
        if owed is None or owed.committed_at is None:
            return None
        at = max(self.choice.occurred_at, owed.committed_at)
        return owed.chosen(self.choice.chosen, at, because=self.choice.key)


def choices(
    given: Sequence[Owed], found: Sequence[Choice], *, is_forgotten: bool = False
) -> Iterator[Chosen]:
    """Each of one customer's choices ``found``, oldest first, with what it settles of ``given``.

    The one that was settled before is left out: there is nothing to say of it.
    """
    offered = {each.reserved.assignment: each for each in given}
    made: set[str] = set()
    for each in sorted(found, key=attrgetter("occurred_at", "key")):
        owed = offered.get(each.assignment)
        if owed is not None and _settled(owed, each):
            continue
        because = refused(owed, each.chosen, each.occurred_at)
        if because is None and is_forgotten:
            because = FORGOTTEN
        if because is None and each.assignment in made:
            because = AGAIN
        if because is not None:
            yield Chosen(each, because=because)
            continue
        made.add(each.assignment)
        yield Chosen(each, settles=owed if owed is not None and owed.is_open else None)


def _settled(owed: Owed, choice: Choice) -> bool:
    return owed.reserved.state == "chosen" and owed.reserved.because == choice.key


def refused(owed: Owed | None, chosen: str, at: datetime) -> str | None:
    """Why ``chosen`` at ``at`` does not count, or None if it does, or will once it has left."""
    if owed is None or (not owed.menu and owed.reserved.state != "chosen"):
        return UNKNOWN
    if owed.reserved.state == "chosen":
        return LATE if owed.reserved.because == UNCHOSEN else AGAIN
    if chosen not in owed.menu:
        return NOT_OFFERED
    if owed.state in ("released", "revoked"):
        return ENDED
    is_over = owed.ends is not None and at >= owed.ends
    return LATE if is_over or owed.state == "expired" else None
