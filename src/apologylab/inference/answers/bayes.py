"""Shrinkage within a factor, the chance to be best and the expected loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfFits, Read
from apologylab.inference.askings import askings, means_for
from apologylab.inference.estimators.shrinkage import choice, empirical_bayes, integrated
from apologylab.inference.rows import Asking, estimate, refusal
from apologylab.inference.sentence import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.arm_means import ArmMeans, Reading
    from apologylab.inference.estimators.shrinkage import Choice, Posterior
    from apologylab.inference.results import Estimate

DRAWS = 40_000


class _Group(NamedTuple):
    """Effects that are shrunk towards each other, and what was made of them."""

    askings: Sequence[Asking]
    means: ArmMeans
    readings: Sequence[Reading]
    posterior: Posterior
    choice: Choice


def _shrink(read: Read) -> Found:
    rows, refusals, notes = [], [], []
    for group in _groups(read):
        try:
            made = _fit(read, group)
        except NotEstimable as error:
            refusals += [refusal(each, error.what) for each in group]
            continue
        rows += [_row(read, made, j) for j in range(len(made.askings))]
        notes.append(_reference(made))
    return Found(rows, refusals, notes)


def _groups(read: Read) -> list[list[Asking]]:
    """Arms against the reference, and the levels of each factor against its baseline."""
    groups: dict[tuple[str, str], list[Asking]] = defaultdict(list)
    for asking in askings(read.question, read.asked.text):
        if asking.kind in {"arm", "factor"}:
            factor = asking.contrast.name.partition("=")[0] if asking.kind == "factor" else ""
            groups[asking.outcome.name, factor].append(asking)
    return list(groups.values())


def _fit(read: Read, group: Sequence[Asking]) -> _Group:
    fit = read.fits[group[0].outcome.name]
    means = means_for(fit, group[0].contrast)
    for each in group[1:]:
        means_for(fit, each.contrast)
    weights = np.array([means.weights(each.contrast) for each in group])
    y, covariance = weights @ means.means, weights @ means.covariance @ weights.T
    towards = cast("Literal['mean', 'zero']", read.asked.word("towards"))
    by = empirical_bayes if read.asked.word("tau") == "reml" else integrated
    posterior = by(y, covariance, towards)
    rng = np.random.default_rng(int(read.asked.number("seed")))
    draws = posterior.draws(rng.standard_normal((DRAWS, len(y))))
    lower = group[0].outcome.lower_is_better
    readings = [means.read(each.contrast) for each in group]
    return _Group(group, means, readings, posterior, choice(-draws if lower else draws))


def _row(read: Read, group: _Group, j: int) -> Estimate:
    asking, posterior, alpha = group.askings[j], group.posterior, read.question.alpha
    reading = group.readings[j]
    prior_sd = float(posterior.weight @ posterior.tau)
    about = "averaged over its spread" if read.asked.word("tau") == "integrated" else "empirical"
    return estimate(
        asking,
        of=f"mean ({read.asked.word('of')}), shrunk within {len(group.askings)} effects, of",
        phases=sorted({cell.phase for cell in read.moments[asking.outcome.name].cells}),
        n=dict(zip(group.means.arms, group.means.n.tolist(), strict=True)),
        point=float(posterior.mean[j]),
        low=float(posterior.quantile(alpha / 2)[j]),
        high=float(posterior.quantile(1 - alpha / 2)[j]),
        interval=f"posterior, normal prior {about}",
        reference_mean=reading.reference_mean,
        details=(
            ("unshrunk", reading.point),
            ("posterior sd", float(posterior.sd[j])),
            ("prior mean", float(posterior.weight @ posterior.mu)),
            ("prior sd", prior_sd),
            ("probability best", _chance(group.choice, j)),
            ("expected loss", float(group.choice.loss[j])),
        ),
    )


def _chance(found: Choice, j: int) -> str:
    """A probability with its Monte Carlo error; one that no draw has is below what draws see."""
    best = float(found.best[j])
    if best in {0.0, 1.0}:
        return f"below {1 / DRAWS:g}" if not best else f"above {1 - 1 / DRAWS:.6g}"
    error = float(found.error[j])
    places = 4 if error >= 5e-5 else 6
    return f"{best:.{places}f} (Monte Carlo error {error:.{places}f})"


def _reference(group: _Group) -> str:
    """What is to be said of the reference, which has no row, and of the prior."""
    asking, best = group.askings[0], group.choice
    mu, tau = (float(group.posterior.weight @ x) for x in (group.posterior.mu, group.posterior.tau))
    return (
        f"{asking.estimator}, {asking.outcome.name}: prior of an effect N({number(mu)}, "
        f"{number(tau)}^2), from {len(group.askings)} effects; {asking.contrast.reference} is best "
        f"with probability {_chance(best, -1)}, expected loss {number(float(best.loss[-1]))}"
    )


ANSWERS: Mapping[str, Answer] = {
    "shrinkage": OfFits(base=lambda asked: asked.word("of"), answer=_shrink)
}
