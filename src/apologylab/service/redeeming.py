"""Which compensation a customer used: a pure matching of redemptions with what was given (R14).

A redemption belongs to the assignment that it names; otherwise to the customer's earliest
compensation of its name that could be used at that moment, else to the earliest that could not.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from apologylab.record.facts import Redemption
    from apologylab.service.held import Owed

    Used = set[tuple[str, str]]
    """(assignment, name) of compensations that have found their redemption."""


class Match(NamedTuple):
    """A redemption and what it used, None if nothing of its name was given."""

    redemption: Redemption
    owed: Owed | None

    @property
    def is_late(self) -> bool:
        """Whether it used what could not be used any more, or never left."""
        if self.owed is None or self.owed.state == "reserved":
            return False
        gone = self.owed.state in ("released", "revoked", "expired")
        return gone or not _lives(self.owed, self.redemption.occurred_at)

    @property
    def basket(self) -> int | None:
        """The least order, in minor units, that its terms allow; None for any."""
        terms = self.owed.terms if self.owed is not None else None
        term = terms.given.get(self.redemption.compensation) if terms is not None else None
        return term.basket if term is not None else None


def matches(given: Sequence[Owed], redemptions: Sequence[Redemption]) -> Iterator[Match]:
    """Each of one customer's ``redemptions`` with what of ``given`` it used, once each."""
    by_assignment = {each.reserved.assignment: each for each in given}
    used: Used = set()
    rest = []
    for each in sorted(redemptions, key=attrgetter("occurred_at", "key")):
        named = by_assignment.get(each.assignment or "")
        if named is None:
            rest.append(each)
        elif named.menu:
            yield Match(each, None)
        else:
            used.add((named.reserved.assignment, each.compensation))
            yield Match(each, named)
    committed = [each for each in given if each.committed_at is not None]
    committed.sort(key=lambda each: (each.committed_at, each.reserved.key))
    for each in rest:
        found = _earliest(committed, each, used)
        if found is not None:
            used.add((found.reserved.assignment, each.compensation))
        yield Match(each, found)


def _earliest(given: Sequence[Owed], redemption: Redemption, used: Used) -> Owed | None:
    name = redemption.compensation
    free = [
        each
        for each in given
        if name in each.names and (each.reserved.assignment, name) not in used
    ]
    usable = [each for each in free if _lives(each, redemption.occurred_at)]
    return next(iter(usable or free), None)


def _lives(owed: Owed, at: datetime) -> bool:
    """Whether it had neither expired nor been revoked."""
    return owed.state != "revoked" and (owed.ends is None or at < owed.ends)
