"""What a compensation can give at most, in the one currency of a declaration's budget.

What it gives to one incident is :mod:`apologylab.remedy.amounts`. All money is whole minor units,
and a rate or a share is the decimal number that was written, never a binary fraction.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from apologylab.design.money import Money, exponent
from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from apologylab.design.experiment import Experiment
    from apologylab.design.remedies import Compensation

AT_ONCE: Final = frozenset({"refund", "fee_waiver", "replacement", "points", "charity"})
"""Kinds that are given for good when they leave: nothing of them is left to be used."""
CHOICE: Final = "choice"


def written(number: float) -> Fraction:
    """A number of a declaration, exactly as it was written.

    >>> written(0.1)
    Fraction(1, 10)
    """
    return Fraction(str(number))


def own_currency(experiment: Experiment) -> str | None:
    """The currency that the budget is in, else that of the first thing given; None without both."""
    if experiment.budget is not None:
        return experiment.budget.total.currency
    amounts = (amount for each in experiment.compensation.values() for amount in amounts_of(each))
    return next((amount.currency for amount in amounts), None)


def amounts_of(given: Compensation) -> Iterator[Money]:
    """Every amount that says what a compensation gives, its value or the cap of its share."""
    found = (given.value, given.at_most, *given.by_market.values())
    yield from (amount for amount in found if amount is not None)


def rate(experiment: Experiment, currency: str) -> Fraction:
    """What one unit of ``currency`` is worth in the budget's.

    Raises:
        InputError: the declaration has no rate for it.
    """
    if currency == own_currency(experiment):
        return Fraction(1)
    rates = experiment.markets.rates if experiment.markets is not None else {}
    if currency not in rates:
        raise InputError(f"there is no rate for {currency}", do="add it to markets.rates")
    return written(rates[currency])


def in_own(experiment: Experiment, minor: int, currency: str) -> int:
    """``minor`` units of ``currency`` in minor units of the budget's, rounded up.

    Raises:
        InputError: the declaration has no rate for it.
    """
    own = own_currency(experiment) or currency
    scale = Fraction(10) ** (exponent(own) - exponent(currency))
    exact = minor * rate(experiment, currency) * scale
    return -(-exact.numerator // exact.denominator)


def most(experiment: Experiment, name: str) -> Money:
    """The most that the compensation ``name`` can give to one incident, in the budget's currency.

    Raises:
        InputError: it has no value, or an amount has no rate.
    """
    given = experiment.compensation[name]
    if given.kind == CHOICE:
        found = [most(experiment, each) for each in offered(experiment, given)]
        return max(found, key=lambda each: each.minor, default=Money(0, _own(experiment, name)))
    minors = [in_own(experiment, each.minor, each.currency) for each in _caps(given)]
    if not minors:
        raise InputError(f"compensation {name} has no value", do="add value, or share and at_most")
    return Money(max(minors), _own(experiment, name))


def _caps(given: Compensation) -> list[Money]:
    """The most that it gives in each market, or anywhere."""
    if given.by_market:
        return list(given.by_market.values())
    cap = given.at_most if given.share is not None else given.value
    return [cap] if cap is not None else []


def _own(experiment: Experiment, name: str) -> str:
    own = own_currency(experiment)
    if own is None:
        raise InputError(f"compensation {name} has no value", do="add value, or share and at_most")
    return own


def varies(experiment: Experiment, names: Iterable[str]) -> bool:
    """Whether what one of ``names`` gives depends on the incident, or on what is chosen."""
    return any(not is_fixed(experiment.compensation[name]) for name in names)


def is_fixed(given: Compensation) -> bool:
    """Whether it gives every incident the same."""
    return given.value is not None


def offered(experiment: Experiment, choice: Compensation) -> tuple[str, ...]:
    """What can be chosen: declared compensations that are no choices themselves."""
    known = experiment.compensation
    return tuple(each for each in choice.menu if each in known and known[each].kind != CHOICE)


def price_of(experiment: Experiment) -> str | None:
    """The incident's field that holds its price, where anything is given."""
    incident = experiment.incident
    priced = incident is not None and len(experiment.compensation)
    return incident.price if incident is not None and priced else None


def menus(experiment: Experiment, name: str) -> tuple[str, ...]:
    """The choices that have the compensation ``name`` on their menu."""
    return tuple(choice for choice, given in experiment.compensation.items() if name in given.menu)
