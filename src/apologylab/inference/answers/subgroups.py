"""Effects in declared subgroups, and whether they differ: one scan for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.arm_means import ArmMeans, Reading
from apologylab.inference.askings import askings
from apologylab.inference.blocks import unable
from apologylab.inference.derived import Product
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.subgroups import same_effect
from apologylab.inference.moments import Moments, Request, pooled_means, select, units_by_arm
from apologylab.inference.multiplicity import bounds, p_value
from apologylab.inference.rows import Asking, estimate, refusal

if TYPE_CHECKING:
    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Counts, Floats
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.source import Source

NOTE = (
    "an effect in a subgroup is judged by whether it differs from that in the others, not by its "
    "own p: only the differences between subgroups are tested"
)


class _Level(NamedTuple):
    """One subgroup of one outcome: its moments, and arms that it has not enough units of."""

    name: str
    moments: Moments
    refused: Mapping[str, str]
    means: ArmMeans | None


def _subgroups(source: Source, question: Question, asked: Asked) -> Found:
    if not question.subgroups:
        raise InputError(
            f"{asked.text} needs subgroups and none is declared",
            do='declare them: [plan.subgroups] region = ["north", "south"]',
        )
    levels, units = _levels(source, question)
    estimates, refusals, notes = [], [], [NOTE, *_outside(question, levels, units)]
    for asking in askings(question, asked.text):
        for field, names in question.subgroups.items():
            mine = [levels[asking.outcome.name, f"{field}={name}"] for name in names]
            try:
                rows, note = _rows(asking, field, mine)
            except NotEstimable as error:
                named = replace(asking.outcome, name=f"{asking.outcome.name} by {field}")
                refusals.append(refusal(asking._replace(outcome=named), error.what))
            else:
                estimates += rows
                notes += [note] if len(names) > 2 else []  # of two, the difference has said it
    return Found(estimates, refusals, notes)


def _outside(
    question: Question, levels: Mapping[tuple[str, str], _Level], units: Mapping[str, int]
) -> Iterator[str]:
    """How many units are in none of a column's declared levels, by the first outcome."""
    name = question.outcomes[0].name
    for field, declared in question.subgroups.items():
        mine = sum(int(levels[name, f"{field}={each}"].moments.n.sum()) for each in declared)
        if mine < units[name]:
            yield f"{field}: {units[name] - mine:,} units are in no declared subgroup, and left out"


def _levels(
    source: Source, question: Question
) -> tuple[dict[tuple[str, str], _Level], dict[str, int]]:
    """(outcome, column of the level) -> the units there; outcome -> all units. From one scan."""
    names = [outcome.name for outcome in question.outcomes]
    alone = source.moments([Request(name) for name in names])
    centre = {
        name: float(pooled_means(each)[0]) if len(each.n) else 0.0
        for name, each in zip(names, alone, strict=True)
    }
    columns = [f"{field}={name}" for field, all_ in question.subgroups.items() for name in all_]
    pairs = [(name, column) for name in names for column in columns]
    derived = {
        f"{name} in {column}": Product(factors=((name, centre[name], 1), (column, 0.0, 1)))
        for name, column in pairs
    }
    requests = [Request(f"{name} in {column}", (column,)) for name, column in pairs]
    found = source.derive(derived).moments(requests)
    levels = {
        pair: _level(question, pair, each, centre[pair[0]])
        for pair, each in zip(pairs, found, strict=True)
    }
    kept = [[cell.arm in question.arms for cell in each.cells] for each in alone]
    return levels, {
        name: int(each.n[mine].sum()) for name, each, mine in zip(names, alone, kept, strict=True)
    }


def _level(question: Question, pair: tuple[str, str], product: Moments, centre: float) -> _Level:
    """The moments of the units of one level, out of those of (y - centre) 1 and 1."""
    kept = select(product, [cell.arm in question.arms for cell in product.cells])
    n = np.rint(kept.sums[:, 1] + kept.n * kept.shift[1]).astype(np.int64)
    sums = kept.sums[:, 0] + kept.n * kept.shift[0]
    squares = (
        kept.products[:, 0, 0] + 2 * kept.shift[0] * kept.sums[:, 0] + kept.n * kept.shift[0] ** 2
    )
    moments = _of_level(pair[0], kept, centre, n, sums, squares)
    refused = unable(moments, question.arms, question.weights)
    arms = [arm for arm in question.arms if arm not in refused]
    return _Level(pair[1], moments, refused, difference_in_means(moments, arms) if arms else None)


def _of_level(
    outcome: str, whole: Moments, centre: float, n: Counts, sums: Floats, squares: Floats
) -> Moments:
    has = n > 0
    return Moments(
        columns=(outcome,),
        cells=tuple(cell for cell, some in zip(whole.cells, has, strict=True) if some),
        shift=np.array([centre]),
        n=n[has],
        sums=sums[has, None],
        products=squares[has, None, None],
    )


def _rows(asking: Asking, field: str, levels: Sequence[_Level]) -> tuple[list[Estimate], str]:
    """The effect in each level, its difference from the first's, and the test of all together.

    Raises:
        NotEstimable: there is one level, or one has not enough units.
    """
    if len(levels) < 2:
        raise NotEstimable(f"{field} has one declared subgroup, which differs from no other")
    read = [_read(asking, level) for level in levels]
    test = same_effect(
        np.array([each.point for each in read]),
        np.array([each.std_error**2 for each in read]),
        np.array([each.df for each in read]),
    )
    rows = [_effect(asking, *each) for each in zip(levels, read, strict=True)]
    rows += _differences(asking, levels, read, [("Welch's F", test.f), ("its p", test.p)])
    words = (
        f"{asking.outcome.name}, {asking.contrast.treatment} against "
        f"{asking.contrast.reference}, by {field}: effects agree in all {len(levels)} subgroups? "
        f"Welch's F {test.f:.3g} on {test.between} and {test.within:.1f}, p {test.p:.2g}"
    )
    return rows, words


def _read(asking: Asking, level: _Level) -> Reading:
    why = [level.refused[arm] for arm, _ in asking.contrast.cells if arm in level.refused]
    if why or level.means is None:
        raise NotEstimable(f"{level.name}: {why[0] if why else 'no arm has units'}")
    return level.means.read(asking.contrast)


def _effect(asking: Asking, level: _Level, reading: Reading) -> Estimate:
    """The effect in one subgroup, without a p of its own."""
    return _row(asking, f"{asking.outcome.name}, {level.name}", [level], reading, tested=False)


def _differences(
    asking: Asking,
    levels: Sequence[_Level],
    read: Sequence[Reading],
    said: Sequence[tuple[str, str | float]],
) -> Iterator[Estimate]:
    """The effect in each later level less that in the first: units are disjoint, errors add."""
    for level, each in zip(levels[1:], read[1:], strict=True):
        both = np.square([each.std_error, read[0].std_error])
        df = float(both.sum() ** 2 / (np.square(both) / [each.df, read[0].df]).sum())
        reading = Reading(each.point - read[0].point, float(both.sum() ** 0.5), df, read[0].point)
        name = f"{asking.outcome.name}, effect at {level.name} less that at {levels[0].name}"
        row = _row(asking, name, [levels[0], level], reading, tested=True)
        yield replace(row, details=tuple(said))


def _row(
    asking: Asking, name: str, levels: Sequence[_Level], reading: Reading, *, tested: bool
) -> Estimate:
    low, high = bounds(reading, asking.question.alpha)
    return estimate(
        asking._replace(outcome=replace(asking.outcome, name=name)),
        of="mean",
        who=f"units with {' or '.join(level.name for level in levels)}",
        phases=sorted({cell.phase for level in levels for cell in level.moments.cells}),
        n=units_by_arm(*(level.moments for level in levels)),
        point=reading.point,
        std_error=reading.std_error,
        df=reading.df,
        low=low,
        high=high,
        interval="Student's t",
        p_value=p_value(reading) if tested else None,
        reference_mean=reading.reference_mean,
    )


ANSWERS: Mapping[str, Answer] = {"subgroups": OfPanel(answer=_subgroups)}
