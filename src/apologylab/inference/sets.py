"""Sets: units whose arms were drawn together, as a permuted block or a cluster (R27).

Units of one set are not independent given the design, whole sets are. So errors are read off what
each set adds to the arms' means, and need no more of the units than their counts and sums by set.
Like :mod:`.moments` these add over disjoint sets of units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from apologylab.errors import InputError
from apologylab.inference.moments import Cell, Counts, Floats

DRAWN_AT = "drawn_at"
"""The panel's column with a unit's place in the order of drawing, under minimisation."""
LEAST_SPREAD = 1.1
"""Blocks that an arm is spread over, at least: below, some 19 in 20 of its units are in one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SetTotals:
    """One outcome over the units that have it, by set and arm.

    Attributes:
        outcome: the column; empty where units are only counted.
        shift: subtracted from the outcome before anything was summed.
        cells: g keys, sorted.
        cell: (r,) index into ``cells`` of each row.
        code: (r,) the set's number, unique over phases and strata.
        n: (r,) units.
        total: (r,) sums of the shifted outcome.
    """

    outcome: str
    shift: float
    cells: tuple[Cell, ...]
    cell: NDArray[np.intp]
    code: NDArray[np.int64]
    n: Counts
    total: Floats

    def __post_init__(self) -> None:
        shapes = {each.shape for each in (self.cell, self.code, self.n, self.total)}
        if len(shapes) != 1 or self.cell.ndim != 1:
            raise InputError(
                f"totals of sets have shapes {shapes}", do="give one row a set and arm"
            )


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Units of one phase in the order in which they were drawn.

    ``units`` are their numbers in the panel's column :data:`DRAWN_AT`, ascending.
    """

    strata: Sequence[str]
    arms: Sequence[str]
    units: Sequence[int] = ()


class Phase(NamedTuple):
    """The sets of one phase, in which all arms were drawn with one set of propensities.

    ``n`` (a,) units and ``means`` (a,) by arm; ``drawn`` (k, a) units of each set in each arm;
    ``codes`` (k,) the sets' numbers, ascending; ``adds`` (k, a) is what each set adds to the error
    of each mean: the sum of its units' (y_i - ybar_a) / n_a. Its columns sum to 0.
    """

    phase: int
    n: Counts
    means: Floats
    drawn: Counts
    adds: Floats
    codes: NDArray[np.int64]


def phases(totals: SetTotals, arms: Sequence[str]) -> Iterator[Phase]:
    """The phases that have units, in order; each of ``arms`` has units in each of them."""
    keys = sorted({(cell.version, cell.phase) for cell in totals.cells})
    of_phase = np.array([keys.index((c.version, c.phase)) for c in totals.cells], dtype=np.intp)
    arm_of = np.array([arms.index(c.arm) if c.arm in arms else -1 for c in totals.cells])
    for number, (_, phase) in enumerate(keys):
        mine = (of_phase[totals.cell] == number) & (arm_of[totals.cell] >= 0)
        yield _phase(totals, phase, mine, arm_of[totals.cell[mine]], len(arms))


def _phase(
    totals: SetTotals, phase: int, mine: NDArray[np.bool_], arm: NDArray[np.intp], arms: int
) -> Phase:
    listed, row = np.unique(totals.code[mine], return_inverse=True)
    at, shape = row * arms + arm, (len(listed), arms)
    drawn = np.bincount(at, weights=totals.n[mine], minlength=len(listed) * arms).reshape(shape)
    sums = np.bincount(at, weights=totals.total[mine], minlength=len(listed) * arms).reshape(shape)
    n = drawn.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # an arm that no set drew is nan
        means = sums.sum(axis=0) / n
        adds = (sums - drawn * means) / n
    counts, units = n.astype(np.int64), drawn.astype(np.int64)
    return Phase(phase, counts, means + totals.shift, units, adds, listed)


def spread_over(phase: Phase) -> Floats:
    """In how many sets of one size each arm would be, were it as unevenly spread as it is, (a,)."""
    with np.errstate(invalid="ignore", divide="ignore"):  # as above
        spread: Floats = 1 / np.square(phase.drawn / phase.n).sum(axis=0)
    return spread


def refuse_parts(by: str, *, parted: bool) -> None:
    """Refuse numbers of sets that are not whole: rounded, two sets would be one.

    Raises:
        InputError: as said.
    """
    if parted:
        raise InputError(
            f"column {by!r} holds numbers that are not whole", do="number its values 1, 2, 3, ..."
        )


def mixed(totals: SetTotals, arms: Sequence[str]) -> bool:
    """Whether a set has units in several of ``arms`` in one phase."""
    return any(((each.drawn > 0).sum(axis=1) > 1).any() for each in phases(totals, arms))


def too_few(
    totals: SetTotals,
    arms: Sequence[str],
    weights: Mapping[int, Mapping[str, int]],
    *,
    of_one_arm: bool,
) -> dict[str, str]:
    """Arms whose mean has no error, and why (R24): each is in two sets at least in every phase.

    What an arm's only set adds to its error is 0, whatever its units are. ``of_one_arm`` says that
    a set has one arm.
    """
    if not len(totals.cell):
        return dict.fromkeys(arms, f"no unit has {totals.outcome}")
    reasons: dict[str, str] = {}
    for each in phases(totals, arms):
        for i, arm in enumerate(arms):
            if not weights.get(each.phase, {}).get(arm, 0):
                why = f"{arm} is not drawn in phase {each.phase}"
            elif not each.n[i]:
                why = f"{arm} has no unit in phase {each.phase}"
            elif not np.isfinite(each.means[i]):
                why = f"{totals.outcome} is not finite in {arm}"
            elif not (why := _together(each, i, arm, of_one_arm=of_one_arm)):
                continue
            reasons.setdefault(arm, why)
    return reasons


def _together(phase: Phase, i: int, arm: str, *, of_one_arm: bool) -> str:
    """Why the units of arm ``i`` are not spread over two sets, or nothing."""
    own, where = int((phase.drawn[:, i] > 0).sum()), f"{arm} in phase {phase.phase}"
    if not of_one_arm and len(phase.drawn) < 2:
        where = f"phase {phase.phase}"
    if own < 2:
        return f"{where} has {own} {'cluster' if of_one_arm else 'block'}: two are needed"
    if not of_one_arm and spread_over(phase)[i] < LEAST_SPREAD:
        return f"{where} is nearly all in one block: two are needed"
    return ""
