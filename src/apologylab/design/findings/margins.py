"""Rules about how levels weigh in averages over a factor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.arms import arms
from apologylab.design.findings.finding import Finding, Rule, at
from apologylab.design.layout import layout

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def margins_of_factors(experiment: Experiment) -> Iterator[Finding]:
    """Margins weigh factors that there are, and every level of each."""
    if experiment.panel is not None and any(levels_of_arms(experiment)):
        return
    factors = experiment.factors if experiment.panel is None else layout(experiment).factors
    for factor, given in experiment.plan.margins.items():
        path = at("plan", "margins", factor)
        if factor not in factors:
            yield Finding(
                path=path,
                what="is not a factor",
                do=f"name one of: {', '.join(factors)}"
                if factors
                else "delete it: no factor is declared",
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


def levels_of_arms(experiment: Experiment) -> Iterator[Finding]:
    """A file's arms that have levels exist, and all have the same factors."""
    if experiment.panel is None:
        return
    names = [arm.name for arm in arms(experiment)]
    given = experiment.panel.levels
    for arm, levels in given.items():
        first = next(iter(given))
        if arm not in names:
            yield Finding(
                path=at("panel", "levels", arm),
                what="is not an arm",
                do=f"name one of: {', '.join(names)}",
                related=("allocation",),
            )
        elif set(levels) != set(given[first]):
            yield Finding(
                path=at("panel", "levels", arm),
                value=", ".join(levels),
                what=f"does not have the factors of {first}",
                do="give each arm a level of every factor; leave out arms outside the factorial",
                related=(at("panel", "levels", first),),
            )


RULES: tuple[Rule, ...] = (margins_of_factors, levels_of_arms)
