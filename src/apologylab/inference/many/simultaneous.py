"""Intervals of several contrasts of one outcome that hold together, by their joint distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.many.joint import Side, correlation
from apologylab.inference.many.max_t import Group, critical_values
from apologylab.inference.multiplicity import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.moments import Floats


def jointly_simultaneous(
    means: ArmMeans, contrasts: Sequence[Contrast], *, alpha: float
) -> tuple[Interval, ...]:
    """Single-step max-t intervals of the contrasts that can be read, over all of ``contrasts``.

    A contrast that cannot be read still counts: nothing is known of how it would go with others.

    Args:
        means: of one outcome, with one covariance.
        contrasts: the family.
        alpha: of the whole family.
    """
    read = [each for each in contrasts if _readable(means, each)]
    if not read:
        return ()
    readings = [means.read(each) for each in read]
    reach = _reach(means, read, len(contrasts), alpha)
    kind = f"simultaneous over {len(contrasts)} (max-t)" if len(contrasts) > 1 else "pointwise"
    return tuple(
        Interval(
            contrast=each,
            point=reading.point,
            std_error=reading.std_error,
            df=reading.df,
            low=reading.point - float(c) * reading.std_error,
            high=reading.point + float(c) * reading.std_error,
            level=1 - alpha,
            kind=kind,
        )
        for each, reading, c in zip(read, readings, reach, strict=True)
    )


def _reach(means: ArmMeans, read: Sequence[Contrast], size: int, alpha: float) -> Floats:
    """Critical values of those that can be read, in a family of ``size``."""
    sides = [Side(means, means.weights(each)) for each in read]
    together = [Group(tuple(range(len(read))), correlation(sides, None))]
    together += [Group((i,), np.ones((1, 1))) for i in range(len(read), size)]
    df = np.full(size, np.inf)
    df[: len(read)] = [means.read(each).df for each in read]
    return critical_values(df, together, alpha)[: len(read)]


def _readable(means: ArmMeans, contrast: Contrast) -> bool:
    try:
        means.read(contrast)
    except NotEstimable:
        return False
    return True
