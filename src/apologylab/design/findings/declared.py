"""Rules about declared tests, and the outcomes that tell a visit from a customer (R36, R37)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.findings.finding import Finding, Rule, at

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment, Outcome

_DESCRIPTIVE = "descriptive"


def tests_of_outcomes(experiment: Experiment) -> Iterator[Finding]:
    """Superiority and equivalence are tested of outcomes that are tested at all."""
    tested = [each.name for each in experiment.outcomes if each.role != _DESCRIPTIVE]
    for key in ("superiority", "equivalence"):
        for name in getattr(experiment.plan, key):
            if name not in tested:
                yield Finding(
                    path=at("plan", key, name),
                    what="is not an outcome that is tested",
                    do=f"name one of: {', '.join(tested)}",
                    related=("outcomes",),
                )


def returns_are_outcomes(experiment: Experiment) -> Iterator[Finding]:
    """Both returns are outcomes of orders; the later one is at full price (R37)."""
    returns = experiment.plan.returns
    if returns is None:
        return
    outcomes = {each.name: each for each in experiment.outcomes}
    for key, name in (("first", returns.first), ("full_price", returns.full_price)):
        if name not in outcomes:
            yield Finding(
                path=at("plan", "returns", key),
                value=name,
                what="is not an outcome",
                do=f"name one of: {', '.join(outcomes)}",
                related=("outcomes",),
            )
    if returns.full_price in outcomes and experiment.panel is None:
        yield from _at_full_price(experiment, outcomes[returns.full_price])


def _at_full_price(experiment: Experiment, outcome: Outcome) -> Iterator[Finding]:
    path = at("plan", "returns", "full_price")
    if outcome.fact != "order" or outcome.where.get("our_coupon") is not False:
        yield Finding(
            path=path,
            value=outcome.name,
            what="may count orders that our coupon paid for",
            do='let it be of fact "order" with where = { our_coupon = false }',
            related=("outcomes",),
        )
    lasts = [each.expires_days or 0 for each in experiment.compensation.values()]
    if outcome.from_days < max(lasts, default=0):
        yield Finding(
            path=path,
            value=outcome.name,
            what=f"begins on day {outcome.from_days}, before the last coupon expires on day "
            f"{max(lasts)}: who still holds a coupon is not back at full price (R37)",
            do="let its from_days be no less than every compensation's expires_days",
            related=("outcomes", "compensation"),
        )


RULES: tuple[Rule, ...] = (tests_of_outcomes, returns_are_outcomes)
