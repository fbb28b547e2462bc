"""How many units the caps still admit, and what a batch charges to them (R5, R14).

A batch asks for room, is judged, stored, and charged last. The rows are looked at without a lock
first: a charge that no longer fits is refused, and the batch is done again with them locked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from apologylab.service.caps import money_caps, units_cap
from apologylab.service.held import charge_of
from apologylab.service.ports import Charge, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Liability
    from apologylab.service.caps import Cap
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running

SEALED: Final = "budget: a cap is spent, and this phase is closed"
_EMPTY: Final = Standing()


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many units of a batch may be drawn; None where no cap is in the way.

    ``draws`` counts all, sticky repeats too, and ``closes`` says that the cap in their way is spent
    for good; ``new`` counts those that are no sticky repeats.
    """

    draws: int | None = None
    drawn_because: str = ""
    closes: bool = False
    new: int | None = None
    new_because: str = ""


@dataclass(frozen=True)
class Caps:
    """What caps one batch: those of a phase at the moment of the draw."""

    running: Running
    phase: int
    now: datetime

    @cached_property
    def label(self) -> str:
        """What the experiment's budget is sealed with when this phase has spent it."""
        return f"{self.running.experiment.version}/{self.phase}"

    @cached_property
    def money(self) -> Sequence[Cap]:
        """The caps on what is given."""
        return money_caps(self.running.giving, self.now)

    @cached_property
    def ramp(self) -> Cap | None:
        """The cap on the units of the day."""
        return units_cap(self.running.experiment, self.phase, self.now)

    @cached_property
    def rows(self) -> Sequence[str]:
        """The rows that a batch looks at, in order."""
        return sorted([cap.row for cap in self.money] + ([self.ramp.row] if self.ramp else []))

    @cached_property
    def charged(self) -> Mapping[str, str]:
        """Arm -> the budgets that a unit in it is charged to, as its liability holds them."""
        other = f"{self.running.name}/arm/"
        rows = [cap.row for cap in self.money]
        return {
            arm: " ".join(row for row in rows if row == other + arm or not row.startswith(other))
            for arm in self.running.gives
        }

    def room(self, work: Transaction, *, draws: int, new: int, locked: bool = False) -> Room:
        """How many of ``draws`` units, ``new`` of them no sticky repeats, are admitted.

        Nothing is reserved. With ``locked`` rows the answer holds until the commit, without only if
        :meth:`charge` says so.
        """
        if not self.rows or not draws:
            return Room()
        stands = work.standing(self.rows, locked=locked)
        if self.money and stands.get(self.running.name, _EMPTY).sealed == self.label:
            return Room(draws=0, drawn_because=SEALED, closes=True)
        today = _today(self.ramp, stands, new)
        kept_out = 0 if today.new is None else new - today.new
        return _within(self.money, stands, draws - kept_out, today)

    def charge(self, work: Transaction, *, drawn: int, new: int, owed: Sequence[Liability]) -> bool:
        """Charge ``drawn`` units, ``new`` of them no sticky repeats, and what they owe.

        Every cap must have had room for all of them, whatever they drew. False if one had not, or
        if the phase was closed meanwhile: nothing was charged, and the batch must be undone.
        """
        amounts, uses = _by_row(owed)
        charges = [
            _charge(cap, drawn, Standing(reserved=amounts[cap.row], uses=uses[cap.row]), seal)
            for cap in self.money
            for seal in [self.label if cap.row == self.running.name else None]
            if drawn
        ]
        if self.ramp is not None and new:
            charges.append(_charge(self.ramp, new, Standing(uses=new), None))
        return not charges or work.charge(sorted(charges, key=attrgetter("budget")))

    def seal(self, work: Transaction) -> None:
        """Let no batch of this phase that is under way be charged any more."""
        work.seal(self.running.name, self.label)


def _today(ramp: Cap | None, stands: Mapping[str, Standing], new: int) -> Room:
    """Room for ``new`` units on this day."""
    units = ramp.admits(stands.get(ramp.row, _EMPTY)) if ramp else None
    if ramp is None or units is None or units >= new:
        return Room()
    return Room(new=units, new_because=ramp.uses_spent)


def _within(caps: Sequence[Cap], stands: Mapping[str, Standing], draws: int, today: Room) -> Room:
    """Room for ``draws`` units: the tightest cap decides, of equals one that is spent for good."""
    found = [
        (units, not cap.is_final, cap.because(standing))
        for cap in caps
        if (units := cap.admits(standing := stands.get(cap.row, _EMPTY))) is not None
        and units < draws
    ]
    if not found:
        return today
    units, returns, because = min(found)
    return Room(
        draws=units,
        drawn_because=because,
        closes=not returns,
        new=today.new,
        new_because=today.new_because,
    )


def _charge(cap: Cap, units: int, added: Standing, unless_sealed: str | None) -> Charge:
    return Charge(
        budget=cap.row,
        amount=added.reserved,
        uses=added.uses,
        at_most=None if cap.amount is None else cap.amount - units * cap.dearest,
        uses_at_most=None if cap.uses is None else cap.uses - units,
        unless_sealed=unless_sealed,
    )


def give_back(work: Transaction, given_up: Sequence[Liability]) -> None:
    """Free what liabilities hold that will not be given or used after all.

    Raises:
        LedgerError: a budget holds less than that; nothing was freed.
    """
    amounts, uses = _by_row(given_up)
    amounts += _by_older(work, given_up)
    for row in sorted(amounts):
        work.release(row, amounts[row], uses[row])


def give_back_difference(work: Transaction, steps: Sequence[tuple[Liability, Liability]]) -> None:
    """Free what a choice left of the dearest that was reserved: (as it was, as chosen).

    Raises:
        LedgerError: a budget holds less than that; nothing was freed.
    """
    amounts: Counter[str] = Counter()
    for before, after in steps:
        for row in (before.charged or "").split():
            amounts[row] += charge_of(before) - charge_of(after)
    for row in sorted(amounts):
        if amounts[row]:
            work.release(row, amounts[row], 0)


def _by_row(owed: Sequence[Liability]) -> tuple[Counter[str], Counter[str]]:
    """Row -> minor units, and row -> uses."""
    amounts: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    for each in owed:
        for row in (each.charged or "").split():
            amounts[row] += charge_of(each)
            uses[row] += 1
    return amounts, uses


def _by_older(work: Transaction, given_up: Sequence[Liability]) -> Counter[str]:
    """Liabilities of older ledgers: only the experiment's row holds them, if it has one."""
    older: dict[str, int] = defaultdict(int)
    for each in given_up:
        if each.charged is None:
            older[each.experiment] += each.amount
    stands = work.standing(sorted(older)) if older else {}
    return Counter({row: n for row, n in older.items() if stands.get(row, _EMPTY).reserved})
