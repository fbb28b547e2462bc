"""Rules about currencies by market, and about what is given together or relative to a price."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.arms import cells
from apologylab.design.faces import CHOICE, most, own_currency
from apologylab.design.findings.finding import Finding, Rule, Unreadable, at, each
from apologylab.design.remedies import Compensation

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


@each(lambda experiment: experiment.compensation, "compensation")
def markets_declared(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """Values by market need the field that names it, and what their currencies are worth."""
    if not len(given.by_market):
        if given.share is not None and experiment.markets is not None:
            yield Finding(
                path=f"{path}.by_market",
                what="is missing: a share is of orders in several currencies",
                do="add the cap of each market, and delete at_most",
                related=(f"{path}.share", "markets"),
            )
        return
    if experiment.markets is None:
        yield Finding(
            path="markets",
            what=f"is missing: {path} gives other amounts in other markets",
            do='add [markets] with field = "country" and rates = { EUR = 1.08 }',
            related=(f"{path}.by_market",),
        )
        return
    rates, own = experiment.markets.rates, own_currency(experiment)
    for market, amount in given.by_market.items():
        if amount.currency != own and amount.currency not in rates:
            yield Finding(
                path=f"{path}.by_market.{at(market)}",
                value=str(amount),
                what=f"is in {amount.currency}, of which markets.rates does not say what it is "
                f"worth in {own}",
                do=f"add {amount.currency} = RATE under [markets] rates",
                related=("markets.rates", "budget"),
            )


@each(lambda experiment: experiment.compensation, "compensation")
def markets_covered(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """Every market that is admitted has a value, and no other: else nobody there is drawn."""
    incident, markets = experiment.incident, experiment.markets
    if not len(given.by_market) or incident is None or markets is None:
        return
    if markets.field not in incident.where:
        return
    where = at("incident", "where", markets.field)
    admitted = [str(market) for market in incident.where[markets.field]]
    for market in admitted:
        if market not in given.by_market:
            yield Finding(
                path=f"{path}.by_market",
                value=market,
                what=f"has nothing for {market}, which {where} admits: nobody there could be drawn",
                do=f'add {market} = "AMOUNT"',
                related=(where, "markets.field"),
            )
    for market in given.by_market:
        if market not in admitted:
            yield Finding(
                path=f"{path}.by_market.{at(market)}",
                value=market,
                what=f"is no market that {where} admits",
                do=f"write one of: {', '.join(admitted)}",
                related=(where, "markets.field"),
            )


def rates_make_sense(experiment: Experiment) -> Iterator[Finding]:
    """Rates are of other currencies, in the budget's."""
    if experiment.markets is None:
        return
    if experiment.budget is None:
        yield Finding(
            path="budget",
            what="is missing: its currency is the one that markets.rates are in",
            do='add [budget] with total = "AMOUNT"',
            related=("markets",),
        )
        return
    own = experiment.budget.total.currency
    for currency in experiment.markets.rates:
        path = at("markets", "rates", currency)
        if not re.fullmatch(r"[A-Z]{3}", currency, re.ASCII):
            yield Finding(
                path=path, value=currency, what="is not a currency", do="write it like EUR"
            )
        elif currency == own:
            yield Finding(
                path=path,
                value=currency,
                what="is the budget's own currency, which is worth 1",
                do="delete it",
                related=("budget.total",),
            )


def given_together(experiment: Experiment) -> Iterator[Finding]:
    """What an arm gives together, or a menu offers, is in one currency; a choice stands alone."""
    for where, names in _together(experiment):
        every = {name: experiment.compensation[name] for name in names}
        choice = next((name for name in every if every[name].kind == CHOICE), None)
        if choice is not None:
            yield Finding(
                path=at("compensation", choice, "kind"),
                value=CHOICE,
                what=f"{where} gives {' and '.join(names)} together: a choice stands alone",
                do="put them into one factor, or the other on the menu",
                related=("factors", "compensation"),
            )
            return
        if len(found := set(map(_currencies, every.values()))) > 1:
            yield Finding(
                path=at("compensation", names[0], "by_market"),
                what=f"{where} gives {' and '.join(names)}, which would be in "
                f"{len(found)} currencies in some market",
                do="give all of them by_market, with the same markets and currencies",
                related=("factors", "compensation"),
            )
            return


def _together(experiment: Experiment) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Where several are given or offered together, and their names."""
    every = experiment.compensation
    for choice in every:
        if every[choice].kind == CHOICE:
            menu = (name for name in every[choice].menu if name in every)
            yield f"compensation.{choice}", tuple(n for n in menu if every[n].kind != CHOICE)
    if experiment.panel is not None:
        raise Unreadable
    seen = set()
    for cell in cells(experiment):
        names = tuple(level for level in cell.values() if level in every)
        if len(names) > 1 and names not in seen:
            seen.add(names)
            yield "an arm", names


def _currencies(given: Compensation) -> tuple[tuple[str, str], ...]:
    """Market -> currency, sorted; empty where it is the same everywhere."""
    return tuple(sorted((market, each.currency) for market, each in given.by_market.items()))


def price_is_read(experiment: Experiment) -> Iterator[Finding]:
    """A price is what something given is relative to."""
    incident = experiment.incident
    if incident is not None and incident.price is not None and not len(experiment.compensation):
        yield Finding(
            path="incident.price",
            value=incident.price,
            what="is not read: nothing is given that could be relative to it",
            do="delete it, or give something under [compensation]",
            related=("compensation",),
        )


def approval_makes_sense(experiment: Experiment) -> Iterator[Finding]:
    """What waits for a person is something that apologylab sends, and that can be so dear."""
    limit = experiment.budget.approve_above if experiment.budget is not None else None
    if limit is None:
        return
    if experiment.delivery.by == "caller":
        yield Finding(
            path="budget.approve_above",
            value=str(limit),
            what='holds nothing back where [delivery] by = "caller": the caller gives at once',
            do="delete it, or let apologylab deliver",
            related=("delivery.by",),
        )
    elif not _can_pass(experiment, limit.minor):
        yield Finding(
            path="budget.approve_above",
            value=str(limit),
            what="is more than any arm gives: nothing will ever wait",
            do="lower it, or delete it",
            severity="warning",
            related=("compensation", "factors"),
        )


def _can_pass(experiment: Experiment, limit: int) -> bool:
    """Whether some arm gives more than ``limit`` minor units."""
    given = experiment.compensation
    gives = (
        sum(most(experiment, level).minor for level in cell.values() if level in given)
        for cell in cells(experiment)
    )
    return max(gives, default=0) > limit


RULES: tuple[Rule, ...] = (
    markets_declared,
    markets_covered,
    rates_make_sense,
    given_together,
    price_is_read,
    approval_makes_sense,
)
