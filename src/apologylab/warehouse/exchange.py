"""Amounts in other markets' currencies, changed into the budget's at the declared rates.

Each amount becomes whole minor units of that currency, half rounded up, before anything is summed:
all sums stay exact, and the same whoever computes them. A currency without a rate is left as it is,
and refused where all amounts must be in one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from apologylab.design.faces import own_currency, rate
from apologylab.design.money import exponent
from apologylab.record.values import is_money
from apologylab.warehouse.sql import identifier, text_literal
from apologylab.warehouse.units import MONEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from apologylab.design.experiment import Experiment


GIVEN_IN = "given_in"
"""Of a liability: the currency that its amount is in; its terms have what it holds of budgets."""


def exchange(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment, kinds: Iterable[str]
) -> None:
    """Change the amounts of tables ``staged_<kind>``; nothing where there is one market."""
    own = own_currency(experiment)
    if experiment.markets is None or own is None:
        return
    rates = {
        currency: rate(experiment, currency) * Fraction(10) ** (exponent(own) - exponent(currency))
        for currency in experiment.markets.rates
    }
    for kind in sorted(set(kinds) & set(MONEY)):
        _change(connection, f"staged_{kind}", kind, rates, own)


def _change(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    kind: str,
    rates: Mapping[str, Fraction],
    own: str,
) -> None:
    described = connection.execute(f"DESCRIBE {table}").fetchall()
    amounts = [name for name, *_ in described if is_money(name) and kind != "liability"]
    listed = ", ".join(text_literal(currency) for currency in rates)
    said = f"CASE WHEN currency IN ({listed}) THEN {text_literal(own)} ELSE currency END"
    replaced = [f"{_changed(identifier(name), rates)} AS {identifier(name)}" for name in amounts]
    replaced.append(f"{said} AS currency")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS "
        f"SELECT * REPLACE ({', '.join(replaced)}), currency AS {GIVEN_IN} FROM {table}"
    )


def _changed(amount: str, rates: Mapping[str, Fraction]) -> str:
    """SQL of an amount in the budget's minor units."""
    cases = " ".join(
        f"WHEN {text_literal(currency)} THEN {_times(amount, each)}"
        for currency, each in rates.items()
    )
    return f"CAST(CASE currency {cases} ELSE {amount} END AS BIGINT)"


def _times(amount: str, rate: Fraction) -> str:
    """SQL of an amount times a rate in whole numbers, half away from zero."""
    n, d = rate.numerator, rate.denominator
    whole = f"(2 * abs({amount})::HUGEINT * {n} + {d}) // {2 * d}"
    return f"sign({amount}) * {whole}"
