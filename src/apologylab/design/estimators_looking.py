"""The words for estimators whose intervals hold at any time by themselves."""

from __future__ import annotations

from apologylab.design.estimator import Estimator

LOOKING: tuple[Estimator, ...] = (
    Estimator(
        name="share_at_any_time",
        about="differences of shares (outcomes of 0 and 1), exact at all looks and any count",
        schemes=("independent",),
    ),
)
