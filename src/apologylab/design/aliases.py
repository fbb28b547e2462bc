"""Aliases: in a fraction of a factorial, effects that no data of it can tell apart.

An effect is a set of factors: one its main effect, two or more their interaction. With sum-to-zero
columns X_S of each effect S over the arms drawn, a difference c of arms is confounded with every
effect T of other factors for which c' X_T is not 0; two effects S and T are aliased where X_S and
X_T, beside the constant, span a common direction. In the half fraction I = ABC, A is aliased with
BC: the crude difference of A estimates A + BC.

Source: Box and Hunter 1961 (Technometrics 3); R's ``alias`` gives the same pattern.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.design.arms import Arm
    from apologylab.design.layout import Layout

Effect = tuple[str, ...]
HIGHEST = 3
"""Interactions of more factors are not listed, nor are those that are declared to be nothing."""


def confounded(
    on: Layout, corners: Sequence[tuple[int, Sequence[Arm]]], asked: frozenset[str]
) -> tuple[str, ...]:
    """The effects that the crude difference of some arms' averages would be mixed up with.

    ``asked`` are the factors that the contrast is of. Empty where a side has no arm.
    """
    if not all(cells for _, cells in corners):
        return ()
    weight: dict[str, Fraction] = {}
    for sign, cells in corners:
        for arm in cells:
            weight[arm.name] = weight.get(arm.name, Fraction(0)) + Fraction(sign, len(cells))
    drawn = [arm for arm in on.arms if arm.levels]
    return tuple(
        " x ".join(effect)
        for effect in _effects(on)
        if not asked >= set(effect)
        and any(
            sum(weight.get(arm.name, 0) * x for arm, x in zip(drawn, column, strict=True))
            for column in _columns(on, drawn, effect)
        )
    )


def aliases(on: Layout) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each main effect and interaction with those that it is aliased with, where there are any."""
    drawn = [arm for arm in on.arms if arm.levels]
    effects = [each for each in _effects(on) if drawn]
    columns = {effect: _columns(on, drawn, effect) for effect in effects}
    found: dict[Effect, list[str]] = {}
    for a, b in combinations(effects, 2):
        if _aliased(columns[a], columns[b]):
            found.setdefault(a, []).append(" x ".join(b))
            found.setdefault(b, []).append(" x ".join(a))
    return tuple(
        (" x ".join(effect), tuple(found[effect])) for effect in effects if effect in found
    )


def _effects(on: Layout) -> list[Effect]:
    varied = [factor for factor, levels in on.factors.items() if len(levels) > 1]
    highest = HIGHEST if on.negligible is None else on.negligible - 1
    sizes = range(1, min(highest, len(varied)) + 1)
    return [effect for size in sizes for effect in combinations(varied, size)]


def _columns(on: Layout, drawn: Sequence[Arm], effect: Effect) -> list[list[int]]:
    """Sum-to-zero columns of an effect over the arms: products of those of its factors."""
    last = {factor: on.factors[factor][-1] for factor in effect}
    coded = product(*(on.factors[factor][:-1] for factor in effect))
    return [
        [
            prod(
                (arm.levels[f] == level) - (arm.levels[f] == last[f])
                for f, level in zip(effect, levels, strict=True)
            )
            for arm in drawn
        ]
        for levels in coded
    ]


def _aliased(a: list[list[int]], b: list[list[int]]) -> bool:
    one = [[1] * len(a[0])]
    return _rank([*one, *a]) + _rank([*one, *b]) - 1 > _rank([*one, *a, *b])


def _rank(rows: list[list[int]]) -> int:
    """Rank of a small matrix of whole numbers, exact."""
    left = [[Fraction(x) for x in row] for row in rows]
    rank = 0
    for j in range(len(rows[0])):
        pivot = next((row for row in left[rank:] if row[j]), None)
        if pivot is None:
            continue
        left.remove(pivot)
        left.insert(rank, pivot)
        for i in range(rank + 1, len(left)):
            scale = left[i][j] / pivot[j]
            if scale:
                left[i] = [x - scale * p for x, p in zip(left[i], pivot, strict=True)]
        rank += 1
    return rank
