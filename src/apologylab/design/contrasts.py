"""Contrasts: questions about arms, as weights by arm that sum to zero (R10).

A contrast is written ``SIDE vs SIDE``. A side is

* conditions on factors, joined by ``&``, each ``factor=level`` or ``factor!=level``, with
  alternatives after ``|``: ``coupon=usd5 & wording=basic|status``;
* sets of levels by what they cost us, which are such conditions: ``cost=status``, ``cost!=money``,
  ``cost=none`` (:mod:`apologylab.design.costs`); or
* names of arms, with alternatives after ``|``: ``basic+usd5@1h``, ``silence``.

Two sides of conditions are *matched*: the factors that neither side mentions take each combination
of levels that occurs on both sides. Combinations weigh the same, and within one every cell of a
side weighs the same, unless the plan's ``margins`` give a factor's levels other weights. So
``coupon=usd5 vs coupon=none`` compares the coupon under the same words. Silence lies outside the
factorial and is in a side only by name. A side of names is its plain average; what it is compared
with averages over all its cells.

``coupon=usd5 vs coupon=none at timing=1h`` is a simple effect. ``coupon=usd5 vs coupon=none x
timing=1h vs timing=4h`` is an interaction: by how much the first difference differs between the
sides of the second; a third makes it one of three factors. A difference of a factor of which only
one side is written, ``coupon=usd5`` or plain ``coupon``, is with its baseline.

Where only a fraction of the cells is drawn, nothing matches. If the plan declares which
interactions are ``negligible``, a difference of plain averages stands for it that is mixed up with
none but those; else it is refused.

Only arms that are drawn in every phase take part: an arm without units has no mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.aliases import aliases, confounded
from apologylab.design.arms import Arm, arms
from apologylab.design.layout import Layout, layout, weights_by_phase
from apologylab.design.sides import EXAMPLE, Side, joined, read_side, split
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

Cells = tuple[tuple[str, float], ...]
Levels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A difference of two weighted means of arms, or of such differences.

    Attributes:
        name: what the plan, or the grammar, calls it.
        treatment: the first side, in words.
        reference: the second side, in words.
        cells: (arm, weight); positive weights sum to 2^(order - 1), negative ones to its negative.
            Of order 0 positive weights sum to 1 and there are no others.
        order: how many differences are taken: 1 an effect, 2 an interaction of two factors; 0 a
            mean.

    Raises:
        InputError: the weights are not those of such a difference.

    >>> print(Contrast(name="a", treatment="a", reference="b", cells=(("a", 1.0), ("b", -1.0))))
    a: a minus b (a +1, b -1)
    """

    name: str
    treatment: str
    reference: str
    cells: Cells
    order: int = 1

    def __post_init__(self) -> None:
        above = sum(weight for _, weight in self.cells if weight > 0)
        below = sum(weight for _, weight in self.cells if weight < 0)
        named = [arm for arm, _ in self.cells]
        want = (1, 0) if self.order == 0 else (2 ** (self.order - 1), -(2 ** (self.order - 1)))
        off = abs(above - want[0]) > 1e-9 or abs(below - want[1]) > 1e-9
        if off or len(set(named)) != len(named):
            raise InputError(
                f"contrast {self.name!r} has weights {self.cells}",
                do=f"give each arm once, weights above 0 summing to {want[0]} and below 0 to "
                f"{want[1]}",
            )

    def __str__(self) -> str:
        return f"{self.name}: {self.treatment} minus {self.reference} ({weighed(self.cells)})"


def weighed(cells: Cells) -> str:
    """The cells of a contrast with their weights, which every contrast prints (R10).

    >>> weighed((("basic", 1.0), ("silence", -1.0)))
    'basic +1, silence -1'
    """
    return ", ".join(f"{arm} {weight:+.4g}" for arm, weight in cells)


class _Corner(NamedTuple):
    """One combination of sides of the differences, with its sign."""

    sign: int
    side: Side


def arms_drawn(experiment: Experiment) -> tuple[Arm, ...]:
    """Arms with a weight above 0 in every declared phase, in declared order."""
    return layout(experiment).arms


def arm_contrasts(experiment: Experiment) -> tuple[Contrast, ...]:
    """Every arm that some phase draws, against the reference arm.

    An arm that a phase does not draw is listed too: inference refuses it with the reason.
    """
    phases = weights_by_phase(experiment)
    names = [arm.name for arm in arms(experiment) if any(phase[arm.name] > 0 for phase in phases)]
    return against(names, experiment.arms.reference)


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
    return effects_on(layout(experiment))


def effects_on(on: Layout) -> tuple[Contrast, ...]:
    """The main effects on a layout."""
    texts = (
        f"{factor}={level} vs {factor}={on.baseline(factor)}"
        for factor, levels in on.factors.items()
        for level in levels
        if level != on.baseline(factor)
    )
    return tuple(read_contrast(text, text, on) for text in texts if _cells(on, text)[0])


def alias_notes(on: Layout) -> tuple[str, ...]:
    """What a fraction of a factorial cannot tell apart, in words; empty for a full one."""
    pairs = "; ".join(f"{effect} with {', '.join(others)}" for effect, others in aliases(on))
    found = [f"aliases in this fraction of the factorial, refused as contrasts: {pairs}"]
    assumed = (
        f"assumed and not tested: interactions of {on.negligible} and more factors are nothing "
        "(plan.negligible); without that this fraction cannot tell effects from them"
    )
    return (*(found if pairs else ()), *((assumed,) if on.negligible is not None else ()))


def level_means(on: Layout, factor: str, at: str = "") -> tuple[Contrast, ...]:
    """The mean under each level of a factor, all over the same combinations of the others.

    Raises:
        InputError: there is no combination under which every level is drawn.
    """
    conditions = [read_side(on, at)] if at else []
    sides = [
        joined(on, [read_side(on, f"{factor}={level}"), *conditions])
        for level in on.factors[factor]
    ]
    shares = [share for _, share in _shares(on, sides)]
    if not shares:
        raise InputError(
            f"{factor} has no combination of the other factors under which every level is drawn",
            do="compare two levels at a time, or arms by name",
        )
    return tuple(
        Contrast(
            name=side.text, treatment=side.text, reference="nothing", cells=_floats(share), order=0
        )
        for side, share in zip(sides, shares, strict=True)
    )


def parse_contrast(name: str, text: str, experiment: Experiment) -> Contrast:
    """Read a contrast of the plan; the grammar is in the module's docstring.

    Raises:
        InputError: it cannot be read, names what does not exist, or nothing matches.
    """
    return read_contrast(name, text, layout(experiment))


def read_contrast(name: str, text: str, on: Layout) -> Contrast:
    """Read a contrast on a layout; the grammar is in the module's docstring.

    Raises:
        InputError: it cannot be read, names what does not exist, nothing matches, or in this
            fraction of the factorial it cannot be told from other effects.
    """
    cells, order = _cells(on, text)
    if not cells:
        existing = ", ".join(arm.name for arm in on.arms)
        raise InputError(
            f"contrast {text!r}: {_unmatched(on, text)}",
            do=f"compare arms by name, or mention more factors; the arms are {existing}",
        )
    treatment, reference = _words(on, text)
    return Contrast(
        name=name, treatment=treatment, reference=reference, cells=_floats(cells), order=order
    )


def _floats(share: dict[str, Fraction]) -> Cells:
    return tuple((arm, float(weight)) for arm, weight in share.items())


def _unmatched(on: Layout, text: str) -> str:
    differences, at = _parts(on, text)
    for side in (side for pair in differences for side in pair):
        if not read_side(on, side).cells:
            return f"no arm that every phase draws has {side!r} (silence is in a side by name only)"
    corners = _corners(on, differences, at)
    crude = [(corner.sign, corner.side.cells) for corner in corners]
    asked = frozenset(factor for corner in corners for factor in corner.side.admitted)
    if alias := confounded(on, crude, asked):
        return f"in this fraction of the factorial it cannot be told from {', '.join(alias)}"
    return (
        "no cell of one side meets a cell of the other under the same levels of the factors not "
        "mentioned"
    )


def _words(on: Layout, text: str) -> tuple[str, str]:
    """The two sides in words; those of an interaction are its first differences."""
    differences, at = _parts(on, text)
    under = f" at {at}" if at else ""
    first, *rest = differences
    if not rest:
        return first[0] + under, first[1] + under
    inner = " x ".join(" vs ".join(pair) for pair in differences[:-1])
    more = f" & {at}" if at else ""
    return f"({inner}) at {rest[-1][0]}{more}", f"({inner}) at {rest[-1][1]}{more}"


def _parts(on: Layout, text: str) -> tuple[list[tuple[str, str]], str]:
    """The differences of a contrast, and the conditions under which they are taken."""
    head, at = text, ""
    if " at " in text and "=" in text.rpartition(" at ")[2]:
        head, _, at = text.rpartition(" at ")
    texts = [part.strip() for part in head.split(" x ")]
    if not all("=" in part or part in on.factors for part in texts):
        texts = [head]
    return [_difference(on, part) for part in texts], at.strip()


def _difference(on: Layout, text: str) -> tuple[str, str]:
    """``SIDE vs SIDE``, or a factor or its level against the baseline."""
    factor, _, level = text.partition("=")
    if " vs " in text or factor not in on.factors:
        return split(text)
    baseline = on.baseline(factor)
    others = [each for each in on.factors[factor] if each != baseline]
    if not level and len(others) != 1:
        raise InputError(
            f"{factor} has {len(on.factors[factor])} levels, so its difference is not one",
            do=f"write the level: {factor}={others[0] if others else baseline}",
        )
    return f"{factor}={level or others[0]}", f"{factor}={baseline}"


def _corners(on: Layout, differences: Sequence[tuple[str, str]], at: str) -> list[_Corner]:
    sides = [tuple(read_side(on, side) for side in pair) for pair in differences]
    conditions = [read_side(on, at)] if at else []
    plain = len(sides) == 1 and not conditions
    if not plain and any(side.named for pair in (*sides, tuple(conditions)) for side in pair):
        raise InputError(
            "arms by name have neither `at` nor `x`", do="write conditions, such as coupon=usd5"
        )
    return [
        _Corner(
            sign=prod(-1 if second else 1 for second in which),
            side=joined(
                on, [*(pair[i] for pair, i in zip(sides, which, strict=True)), *conditions]
            ),
        )
        for which in product((0, 1), repeat=len(sides))
    ]


def _cells(on: Layout, text: str) -> tuple[dict[str, Fraction], int]:
    """Weights by arm in declared order, empty where nothing matches; and the contrast's order."""
    differences, at = _parts(on, text)
    corners = _corners(on, differences, at)
    seen: set[str] = set()
    for corner in corners:
        names = {arm.name for arm in corner.side.cells}
        if both := names & seen:
            raise InputError(f"contrast {text!r} has {sorted(both)} on both sides", do=EXAMPLE)
        seen |= names
    total = dict.fromkeys((arm.name for arm in on.arms), Fraction(0))
    shares = _shares(on, [corner.side for corner in corners]) or _of_a_fraction(on, corners)
    for corner, (_, share) in zip(corners, shares, strict=False):
        for name, weight in share.items():
            total[name] += corner.sign * weight
    return {name: weight for name, weight in total.items() if weight}, len(differences)


def _of_a_fraction(
    on: Layout, corners: Sequence[_Corner]
) -> list[tuple[Side, dict[str, Fraction]]]:
    """Each side's plain average, where only what is declared to be nothing is mixed up with it."""
    sides = [corner.side for corner in corners]
    asked = frozenset(factor for side in sides for factor in side.admitted)
    if on.negligible is None or any(side.named or not side.cells for side in sides):
        return []
    if set(on.margins) - asked or confounded(on, [(c.sign, c.side.cells) for c in corners], asked):
        return []
    return [
        (side, {arm.name: Fraction(1, len(side.cells)) for arm in side.cells}) for side in sides
    ]


def _shares(on: Layout, sides: Sequence[Side]) -> list[tuple[Side, dict[str, Fraction]]]:
    """Each side's weights by arm, over the combinations of other factors that all sides have."""
    if any(side.named for side in sides):
        found = [[(Fraction(1), side.cells)] if side.cells else [] for side in sides]
    else:
        mentioned = frozenset(factor for side in sides for factor in side.admitted)
        groups = [_by_rest(side.cells, mentioned) for side in sides]
        rests = [rest for rest in groups[0] if all(rest in group for group in groups)]
        found = [[(on.weight(rest), tuple(group[rest])) for rest in rests] for group in groups]
    if not all(found):
        return []
    return [(side, _averaged(on, side, each)) for side, each in zip(sides, found, strict=True)]


def _averaged(
    on: Layout, side: Side, groups: Sequence[tuple[Fraction, Sequence[Arm]]]
) -> dict[str, Fraction]:
    share: dict[str, Fraction] = {}
    whole = sum(weight for weight, _ in groups)
    for weight, cells in groups:
        own = [
            on.weight([pair for pair in arm.levels.items() if pair[0] in side.admitted])
            for arm in cells
        ]
        for arm, each in zip(cells, own, strict=True):
            if whole * sum(own):
                share[arm.name] = weight / whole * each / sum(own)
    return share


def _by_rest(cells: Sequence[Arm], mentioned: frozenset[str]) -> dict[Levels, list[Arm]]:
    groups: dict[Levels, list[Arm]] = {}
    for arm in cells:
        rest = tuple(pair for pair in arm.levels.items() if pair[0] not in mentioned)
        groups.setdefault(rest, []).append(arm)
    return groups
