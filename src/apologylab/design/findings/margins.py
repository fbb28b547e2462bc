"""Rules about how levels weigh in averages over a factor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.findings.finding import Finding, Rule, at

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def margins_of_factors(experiment: Experiment) -> Iterator[Finding]:
    """Margins weigh factors that there are, and every level of each."""
    factors = experiment.factors
    for factor, given in experiment.plan.margins.items():
        path = at("plan", "margins", factor)
        if factor not in factors:
            yield Finding(
                path=path,
                what="is not a factor",
                do=f"name one of: {', '.join(factors) or 'none is declared'}",
                related=("factors",),
            )
            continue
        if set(given) != set(factors[factor]):
            yield Finding(
                path=path,
                value=", ".join(given),
                what="does not weigh each level once",
                do=f"give a weight to each of: {', '.join(factors[factor])}",
                related=(at("factors", factor),),
            )


RULES: tuple[Rule, ...] = (margins_of_factors,)
