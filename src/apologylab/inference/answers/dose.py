"""Dose and response: curves over the levels of a factor, and where return crosses cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.design.contrasts import Contrast, level_means
from apologylab.errors import InputError, NotEstimable
from apologylab.inference.answer import Answer, Found, OfFits, Read
from apologylab.inference.askings import means_for
from apologylab.inference.estimators.dose import (
    Crossing,
    Misfit,
    crossing,
    knots_among,
    least_squares,
    misfit,
    monotone,
    monotone_band,
    polynomial,
    polynomial_slope,
    spline,
    spline_slope,
)
from apologylab.inference.multiplicity import bounds
from apologylab.inference.rows import Asking, estimate, refusal
from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.moments import Floats
    from apologylab.inference.question import Measured
    from apologylab.inference.results import Estimate

GRID = 401
"""Doses at which the slope is held against the cost."""


class _Levels(NamedTuple):
    """The levels of the factor, by dose: contrasts as rows ``over`` (L, a) of the arms."""

    read: Read
    outcome: Measured
    factor: str
    contrasts: Sequence[Contrast]
    doses: Floats
    arms: ArmMeans
    over: Floats

    @property
    def phases(self) -> list[int]:
        """Those that have units."""
        return sorted({cell.phase for cell in self.read.moments[self.outcome.name].cells})

    @property
    def units(self) -> dict[str, int]:
        """Arm -> units analysed."""
        return dict(zip(self.arms.arms, self.arms.n.tolist(), strict=True))

    @property
    def weight(self) -> Floats:
        """Units of each level, (L,)."""
        return np.asarray((self.over > 0) @ self.arms.n, dtype=np.float64)


class _Curve(NamedTuple):
    """A fitted curve: its basis, the basis' derivative, and its coefficients as weights of arms."""

    basis: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    weights: Floats
    misfit: Misfit | None


def _dose(read: Read) -> Found:
    rows: list[Estimate] = []
    refusals = []
    for outcome in read.question.outcomes:
        try:
            levels = _levels(read, outcome)
        except (NotEstimable, InputError) as error:
            refusals.append(refusal(_asking(read, outcome, None), error.what))
            continue
        for make in _rows_of(read.asked.word("curve")):
            try:
                rows += make(levels)
            except NotEstimable as error:
                refusals.append(refusal(_asking(read, outcome, levels), error.what))
    return Found(rows, refusals)


def _rows_of(curve: str) -> Sequence[Callable[[_Levels], Sequence[Estimate]]]:
    if curve in {"rising", "falling"}:
        return (_monotone,)
    return (_slope,) if curve == "linear" else (_effects, _crossing)


def _levels(read: Read, outcome: Measured) -> _Levels:
    layout, factor = read.question.layout, read.asked.word("factor")
    if layout is None or factor not in layout.values:
        known = ", ".join(layout.values) if layout else ""
        raise NotEstimable(
            f"{factor!r} is no factor whose levels all have sizes; those are: {known or 'none'}"
        )
    sizes = layout.values[factor]
    contrasts = level_means(layout, factor)
    order = np.argsort([sizes[level] for level in layout.factors[factor]], kind="stable")
    doses = np.sort([sizes[level] for level in layout.factors[factor]])
    contrasts = tuple(contrasts[i] for i in order)
    means, *_ = [means_for(read.fits[outcome.name], each) for each in contrasts]
    over = np.array([means.weights(each) for each in contrasts])
    return _Levels(read, outcome, factor, contrasts, doses, means, over)


def _fit(levels: _Levels) -> _Curve:
    curve, doses = levels.read.asked.word("curve"), levels.doses
    basis: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    if curve == "spline":
        knots = knots_among(doses, int(levels.read.asked.number("knots")))
        basis, slope = partial(spline, knots=knots), partial(spline_slope, knots=knots)
    else:
        degree = 1 if curve == "linear" else 2
        basis = partial(polynomial, degree=degree)
        slope = partial(polynomial_slope, degree=degree)
    at = basis(doses)
    if len(np.unique(doses)) < at.shape[1]:
        raise NotEstimable(f"{len(doses)} levels do not carry a {curve} curve")
    a = least_squares(at, levels.weight)
    covariance = levels.over @ levels.arms.covariance @ levels.over.T
    found = misfit(at, a, levels.over @ levels.arms.means, covariance)
    return _Curve(basis, slope, a @ levels.over, found)


def _slope(levels: _Levels) -> Sequence[Estimate]:
    """The line's slope, as a contrast of the arms."""
    fitted = _fit(levels)
    c = fitted.weights[1]
    more = float(np.maximum(c, 0).sum())
    words = f"{levels.factor}, a unit more"
    contrast = _difference(levels, words, "as it is", c / more)
    return (_row(levels, contrast, c, details=_agrees(fitted)),)


def _effects(levels: _Levels) -> Sequence[Estimate]:
    """The curve at each level against the curve at the least."""
    fitted, low = _fit(levels), levels.contrasts[0]
    at = fitted.basis(levels.doses) @ fitted.weights
    return [
        _row(
            levels,
            _difference(levels, each.treatment, low.treatment, over - levels.over[0]),
            at[j] - at[0],
            details=_agrees(fitted),
        )
        for j, (each, over) in enumerate(zip(levels.contrasts, levels.over, strict=True))
        if j
    ]


def _crossing(levels: _Levels) -> Sequence[Estimate]:
    """The dose at which the marginal return falls through the marginal cost."""
    fitted, cost = _fit(levels), levels.read.asked.number("cost")
    x = np.linspace(levels.doses[0], levels.doses[-1], GRID)
    found = crossing(x, partial(_marginal, levels, fitted), cost)
    contrast = _difference(
        levels,
        f"{levels.factor} whose marginal return is {cost:g}",
        "nothing",
        levels.over[-1] - levels.over[0],
    )
    asking = _asking(levels.read, replace(levels.outcome, unit=f"{levels.factor} given"), contrast)
    return (
        estimate(
            asking,
            of=f"size of {levels.factor} at which it pays no more in mean",
            phases=levels.phases,
            n=levels.units,
            point=found.point,
            low=found.low,
            high=found.high,
            interval="inverted t-test of the slope",
            reference_mean=0.0,
            details=(*_agrees(fitted), *_open_ends(found)),
        ),
    )


def _marginal(levels: _Levels, fitted: _Curve, x: Floats) -> tuple[Floats, Floats]:
    """The slope at doses x (g,), and the half-width of its interval."""
    weights = fitted.slope(x) @ fitted.weights
    errors = [levels.arms.error(c) for c in weights]
    alpha = levels.read.question.alpha
    reach = np.array([stdtrit(df, 1 - alpha / 2) * variance**0.5 for variance, df in errors])
    return weights @ levels.arms.means, reach


def _open_ends(found: Crossing) -> Iterator[tuple[str, str]]:
    """Which ends of the interval lie at what was tried, and might lie beyond."""
    for end, is_open in (("lower", found.open_low), ("upper", found.open_high)):
        if is_open:
            yield f"{end} end", "that of what was tried"


def _monotone(levels: _Levels) -> Sequence[Estimate]:
    """The monotone curve at each level against the least, with bands of all such curves."""
    sign = 1.0 if levels.read.asked.word("curve") == "rising" else -1.0
    closest = sign * monotone(sign * (levels.over @ levels.arms.means), levels.weight)
    k = len(levels.doses) - 1
    sidak = 1 - (1 - levels.read.question.alpha) ** (1 / k)
    differences = [
        _difference(levels, each.treatment, levels.contrasts[0].treatment, over - levels.over[0])
        for each, over in zip(levels.contrasts[1:], levels.over[1:], strict=True)
    ]
    ends = sign * np.array([bounds(levels.arms.read(each), sidak) for each in differences])
    low, high = monotone_band(np.maximum(ends.min(axis=1), 0.0), ends.max(axis=1))
    bands = np.sort(sign * np.column_stack((low, high)), axis=1)
    together = f"simultaneous {100 * (1 - levels.read.question.alpha):g}% over {k}"
    rows = [
        estimate(
            _asking(levels.read, levels.outcome, contrast),
            of=f"mean, {levels.read.asked.word('curve')} with {levels.factor}, of",
            phases=levels.phases,
            n=levels.units,
            point=float(closest[j + 1] - closest[0]),
            low=float(bands[j, 0]),
            high=float(bands[j, 1]),
            interval="",
            reference_mean=float(closest[0]),
        )
        for j, contrast in enumerate(differences)
    ]
    return [
        replace(row, interval_kind=f"{together} (Sidak, Student's t), if the curve is monotone")
        for row in rows
    ]


def _row(
    levels: _Levels, contrast: Contrast, c: Floats, *, details: Sequence[tuple[str, str | float]]
) -> Estimate:
    variance, df = levels.arms.error(c)
    if not variance > 0:
        raise NotEstimable("an outcome that does not vary has no interval")
    point, error = float(c @ levels.arms.means), variance**0.5
    reach = float(stdtrit(df, 1 - levels.read.question.alpha / 2)) * error
    return estimate(
        _asking(levels.read, levels.outcome, contrast),
        of=f"mean on the {levels.read.asked.word('curve')} curve of {levels.factor}, of",
        phases=levels.phases,
        n=levels.units,
        point=point,
        std_error=error,
        df=df,
        low=point - reach,
        high=point + reach,
        interval="Student's t",
        p_value=float(2 * stdtr(df, -abs(point) / error)),
        reference_mean=float(levels.over[0] @ levels.arms.means),
        details=details,
    )


def _agrees(fitted: _Curve) -> tuple[tuple[str, str | float], ...]:
    if fitted.misfit is None:
        return (("levels against the curve", "it goes through all of them"),)
    return (("levels against the curve, p", fitted.misfit.p_value),)


def _difference(levels: _Levels, treatment: str, reference: str, c: Floats) -> Contrast:
    """A contrast of the arms, (a,), weights above 0 summing to 1."""
    return Contrast(
        name=f"{treatment} vs {reference}",
        treatment=treatment,
        reference=reference,
        cells=tuple(
            (arm, float(weight))
            for arm, weight in zip(levels.arms.arms, c, strict=True)
            if abs(weight) > 1e-12
        ),
    )


def _asking(read: Read, outcome: Measured, of: Contrast | _Levels | None) -> Asking:
    """The row's heading; a factor that cannot be read has no contrast of its own."""
    factor = read.asked.word("factor")
    if isinstance(of, Contrast):
        contrast = of
    else:
        name = f"curve over {factor}"
        cells = read.question.arm_contrasts[0].cells
        contrast = Contrast(name=name, treatment=name, reference="its least", cells=cells)
    return Asking(read.question, outcome, "contrast", contrast, read.asked.text)


ANSWERS: Mapping[str, Answer] = {"dose": OfFits(base=lambda asked: asked.word("of"), answer=_dose)}
