"""What one person was given under all ids, and which ends the facts give it (R14): pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from apologylab.record.facts import Liability
from apologylab.service.choosing import UNCHOSEN, choices
from apologylab.service.held import follow
from apologylab.service.redeeming import matches
from apologylab.service.using_up import used_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from apologylab.record.facts import Fact, Redemption
    from apologylab.record.later_facts import Choice
    from apologylab.service.held import Owed


class Until(NamedTuple):
    """Until when all redemptions, and all choices, are known."""

    redemptions: datetime
    choices: datetime


class Ends(NamedTuple):
    """What is to be stored, and what of budgets is freed by it: (as it was, as it is now)."""

    facts: list[Fact]
    chosen: list[tuple[Liability, Liability]]
    expired: list[Liability]


@dataclass(kw_only=True)
class Person:
    """What one customer was given under all ids, chose and used."""

    ids: set[str] = field(default_factory=set)
    given: list[Owed] = field(default_factory=list)
    redemptions: list[Redemption] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    is_forgotten: bool = False

    def ends(self, given: Sequence[Owed], until: Until) -> Ends:
        """What becomes of those ``given`` by the facts known ``until`` then.

        Choices come first, because what is used is what was chosen.
        """
        found = Ends([], [], [])
        stands = {each.reserved.assignment: each for each in given}
        for chosen in choices(given, self.choices, is_forgotten=self.is_forgotten):
            if (step := chosen.step()) is not None:
                self._choose(stands, step, found)
        for match in matches(list(stands.values()), self.redemptions):
            if match.owed is not None and stands[match.owed.reserved.assignment].is_open:
                step = match.owed.step("redeemed", match.redemption.occurred_at)
                self._take(stands, step, found)
        for each in list(stands.values()):
            self._expire(stands, each, until, found)
        return found

    def _expire(self, stands: dict[str, Owed], owed: Owed, until: Until, found: Ends) -> None:
        """Who has not chosen by the last day gets what is declared, if anything."""
        ends, terms = owed.ends, owed.terms
        known = until.choices if owed.menu else until.redemptions
        if not owed.is_open or ends is None or ends > known:
            return
        unchosen = terms.unchosen if terms is not None and owed.menu else None
        if unchosen is not None and not self.is_forgotten:
            self._choose(stands, owed.chosen(unchosen, ends, because=UNCHOSEN), found)
            return
        step = owed.step("expired", ends)
        self._take(stands, step, found)
        found.expired.append(step)

    @staticmethod
    def _take(stands: dict[str, Owed], step: Liability, found: Ends) -> None:
        found.facts.append(step)
        stands[step.assignment] = follow(stands[step.assignment], step)

    def _choose(self, stands: dict[str, Owed], step: Liability, found: Ends) -> None:
        found.chosen.append((stands[step.assignment].reserved, step))
        self._take(stands, step, found)
        facts = used_up(stands[step.assignment], step.occurred_at)
        for each in facts:
            if isinstance(each, Liability):
                self._take(stands, each, found)
            else:
                found.facts.append(each)


def refused_choices(person: Person) -> Iterator[tuple[str, str]]:
    """Keys of choices that do not count, each with why."""
    for each in choices(person.given, person.choices, is_forgotten=person.is_forgotten):
        if each.because is not None:
            yield each.choice.key, each.because
