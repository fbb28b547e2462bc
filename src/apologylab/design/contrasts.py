"""Contrasts: questions about arms, as weights by arm that sum to zero (R10).

A contrast is written ``SIDE vs SIDE``. A side is

* conditions on factors, joined by ``&``, each ``factor=level`` or ``factor!=level``, with
  alternatives after ``|``: ``coupon=usd5 & wording=basic|status``; or
* names of arms, with alternatives after ``|``: ``basic+usd5@1h``, ``silence``.

Two sides of conditions are *matched*: the factors that neither side mentions take each combination
of levels that occurs on both sides, every combination weighs the same, and within a combination
every cell of a side weighs the same. So ``coupon=usd5 vs coupon=none`` compares the coupon under
the same words. Silence lies outside the factorial and is in a side only by name; a side of names
is its plain average, and so is what it is compared with.

Only arms that are drawn in every phase take part: an arm without units has no mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.arms import Arm, arms, factor_order, weights
from apologylab.design.experiment import NONE
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

Cells = tuple[tuple[str, float], ...]
Levels = tuple[tuple[str, str], ...]
Shares = Mapping[str, Fraction]
EXAMPLE = "write it as `coupon=usd5 vs coupon=none`, or with arms as `basic+usd5@1h vs silence`"


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A difference of two weighted means of arms.

    Attributes:
        name: what the plan, or the grammar, calls it.
        treatment: the first side, in words.
        reference: the second side, in words.
        cells: (arm, weight); positive weights sum to 1, negative ones to -1.

    Raises:
        InputError: the weights are not those of a difference of two means.

    >>> print(Contrast(name="a", treatment="a", reference="b", cells=(("a", 1.0), ("b", -1.0))))
    a: a minus b (a +1, b -1)
    """

    name: str
    treatment: str
    reference: str
    cells: Cells

    def __post_init__(self) -> None:
        above = sum(weight for _, weight in self.cells if weight > 0)
        below = sum(weight for _, weight in self.cells if weight < 0)
        named = [arm for arm, _ in self.cells]
        if abs(above - 1) > 1e-9 or abs(below + 1) > 1e-9 or len(set(named)) != len(named):
            raise InputError(
                f"contrast {self.name!r} has weights {self.cells}",
                do="give each arm once, weights above 0 summing to 1 and below 0 to -1",
            )

    def __str__(self) -> str:
        return f"{self.name}: {self.treatment} minus {self.reference} ({weighed(self.cells)})"


def weighed(cells: Cells) -> str:
    """The cells of a contrast with their weights, which every contrast prints (R10).

    >>> weighed((("basic", 1.0), ("silence", -1.0)))
    'basic +1, silence -1'
    """
    return ", ".join(f"{arm} {weight:+.4g}" for arm, weight in cells)


class _Side(NamedTuple):
    text: str
    cells: tuple[Arm, ...]
    mentioned: frozenset[str]
    named: bool


def arms_drawn(experiment: Experiment) -> tuple[Arm, ...]:
    """Arms with a weight above 0 in every declared phase, in declared order."""
    phases = _weights_by_phase(experiment)
    return tuple(arm for arm in arms(experiment) if all(phase[arm.name] > 0 for phase in phases))


def arm_contrasts(experiment: Experiment) -> tuple[Contrast, ...]:
    """Every arm that some phase draws, against the reference arm.

    An arm that a phase does not draw is listed too: inference refuses it with the reason.
    """
    phases = _weights_by_phase(experiment)
    names = [arm.name for arm in arms(experiment) if any(phase[arm.name] > 0 for phase in phases)]
    return against(names, experiment.arms.reference)


def _weights_by_phase(experiment: Experiment) -> list[Mapping[str, int]]:
    names = tuple(arm.name for arm in arms(experiment))
    allocation = experiment.allocation
    declared = [allocation.weights, *(phase.weights for phase in allocation.phases)]
    return [weights(one, names) for one in declared]


def against(names: Sequence[str], reference: str) -> tuple[Contrast, ...]:
    """Each of ``names`` but the reference, minus the reference.

    >>> [str(c) for c in against(["silence", "basic"], "silence")]
    ['basic vs silence: basic minus silence (basic +1, silence -1)']
    """
    return tuple(
        Contrast(
            name=f"{name} vs {reference}",
            treatment=name,
            reference=reference,
            cells=((name, 1.0), (reference, -1.0)),
        )
        for name in names
        if name != reference
    )


def main_effects(experiment: Experiment) -> tuple[Contrast, ...]:
    """Each level of each factor against its baseline, over the cells in which it can act (R10).

    The baseline is ``none`` where the factor has it, else its first level. A level that meets its
    baseline in no matched cell has no main effect: its arms answer for it.
    """
    found = []
    for factor in factor_order(experiment):
        levels = experiment.factors[factor]
        baseline = NONE if NONE in levels else levels[0]
        for level in levels:
            text = f"{factor}={level} vs {factor}={baseline}"
            if level != baseline and (cells := _cells(experiment, text)):
                found.append(_contrast(text, text, cells))
    return tuple(found)


def parse_contrast(name: str, text: str, experiment: Experiment) -> Contrast:
    """Read a contrast of the plan; the grammar is in the module's docstring.

    Raises:
        InputError: it cannot be read, names what does not exist, or nothing matches.
    """
    cells = _cells(experiment, text)
    if not cells:
        existing = ", ".join(arm.name for arm in arms_drawn(experiment))
        raise InputError(
            f"contrast {text!r}: {_unmatched(experiment, text)}",
            do=f"compare arms by name, or mention more factors; the arms are {existing}",
        )
    return _contrast(name, text, cells)


def _unmatched(experiment: Experiment, text: str) -> str:
    for side in _sides(text):
        if not _side(experiment, side).cells:
            return f"no arm that every phase draws has {side!r} (silence is in a side by name only)"
    return (
        "no cell of one side meets a cell of the other under the same levels of the factors not "
        "mentioned"
    )


def _contrast(name: str, text: str, cells: Shares) -> Contrast:
    treatment, reference = _sides(text)
    return Contrast(
        name=name,
        treatment=treatment,
        reference=reference,
        cells=tuple((arm, float(weight)) for arm, weight in cells.items()),
    )


def _sides(text: str) -> tuple[str, str]:
    sides = [side.strip() for side in text.split(" vs ")]
    if len(sides) != 2 or not all(sides):
        raise InputError(f"contrast {text!r} does not have two sides", do=EXAMPLE)
    return sides[0], sides[1]


def _cells(experiment: Experiment, text: str) -> Shares:
    """Weights by arm in declared order; empty where nothing matches."""
    treatment, reference = (_side(experiment, side) for side in _sides(text))
    if both := {arm.name for arm in treatment.cells} & {arm.name for arm in reference.cells}:
        raise InputError(f"contrast {text!r} has {sorted(both)} on both sides", do=EXAMPLE)
    pairs = _pairs(treatment, reference)
    share = {arm.name: Fraction(0) for arm in arms_drawn(experiment)}
    for ours, theirs in pairs:
        for cells, sign in ((ours, 1), (theirs, -1)):
            for arm in cells:
                share[arm.name] += Fraction(sign, len(cells) * len(pairs))
    return {name: weight for name, weight in share.items() if weight}


def _pairs(left: _Side, right: _Side) -> list[tuple[list[Arm], list[Arm]]]:
    """The cells to compare: one pair a combination of the factors that no side mentions."""
    if not left.cells or not right.cells:
        return []
    if left.named or right.named:
        return [(list(left.cells), list(right.cells))]
    mentioned = left.mentioned | right.mentioned
    ours, theirs = _by_rest(left.cells, mentioned), _by_rest(right.cells, mentioned)
    return [(cells, theirs[rest]) for rest, cells in ours.items() if rest in theirs]


def _by_rest(cells: Sequence[Arm], mentioned: frozenset[str]) -> dict[Levels, list[Arm]]:
    groups: dict[Levels, list[Arm]] = {}
    for arm in cells:
        rest = tuple(pair for pair in arm.levels.items() if pair[0] not in mentioned)
        groups.setdefault(rest, []).append(arm)
    return groups


def _side(experiment: Experiment, text: str) -> _Side:
    drawn = arms_drawn(experiment)
    names = [name.strip() for name in text.split("|")]
    by_name = {arm.name: arm for arm in drawn}
    if all(name in by_name for name in names):
        return _Side(text, tuple(by_name[name] for name in names), frozenset(), named=True)
    if "=" not in text:
        raise InputError(
            f"{text!r} is neither an arm that every phase draws nor a condition on a factor",
            do=f"{EXAMPLE}; the arms are {', '.join(by_name)}",
        )
    admitted: dict[str, frozenset[str]] = {}
    for part in text.split("&"):
        factor, levels = _condition(experiment, part.strip())
        admitted[factor] = admitted.get(factor, levels) & levels
    chosen = tuple(
        arm
        for arm in drawn
        if arm.levels and all(arm.levels[factor] in admitted[factor] for factor in admitted)
    )
    return _Side(text, chosen, frozenset(admitted), named=False)


def _condition(experiment: Experiment, text: str) -> tuple[str, frozenset[str]]:
    """(factor, admitted levels) of ``factor=a|b`` or ``factor!=a``."""
    denied = "!=" in text
    factor, _, listed = text.partition("!=" if denied else "=")
    factor, levels = factor.strip(), [level.strip() for level in listed.split("|")]
    if factor not in experiment.factors:
        raise InputError(
            f"{text!r}: there is no factor {factor!r}",
            do=f"the factors are {', '.join(experiment.factors) or 'none: compare arms by name'}",
        )
    known = experiment.factors[factor]
    if unknown := [level for level in levels if level not in known]:
        raise InputError(
            f"{text!r}: factor {factor!r} has no level {unknown[0]!r}",
            do=f"its levels are {', '.join(known)}",
        )
    chosen = (level for level in known if (level in levels) != denied)
    return factor, frozenset(chosen)
