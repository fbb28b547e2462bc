"""Intervals of several contrasts of one outcome that hold together, by their joint distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.many.joint import Side, correlation
from apologylab.inference.many.max_t import Group, alone, critical_values
from apologylab.inference.multiplicity import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.arm_means import ArmMeans


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
    sides = [Side(means, means.weights(each)) for each in read]
    m, df = len(read), np.array([reading.df for reading in readings])
    lost = [Group((m + i,), np.ones((1, 1))) for i in range(len(contrasts) - m)]
    together = [Group(tuple(range(m)), correlation(sides, None)), *lost] if m > 1 else alone(
        len(contrasts)
    )  # fmt: skip
    reach = critical_values(np.append(df, np.full(len(lost), np.inf)), together, alpha)
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
        for each, reading, c in zip(read, readings, reach, strict=False)
    )


def _readable(means: ArmMeans, contrast: Contrast) -> bool:
    try:
        means.read(contrast)
    except NotEstimable:
        return False
    return True
