"""What a unit was given as a share of what its failed order cost (``incident.price``).

Of a menu the dearest is given. In arms that give nothing it is 0; where the price is not known, no
whole number, or 0, it is missing. Prices in another market's currency count at the declared rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.design.faces import own_currency, rate
from apologylab.design.money import exponent
from apologylab.warehouse.sql import double, identifier, text_literal
from apologylab.warehouse.tally import Tally

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

GIVEN_SHARE = "given_share"
"""The panel's column."""
_GIVEN = "incident:given"


def price_of(experiment: Experiment) -> str | None:
    """The incident's field that holds its price, where anything is given."""
    incident = experiment.incident
    priced = incident is not None and len(experiment.compensation)
    return incident.price if incident is not None and priced else None


def given_tally(experiment: Experiment) -> tuple[Tally, ...]:
    """What was reserved at the unit's own incident, which is its anchor."""
    if price_of(experiment) is None:
        return ()
    where = f"experiment = {text_literal(experiment.name)} AND state = 'reserved'"
    return (
        Tally(
            name=_GIVEN, fact="liability", of="amount", start=0, end=1, where=where, money=True
        ),
    )  # fmt: skip


def given_columns(experiment: Experiment) -> dict[str, str]:
    """The column and its SQL over the tallies; none where the incident has no price."""
    name = price_of(experiment)
    if name is None:
        return {}
    minor = f"TRY_CAST(incident_fields ->> {text_literal(name)} AS BIGINT)"
    price = f"nullif(greatest({minor}, 0), 0) * {_worth(experiment)}"
    return {GIVEN_SHARE: f"coalesce({identifier(_GIVEN)}, 0.0) / ({price})"}


def _worth(experiment: Experiment) -> str:
    """SQL of what one minor unit of the price is worth in whole units of the budget's currency."""
    own = own_currency(experiment) or ""
    rates = experiment.markets.rates if experiment.markets is not None else {}
    cases = "".join(
        f" WHEN {text_literal(currency)} THEN "
        f"{double(float(rate(experiment, currency) / 10 ** exponent(currency)))}"
        for currency in rates
        if currency != own
    )
    here = double(1 / 10 ** exponent(own))
    known = f"coalesce(incident_fields ->> 'currency', {text_literal(own)})"
    return f"CASE {known}{cases} WHEN {text_literal(own)} THEN {here} END"
