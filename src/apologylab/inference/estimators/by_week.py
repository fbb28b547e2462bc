"""The effect by week since the incident, and cumulative, with a band that holds for all weeks.

A unit's weeks are w columns. Within a block an arm's means are a vector ybar with covariance S / n;
over blocks they are post-stratified, so a contrast c of arms has

    d = sum_b (n_b / n) sum_a c_a ybar_ba,    V = sum_b (n_b / n)^2 sum_a c_a^2 S_ba / n_ba,

and the cumulative effects are L d with covariance L V L', L the lower triangle of ones. The band is
d_w +- q sqrt(V_ww) with q the 1 - alpha quantile of max_w |T_w|, T of V's correlation: the sup-t
band, the narrowest of one q for all weeks. Its p of week w is P(max |T| >= |t_w|), single-step.
Degrees of freedom are the fewest of any week's (Satterthwaite).

Sources: Montiel Olea and Plagborg-Moller 2019 (Journal of Applied Econometrics 34), algorithm 1;
Freyberger and Rai 2018. Neyman 1923 for S / n.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.inference.blocks import lay_out
from apologylab.inference.moments import cell_covariances, cell_means

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.inference.moments import Floats, Moments


class Path(NamedTuple):
    """Effects ``d`` (w,) with covariance (w, w), their df, and the reference side's means (w,)."""

    d: Floats
    covariance: Floats
    df: float
    reference: Floats

    def correlation(self) -> Floats:
        """Of the effects' errors, (w, w)."""
        error = np.sqrt(np.diag(self.covariance))
        return np.asarray(self.covariance / np.outer(error, error), dtype=np.float64)


def by_week(moments: Moments, contrast: Mapping[str, float], *, cumulative: bool = False) -> Path:
    """The path of a contrast, whose arms have two or more units in every block.

    ``moments`` are of the weeks, first to last, over units that have them all.
    """
    layout = lay_out(moments, list(contrast))
    c = np.array(list(contrast.values()))
    weeks = len(moments.columns)
    up_to = np.tril(np.ones((weeks, weeks))) if cumulative else np.eye(weeks)
    n = moments.n[layout.rows]
    means = np.einsum("b,baw->aw", layout.share, cell_means(moments)[layout.rows]) @ up_to.T
    parts = (np.square(layout.share[:, None] * c) / n)[..., None, None] * (
        up_to @ cell_covariances(moments)[layout.rows] @ up_to.T
    )
    covariance = parts.sum(axis=(0, 1))
    own = parts[:, :, *np.diag_indices(weeks)]
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = np.diag(covariance) ** 2 / (np.square(own) / (n - 1)[..., None]).sum(axis=(0, 1))
    return Path(c @ means, covariance, float(freedom.min()), np.maximum(-c, 0) @ means)
