"""One contrast at one look: what its interval reaches to, and its p, so that all looks hold.

A :class:`Watch` is the plan of looks with what is known of them: what earlier looks saw, out of the
ledger (R31), and how many units the experiment is forecast to end with. Shares of information come
from variances, not from days: with s_a^2 / n_a the variance of arm a's mean now and N_a its units
at the end, a contrast c has

    share = sum_a c_a^2 (s_a^2 / n_a) (n_a / N_a) / sum_a c_a^2 (s_a^2 / n_a),

its variance at the end over its variance now. The share says what a look may spend. How looks
depend on one another is taken from the information 1 / SE^2 that each of them had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.sequential.mixture import always_valid_p, best_rho, critical
from apologylab.inference.sequential.repeated import boundary, repeated_p
from apologylab.inference.sequential.spending import Spending
from apologylab.inference.special import ndtr, ndtri, stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.moments import Floats

Method = Literal["group_sequential", "confidence_sequence"]
BEFORE_THE_END = 0.99
"""The largest share of information that a look may have while units still come."""
_SAME = 1e-12
"""Two looks whose information differs by less have seen the same facts: they are one look."""
_MANY = 5e3
"""Degrees of freedom beyond which Student's t is normal to four digits of its tail."""
_FAR = 37.0


class Seen(NamedTuple):
    """What one look saw of one contrast: 1 / SE^2, and the share of the final information."""

    information: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The plan of looks, and how far it has come.

    Attributes:
        method: how looks are paid for.
        spending: of alpha, by a group-sequential plan.
        alpha: the plan's; a confidence sequence is tuned to it.
        first_look: units that each arm of a contrast must have before it is shown.
        final: arm -> units at the end, as forecast now.
        planned: arm -> units at the end, as declared: what a confidence sequence is tuned to, which
            must not move with what comes.
        last: the experiment has ended: what is left of alpha is spent.
        earlier: of each look before this one, contrast -> what it saw, oldest first.
    """

    method: Method
    spending: Spending = field(default_factory=Spending)
    alpha: float
    first_look: int
    final: Mapping[str, int]
    planned: Mapping[str, int]
    last: bool = False
    earlier: tuple[Mapping[str, Seen], ...] = ()

    def __str__(self) -> str:
        if self.method == "group_sequential":
            return f"group sequential, {self.spending}"
        return "confidence sequence"


class At(NamedTuple):
    """One contrast at this look: all looks at it so far, this one last; units now, and planned."""

    watch: Watch
    contrast: str
    seen: tuple[Seen, ...]
    df: float
    n: float
    planned: float

    @property
    def now(self) -> Seen:
        """What this look sees."""
        return self.seen[-1]

    def reach(self, alpha: float) -> float:
        """Half-width of the two-sided interval, in standard errors, at 1 - alpha over all looks.

        The boundary is for Z; Student's t takes the quantile of the same level (Jennison and
        Turnbull 2000, section 4.4).

        Raises:
            NotEstimable: this look has nothing to spend.
        """
        bound = self._bound(alpha)
        if not bound < _FAR:
            raise NotEstimable(
                f"this look adds {100 * self.now.share:.1f}% of the final information in all, at "
                f"which {self.watch.spending} has next to nothing to spend",
                do="look again when more units are in",
            )
        return bound if self.df > _MANY else float(-stdtrit(self.df, float(ndtr(-bound))))

    def _bound(self, alpha: float) -> float:
        watch = self.watch
        if watch.method == "confidence_sequence":
            return critical(self.n, best_rho(self.planned, watch.alpha), alpha)
        information, share = zip(*self.seen, strict=True)
        return boundary(information, share, watch.spending, alpha)

    def p_value(self, t: float) -> float:
        """p of "the contrast is 0", valid at all looks together; ``t`` is estimate / SE."""
        z = _as_normal(t, self.df)
        watch = self.watch
        if watch.method == "confidence_sequence":
            return float(always_valid_p(z, self.n, best_rho(self.planned, watch.alpha)))
        information, share = zip(*self.seen, strict=True)
        return repeated_p(z, information, share, watch.spending)


def at_look(  # noqa: PLR0913 - a look is known by as much
    watch: Watch,
    contrast: str,
    *,
    std_error: float,
    df: float | None,
    n: Mapping[str, int],
    cells: Sequence[tuple[str, float]],
    means: ArmMeans | None = None,
) -> At:
    """Where a contrast stands at this look.

    Args:
        watch: the plan of looks.
        contrast: the key under which earlier looks have it, :func:`key`.
        std_error: of the estimate.
        df: its degrees of freedom; None: normal.
        n: arm -> units analysed.
        cells: arm -> weight of the contrast.
        means: arm means that it is read off, for their variances; None: taken as alike.

    Raises:
        NotEstimable: an arm has fewer units than the plan's first look asks for.
    """
    arms = [arm for arm, weight in cells if weight]
    units = np.array([n.get(arm, 0) for arm in arms], dtype=np.float64)
    if not watch.last:
        _refuse_early(watch, arms, units, df)
    final = np.maximum([watch.final.get(arm, 0) for arm in arms], units)
    share = 1.0
    if not watch.last:
        parts = _parts(dict(cells), arms, units, means)
        share = min(float(parts @ (units / final) / parts.sum()), BEFORE_THE_END)
    now = Seen(1 / std_error**2, share)
    before = [look[contrast] for look in watch.earlier if contrast in look]
    while before and abs(before[-1].information - now.information) <= _SAME * now.information:
        before.pop()
    many = np.inf if df is None else df
    planned = float(sum(watch.planned.get(arm, 0) for arm in arms))
    return At(watch, contrast, (*before, now), many, float(units.sum()), planned)


def key(outcome: str, estimator: str, contrast: str) -> str:
    """What names a contrast of an outcome by an estimator from look to look."""
    return f"{outcome} | {estimator} | {contrast}"


def _refuse_early(watch: Watch, arms: Sequence[str], units: Floats, df: float | None) -> None:
    least = int(units.argmin())
    if units[least] < watch.first_look:
        raise NotEstimable(
            f"looks begin with {watch.first_look:,} units in each arm; {arms[least]} has "
            f"{units[least]:,.0f}",
            do="wait; plan.first_look says how many",
        )
    if df is not None and df < len(arms) * 10:
        raise NotEstimable(
            f"its error has {df:.0f} degrees of freedom, too few for boundaries of the normal",
            do="wait for more clusters or blocks",
        )


def _parts(
    weights: Mapping[str, float], arms: Sequence[str], units: Floats, means: ArmMeans | None
) -> Floats:
    """What each arm adds to the contrast's variance now, (a,), up to a factor."""
    c = np.square([weights[arm] for arm in arms])
    if means is None:
        return np.asarray(c / units)
    variance = dict(zip(means.arms, np.diag(means.covariance).tolist(), strict=True))
    return np.asarray(c * np.array([variance[arm] for arm in arms]))


def _as_normal(t: float, df: float) -> float:
    """|Z| with the two-sided p of Student's ``t``."""
    if df > _MANY or abs(t) > _FAR:
        return abs(t)
    p = float(stdtr(df, -abs(t)))
    return float(-ndtri(p)) if p > 0 else abs(t)
