"""What is wrong with an experiment in its project: money and issuers that do not fit it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from apologylab.decision.value import currency as counted_in
from apologylab.design.findings import Finding, at
from apologylab.design.words import amounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apologylab.design.experiment import Experiment
    from apologylab.design.remedies import Compensation

    IssuerLacks = Callable[[str, Compensation], str]
    """Why the issuer of that name cannot issue a compensation; "" where it can."""

_CODE: Final = re.compile("[A-Z]{3}", re.ASCII)


def in_project(
    experiment: Experiment, *, currency: str, issuer_lacks: IssuerLacks
) -> Iterator[Finding]:
    """All findings that need the project; lines are the reader's to add.

    A file of finished outcomes starts nothing, and may be in any currency.
    """
    if experiment.panel is None:
        yield from _currency(experiment, currency)
        yield from _issuers(experiment, issuer_lacks)


def _currency(experiment: Experiment, currency: str) -> Iterator[Finding]:
    """What is recorded without a currency is in the project's: it must count in the experiment."""
    own = counted_in(experiment)
    rates = experiment.markets.rates if experiment.markets is not None else {}
    if own == currency or currency in rates or not _CODE.fullmatch(own):
        return
    path, amount = _first_amount(experiment)
    yield Finding(
        path=path,
        value=amount or own,
        what=f"is in {own}, and the project counts in {currency}, of which no [markets] says what "
        f"it is worth in {own}",
        do=f"write all amounts in {currency}; or say what one {currency} is worth in {own}: "
        f"[markets] with its field and rates = {{ {currency} = RATE }}; or start it in a project "
        f'whose apologylab.toml has currency = "{own}"',
    )


def _first_amount(experiment: Experiment) -> tuple[str, str | None]:
    """The budget's, else the first that is written, with its path."""
    if experiment.budget is not None:
        return "budget.total", str(experiment.budget.total)
    found = next(iter(amounts(experiment)), None)
    return (found[0], str(found[1])) if found else ("outcomes", None)


def _issuers(experiment: Experiment, lacks: IssuerLacks) -> Iterator[Finding]:
    for name, given in experiment.compensation.items():
        if given.issuer is not None and (why := lacks(given.issuer, given)):
            yield Finding(
                path=at("compensation", name, "issuer"),
                value=given.issuer,
                what=f"cannot issue it: {why}",
                do='name an issuer of kind "http", which is told what each code is worth; or give '
                "everybody one value",
            )
