"""What a unit was given as a share of what its failed order cost (``incident.price``).

Of a menu the dearest is given. In arms that give nothing it is 0; where the price is not known, no
whole number, or 0, it is missing. Prices in another market's currency count at the declared rate.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from apologylab.design.faces import own_currency, price_of, rate
from apologylab.design.money import exponent
from apologylab.warehouse.exchange import GIVEN_IN
from apologylab.warehouse.sql import double, identifier, text_literal
from apologylab.warehouse.tally import Tally

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

GIVEN_SHARE = "given_share"
"""The panel's column."""
_GIVEN, _ABROAD = "incident:given", "incident:given_abroad"


def given_tally(experiment: Experiment) -> tuple[Tally, ...]:
    """What was reserved at the unit's own incident, which is its anchor."""
    if price_of(experiment) is None:
        return ()
    here = f"experiment = {text_literal(experiment.name)} AND state = 'reserved'"
    if experiment.markets is None:
        return (_reserved(_GIVEN, here),)
    own = f"{GIVEN_IN} = {text_literal(own_currency(experiment) or '')}"
    return (
        _reserved(_GIVEN, f"{here} AND {own}"),
        _reserved(_ABROAD, f"{here} AND NOT ({own})"),
    )


def _reserved(name: str, where: str) -> Tally:
    return Tally(name=name, fact="liability", of="amount", start=0, end=1, where=where)


def given_columns(experiment: Experiment) -> dict[str, str]:
    """The column and its SQL over the tallies; none where the incident has no price.

    What is given in a market's own currency is so because its price is, too.
    """
    name = price_of(experiment)
    if name is None:
        return {}
    minor = f"TRY_CAST(incident_fields ->> {text_literal(name)} AS BIGINT)"
    price = f"nullif(greatest({minor}, 0), 0)"
    share = f"coalesce({identifier(_GIVEN)}, 0.0) / ({price} * {_worth(experiment)})"
    if experiment.markets is not None:
        share += f" + coalesce({identifier(_ABROAD)}, 0.0) / {price}"
    return {GIVEN_SHARE: share}


def _worth(experiment: Experiment) -> str:
    """SQL of what one minor unit of the price is worth in minor units of the budget's currency."""
    own = own_currency(experiment) or ""
    rates = experiment.markets.rates if experiment.markets is not None else {}
    cases = "".join(
        f" WHEN {text_literal(currency)} THEN "
        f"{double(float(rate(experiment, currency) * _scale(own, currency)))}"
        for currency in rates
    )
    known = f"coalesce(incident_fields ->> 'currency', {text_literal(own)})"
    return f"CASE {known} WHEN {text_literal(own)} THEN 1.0{cases} END"


def _scale(own: str, currency: str) -> Fraction:
    return Fraction(10) ** (exponent(own) - exponent(currency))
