"""Arm means with one covariance: what every estimator returns, and what contrasts read (R29)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.moments import Counts, Floats


class Reading(NamedTuple):
    """A contrast c'm read off arm means: its error, degrees of freedom, and its reference side."""

    point: float
    std_error: float
    df: float
    reference_mean: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmMeans:
    """Estimated mean of one outcome over all enrolled units, under each arm.

    Cells are independent given the design, so the joint covariance is the diagonal of the sums of
    their contributions, and a contrast has variance c'Vc. Where arms were drawn together
    (permuted blocks), ``joint`` has what the diagonal leaves out.

    Attributes:
        outcome: the column.
        estimator: the estimator's name.
        arms: a names.
        n: (a,) units analysed.
        means: (a,).
        variances: (b, a) what each block's cell adds to the variance of its arm's mean.
        freedom: (b, a) degrees of freedom of each of ``variances``; (b, 1) of each of ``joint``.
        joint: (b, a, a) what each phase adds to the covariance; None where arms are independent.
        df: of every contrast; None: Satterthwaite's, from ``freedom``.
        freedom_of: degrees of freedom of a contrast (a,), where they do not come from ``freedom``.
        shared: (b, a, a) error that arms have in common, beside ``variances``; None: none.
    """

    outcome: str
    estimator: str
    arms: tuple[str, ...]
    n: Counts
    means: Floats
    variances: Floats
    freedom: Floats
    df: float | None = None
    joint: Floats | None = None
    freedom_of: Callable[[Floats], float] | None = None
    shared: Floats | None = None

    @property
    def covariance(self) -> Floats:
        """Joint covariance V of ``means``, (a, a)."""
        own = np.diag(self.variances.sum(axis=0)) if self.joint is None else self.joint.sum(axis=0)
        together: Floats = own if self.shared is None else own + self.shared.sum(axis=0)
        return together

    def weights(self, contrast: Contrast) -> Floats:
        """The contrast as a vector c over ``arms``, (a,).

        Raises:
            NotEstimable: the contrast needs an arm that is not here.
        """
        given: Mapping[str, float] = dict(contrast.cells)
        if absent := [arm for arm in given if arm not in self.arms]:
            raise NotEstimable(
                f"{self.outcome}, {contrast.name}: {absent[0]} has no estimated mean",
                do="see the refusals for why",
            )
        return np.array([given.get(arm, 0.0) for arm in self.arms])

    def read(self, contrast: Contrast) -> Reading:
        """Point, standard error and degrees of freedom of a contrast.

        Raises:
            NotEstimable: an arm is missing, or nothing varies.
        """
        c = self.weights(contrast)
        variance, df = self.error(c)
        if not variance > 0 or not np.isfinite(variance):
            raise NotEstimable(
                f"the variance is {variance:g}: an outcome that does not vary has no interval",
                do="see whether its column holds what it should",
            )
        return Reading(
            point=float(c @ self.means),
            std_error=variance**0.5,
            df=df,
            reference_mean=self._reference_mean(c),
        )

    def error(self, c: Floats) -> tuple[float, float]:
        """Variance of c'm for any c, (a,), and its degrees of freedom (nan where it is 0).

        Satterthwaite's are of the arms' own parts: what they share has none to lose.
        """
        parts = self._parts(c)
        own = float(parts.sum())
        common = 0.0 if self.shared is None else float(np.einsum("i,bij,j->", c, self.shared, c))
        return own + common, self._df(c, parts)

    def _reference_mean(self, c: Floats) -> float:
        """The mean of the side that is taken away; 0 where nothing is (a mean of a level)."""
        below = np.maximum(-c, 0)
        return float(below @ self.means) / float(below.sum()) if below.any() else 0.0

    def _df(self, c: Floats, parts: Floats) -> float:
        """Degrees of freedom of c'm, whose variance is the sum of ``parts``; nan where it is 0."""
        if self.df is not None:
            return self.df
        if self.freedom_of is not None:
            return self.freedom_of(c)
        spent = float((np.square(parts) / self.freedom).sum())
        return float(parts.sum()) ** 2 / spent if spent else float("nan")

    def _parts(self, c: Floats) -> Floats:
        """What each part of the panel adds to c'Vc, in the shape of ``freedom``."""
        if self.joint is None:
            return np.square(c) * self.variances
        parts: Floats = np.einsum("i,bij,j->b", c, self.joint, c)[:, None]
        return parts
