"""Bounds where outcomes are missing or seen for some only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import answered
from apologylab.inference.blocks import block_of, blocks, lay_out, unable
from apologylab.inference.bounds import imbens_manski
from apologylab.inference.estimators.lee_bounds import Seen, lee_bounds
from apologylab.inference.estimators.missing_bounds import Known, missing_bounds
from apologylab.inference.lost import lost
from apologylab.inference.moments import Request, cell_means, cell_scatters, select
from apologylab.inference.rows import estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Cell, Floats, Moments
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source
    from apologylab.inference.value_counts import ValueCounts

ONE_WAY = (
    "{text}: nobody is taken to be seen under the arm with fewer seen and not under the other; "
    "the effect is on those who are seen under both, and says nothing of the others"
)


class _Ends(NamedTuple):
    """Both bounds with their errors, whom they are of, the reference's mean, and what else."""

    bounds: tuple[float, float]
    errors: tuple[float, float]
    who: str
    reference: float
    details: Sequence[tuple[str, str | float]]


class _Units(NamedTuple):
    """One outcome: moments of the known, values, units that could be known, lost; by (p, a)."""

    moments: Moments
    counts: ValueCounts
    arms: tuple[str, ...]
    phases: tuple[int, ...]
    known: Floats
    gone: Floats
    refused: Mapping[str, str]

    @property
    def share(self) -> Floats:
        """Each phase's share of the units."""
        n = (self.known + self.gone).sum(axis=1)
        return np.asarray(n / n.sum(), dtype=np.float64)

    @property
    def of_arm(self) -> dict[str, int]:
        """Arm -> units whose outcome is known."""
        return dict(zip(self.arms, self.known.sum(axis=0).astype(int).tolist(), strict=True))


def _read(source: Source, question: Question) -> dict[str, _Units]:
    """Every outcome's units.

    Raises:
        InputError: the panel does not say which outcomes are lost.
    """
    names = [outcome.name for outcome in question.outcomes]
    requests = [Request(name) for name in (*names, *map(lost, names))]
    found, counts = source.moments(requests), source.value_counts(names)
    return {
        name: _units(found[i], found[i + len(names)], counts[i], question)
        for i, name in enumerate(names)
    }


def _units(moments: Moments, gone: Moments, counts: ValueCounts, question: Question) -> _Units:
    kept = select(moments, [cell.arm in question.arms for cell in moments.cells])
    away = dict(zip(gone.cells, (gone.sums[:, 0] + gone.n * gone.shift[0]).tolist(), strict=True))
    refused = _all_lost(kept, away, question) or unable(kept, question.arms, question.weights)
    arms = tuple(arm for arm in question.arms if arm not in refused)
    layout = lay_out(kept, arms) if arms else None
    rows = layout.rows if layout else np.zeros((0, 0), dtype=np.intp)
    return _Units(
        moments=kept,
        counts=counts,
        arms=arms,
        phases=tuple(sorted({cell.phase for cell in kept.cells})),
        known=kept.n[rows].astype(np.float64),
        gone=np.array([[round(away.get(kept.cells[i], 0.0)) for i in row] for row in rows]),
        refused=refused,
    )


def _all_lost(kept: Moments, away: Mapping[Cell, float], question: Question) -> dict[str, str]:
    """Every arm, where a block has lost all outcomes: it is enrolled, and no bound knows of it."""
    lost_in = {block_of(cell) for cell, n in away.items() if cell.arm in question.arms and n > 0.5}
    unseen = sorted(lost_in - set(blocks(kept.cells)))
    if not kept.cells or not unseen:
        return {}
    return dict.fromkeys(question.arms, f"no unit of {unseen[0]} has {kept.columns[0]}")


def _weights(asking: Asking, units: _Units) -> Floats:
    """The contrast over the arms of ``units``.

    Raises:
        NotEstimable: an arm was refused.
    """
    given = dict(asking.contrast.cells)
    if why := [units.refused[arm] for arm in given if arm in units.refused]:
        raise NotEstimable(why[0])
    return np.array([given.get(arm, 0.0) for arm in units.arms])


def _missing(source: Source, question: Question, asked: Asked) -> Found:
    outcomes = _read(source, question)
    low, high = asked.number("low"), asked.number("high")
    if not low < high:
        raise InputError(f"{asked.text}: low is {low:g}, high {high:g}", do="give low below high")

    def answer(asking: Asking) -> Sequence[Estimate]:
        units = outcomes[asking.outcome.name]
        c = _weights(asking, units)
        _refuse_range(units, low, high)
        known = Known(*_known(units), units.share)
        ends, errors = missing_bounds(known, c, low, high)
        share = float(units.gone.sum() / (units.known + units.gone).sum())
        details = (("lost", share), ("filled with", f"{low:g} to {high:g}"))
        reference = float(np.maximum(-c, 0) @ (units.share @ known.means))
        return _rows(asking, units, _Ends(ends, errors, "units", reference, details))

    return Found(*answered(question, asked.text, answer))


def _known(units: _Units) -> tuple[Floats, Floats, Floats, Floats]:
    rows = lay_out(units.moments, units.arms).rows
    means, scatters = cell_means(units.moments)[:, 0], cell_scatters(units.moments)[:, 0, 0]
    return units.known, units.gone.astype(np.float64), means[rows], scatters[rows]


def _refuse_range(units: _Units, low: float, high: float) -> None:
    value = units.counts.value
    if len(value) and not low <= float(value.min()) <= float(value.max()) <= high:
        raise NotEstimable(
            f"{units.counts.column} lies between {value.min():g} and {value.max():g}, not between "
            f"{low:g} and {high:g}"
        )


def _lee(source: Source, question: Question, asked: Asked) -> Found:
    outcomes = _read(source, question)
    positive = asked.word("seen") == "positive"

    def answer(asking: Asking) -> Sequence[Estimate]:
        units = outcomes[asking.outcome.name]
        c = _weights(asking, units)
        if sorted(c[c != 0].tolist()) != [-1.0, 1.0]:
            raise NotEstimable("Lee's bounds compare two arms")
        arms = [
            _seen(units, int(np.flatnonzero(c == side)[0]), positive=positive) for side in (1, -1)
        ]
        found = lee_bounds(*arms)
        reference = float(arms[1].value @ arms[1].share / arms[1].share.sum())
        details = (
            ("seen in the treatment", float(arms[0].share.sum())),
            ("seen in the reference", float(arms[1].share.sum())),
            ("trimmed", round(abs(found.trimmed), 12)),
        )
        who = f"units whose {asking.outcome.name} is {asked.word('seen')} under both arms"
        ends, errors = (found.low, found.high), (found.error_low, found.error_high)
        return _rows(asking, units, _Ends(ends, errors, who, reference, details))

    estimates, refusals = answered(question, asked.text, answer)
    return Found(estimates, refusals, (ONE_WAY.format(text=asked.text),) if estimates else ())


def _seen(units: _Units, a: int, *, positive: bool) -> Seen:
    """The values of an arm that are seen, each phase weighted by its share of the units."""
    cells = lay_out(units.moments, units.arms).rows[:, a]
    known, gone, share = units.known[:, a], units.gone[:, a], units.share
    n = known if positive else known + gone
    values, weights = [], []
    for i, cell in enumerate(cells):
        value, count = units.counts.of([units.moments.cells[cell]])
        kept = value > 0 if positive else np.ones(len(value), dtype=bool)
        values.append(value[kept])
        weights.append(share[i] * count[kept] / n[i])
    value, at = np.unique(np.concatenate(values), return_inverse=True)
    total = np.bincount(at, np.concatenate(weights), len(value)).astype(np.float64)
    return Seen(value, total, float(1 / (share**2 / n).sum()))


def _rows(asking: Asking, units: _Units, found: _Ends) -> list[Estimate]:
    """A row for each bound; the interval is the effect's own, in both.

    Raises:
        NotEstimable: neither bound has an error.
    """
    if not max(found.errors) > 0:
        raise NotEstimable("an outcome that does not vary among those seen has no interval")
    low, high = imbens_manski(*found.bounds, found.errors, alpha=asking.question.alpha)
    rows = [
        estimate(
            asking._replace(estimator=f"{asking.estimator}, {side} bound"),
            of=f"{side} bound of the mean",
            who=found.who,
            phases=units.phases,
            n=units.of_arm,
            point=end,
            std_error=error or None,
            low=low,
            high=high,
            interval="of the effect between its bounds (Imbens and Manski 2004)",
            reference_mean=found.reference,
            details=found.details,
        )
        for side, end, error in zip(("lower", "upper"), found.bounds, found.errors, strict=True)
    ]
    return [replace(row, smallest_detectable=None) for row in rows]  # a bound is not tested


ANSWERS: Mapping[str, Answer] = {
    "lee_bounds": OfPanel(answer=_lee),
    "missing_bounds": OfPanel(answer=_missing),
}
