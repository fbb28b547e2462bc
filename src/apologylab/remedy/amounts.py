"""What a compensation gives to one incident: exact minor units, in the currency of its market.

A share is the incident's field times the decimal number that was written, rounded by the declared
rule and then held between its bounds. Whoever's field is missing or cannot be money is not drawn at
all, in any arm (R4): :func:`unfit` says why, before the draw.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from apologylab.design.faces import (
    AT_ONCE,
    CHOICE,
    in_own,
    offered,
    own_currency,
    rate,
    written,
)
from apologylab.design.money import Money, exponent
from apologylab.errors import InputError
from apologylab.remedy.terms import Term, Terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apologylab.design.experiment import Experiment
    from apologylab.design.remedies import Compensation

ABSURD: Final = 10**12
"""Minor units from which a field is taken for a mistake: ten thousand million dollars."""
CURRENCY: Final = "currency"
"""The incident's field that says in which currency its money fields are, if it has one."""


def priced(fields: Mapping[str, object], name: str, currency: str) -> int:
    """Minor units of ``currency`` in the incident's money field ``name``.

    Raises:
        InputError: it is missing, no whole number of minor units, negative, absurd, or in another
            currency.
    """
    found = fields.get(name)
    if found is None:
        raise InputError(f"{name} is missing", do="give minor units, like 1250 for 12.50 USD")
    if isinstance(found, bool) or not isinstance(found, int):
        raise InputError(f"{name} is {found!r}", do="give whole minor units, like 1250")
    if not 0 <= found < ABSURD:
        what = "negative" if found < 0 else "absurd"
        raise InputError(f"{name} is {what}: {found}", do="give what the order cost")
    said = fields.get(CURRENCY)
    if said is not None and said != currency:
        raise InputError(f"{name} is in {said}", do=f"amounts of it are in {currency}")
    return found


def term(experiment: Experiment, name: str, fields: Mapping[str, object]) -> tuple[Term, str]:
    """What the compensation ``name`` gives to an incident with ``fields``, and its currency.

    Raises:
        InputError: the fields do not say it.
    """
    given = experiment.compensation[name]
    value = _value(experiment, name, fields)
    cost = value.minor * written(given.cost_share)
    found = Term(
        amount=value.minor,
        charge=in_own(experiment, value.minor, value.currency),
        cost=-(-cost.numerator // cost.denominator),
        at_once=given.kind in AT_ONCE,
        basket=least_order(experiment, name, value.currency),
        expires_days=given.expires_days,
    )
    return found, value.currency


def terms(
    experiment: Experiment, names: Iterable[str], fields: Mapping[str, object]
) -> tuple[Terms, str]:
    """What an arm that gives ``names`` gives to an incident with ``fields``, and its currency.

    Raises:
        InputError: the fields do not say it, or it would be in two currencies.
    """
    listed = tuple(names)
    choice = next((n for n in listed if experiment.compensation[n].kind == CHOICE), None)
    if choice is not None:
        declared = experiment.compensation[choice]
        found = {n: term(experiment, n, fields) for n in offered(experiment, declared)}
        menu = {n: each for n, (each, _) in found.items()}
        return Terms(menu=menu, unchosen=declared.unchosen), _one(found)
    found = {n: term(experiment, n, fields) for n in listed}
    return Terms(given={n: each for n, (each, _) in found.items()}), _one(found)


def _one(found: Mapping[str, tuple[Term, str]]) -> str:
    currencies = sorted({currency for _, currency in found.values()})
    if len(currencies) != 1:
        raise InputError(
            f"{', '.join(found)} would be in {' and '.join(currencies)}",
            do="give what belongs together in one currency",
        )
    return currencies[0]


def unfit(experiment: Experiment, fields: Mapping[str, object]) -> str | None:
    """Why some compensation has no value for an incident with ``fields``, or None (R4)."""
    for name, given in experiment.compensation.items():
        if given.kind == CHOICE or (given.share is None and not given.by_market):
            continue
        try:
            term(experiment, name, fields)
        except InputError as error:
            return f"compensation.{name}: {error.what}"
    return None


def _value(experiment: Experiment, name: str, fields: Mapping[str, object]) -> Money:
    given = experiment.compensation[name]
    local = _local(experiment, given, fields)
    if given.share is None:
        value = local or given.value
        if value is None:
            raise InputError(f"compensation {name} has no value", do="add value")
        return value
    currency = local.currency if local is not None else own_currency(experiment)
    if given.of is None or currency is None:
        raise InputError(f"compensation {name} has no value", do="add of and at_most")
    base = priced(fields, given.of, currency)
    cap = local or given.at_most
    minor = _bounded(given, base, _rounded(given, base), cap)
    if not minor:
        raise InputError(f"a share of {given.of} = {base} is nothing", do="give what it cost")
    return Money(minor, currency)


def _local(
    experiment: Experiment, given: Compensation, fields: Mapping[str, object]
) -> Money | None:
    """What the incident's market says, where markets differ."""
    if not given.by_market:
        return None
    named = experiment.markets.field if experiment.markets is not None else ""
    market = fields.get(named)
    if market not in given.by_market:
        what = f"{named} is missing" if market is None else f"{named} is {market!r}"
        raise InputError(f"{what}, which is no market with a value", do="add it to by_market")
    return given.by_market[str(market)]


def _rounded(given: Compensation, base: int) -> int:
    """The share of ``base`` in minor units, a multiple of ``round_to``."""
    step = given.round_to.minor if given.round_to is not None else 1
    exact = base * written(given.share or 0) / step
    if given.rounding == "up":
        return -(-exact.numerator // exact.denominator) * step
    nearest = exact + Fraction(1, 2) if given.rounding == "nearest" else exact
    return nearest.numerator // nearest.denominator * step


def _bounded(given: Compensation, base: int, minor: int, cap: Money | None) -> int:
    """``minor`` between its bounds; a refund gives back no more than was paid."""
    least = given.at_least.minor if given.at_least is not None else 0
    tops = [cap.minor] if cap is not None else []
    tops += [base] if given.kind == "refund" else []
    return min([max(minor, least), *tops])


def least_order(experiment: Experiment, name: str, currency: str) -> int | None:
    """Minor units of the least order that can use the compensation ``name``; None without one.

    It is in the market's ``currency``, at the declared rate.
    """
    basket = experiment.compensation[name].minimum_basket
    if basket is None:
        return None
    scale = Fraction(10) ** (exponent(currency) - exponent(basket.currency))
    exact = basket.minor * scale * rate(experiment, basket.currency) / rate(experiment, currency)
    return exact.numerator // exact.denominator
