r"""A sample-ratio test that may be read at every unit: the Dirichlet-multinomial martingale.

Under planned shares theta, with n_a units in arm a so far and a Dirichlet(beta) mixture of other
shares as the alternative, the Bayes factor

    BF = B(beta + n) / (B(beta) prod_a theta_a^{n_a}),
    log B(x) = sum_a lgamma(x_a) - lgamma(sum_a x_a),

is a martingale that starts at 1, so P(BF ever >= 1/u) <= u, and p = min(1, 1/BF) may be read as
often as one likes. Phases have their own shares; the product of their factors is a martingale too.

Source: Lindon and Malek 2022 (NeurIPS 35), "Anytime-valid inference for multinomial count data",
equations (4)-(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.checks import CHECK_ALPHA, never_drawn
from apologylab.inference.results import Check
from apologylab.inference.special import gammaln

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.inference.moments import Counts, Floats

CONCENTRATION = 10_000.0
"""Sum of beta: alternatives are within a percentage point or so of the plan, as faults are."""
NAME = "sample ratio at any time"


def log_bayes_factor(
    n: Counts | Floats, shares: Floats, *, concentration: float = CONCENTRATION
) -> Floats:
    """log BF of counts against planned shares.

    Args:
        n: (..., a) units by arm.
        shares: (a,) planned, above 0, adding to 1.
        concentration: of the Dirichlet, centred on the plan: beta = concentration * shares.

    >>> float(log_bayes_factor(np.array([500, 500]), np.array([0.5, 0.5]))).__round__(4)
    -0.0477

    Raises:
        InputError: the shares are not above 0 with sum 1, or a count is below 0.
    """
    n = np.asarray(n, dtype=np.float64)
    if not ((shares > 0).all() and abs(shares.sum() - 1) < 1e-9 and (n >= 0).all()):
        raise InputError(
            f"counts {n} against planned shares {shares}", do="give shares above 0 that add to 1"
        )
    beta = concentration * shares
    posterior = gammaln(beta + n).sum(axis=-1) - gammaln(concentration + n.sum(axis=-1))
    prior = gammaln(beta).sum() - gammaln(concentration)
    return np.asarray(posterior - prior - n @ np.log(shares))


def sample_ratio_at_any_time(
    counts: Mapping[int, Mapping[str, int]], weights: Mapping[int, Mapping[str, int]]
) -> Check:
    """Are there as many units in each arm as the design draws, however often this is asked?

    Args:
        counts: phase -> arm -> units drawn one by one.
        weights: phase -> arm -> planned weight.
    """
    if impossible := never_drawn(NAME, counts, weights):
        return impossible
    logged = total = 0.0
    for phase, drawn in weights.items():
        planned = {arm: weight for arm, weight in drawn.items() if weight > 0}
        n = np.array([counts.get(phase, {}).get(arm, 0) for arm in planned], dtype=np.float64)
        share = np.array(list(planned.values()), dtype=np.float64)
        logged += float(log_bayes_factor(n, share / share.sum()))
        total += n.sum()
    if not total:
        says = "says nothing: no unit was drawn"
        return Check(name=NAME, statistic=0.0, p_value=None, passed=None, says=says)
    p = float(np.exp(-max(logged, 0.0)))
    passed = p >= CHECK_ALPHA
    verb = "agree with" if passed else "do not agree with"
    return Check(
        name=NAME,
        statistic=logged,
        p_value=p,
        passed=passed,
        says=(
            f"units by arm {verb} the planned weights, read as often as you like: log Bayes factor "
            f"{logged:.2f}, p {p:.3g} (fails below {CHECK_ALPHA})"
        ),
    )
