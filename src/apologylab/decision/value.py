"""Net value per unit, v (R16): what it is made of, as plain numbers for an engine to compute.

v is a column of the panel like any outcome, so that its effect is a contrast of means with an
interval, never an effect less a constant. Amounts are in whole units of one currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from apologylab.design.costs import effort, silent_givers
from apologylab.design.experiment import Experiment, Outcome
from apologylab.design.faces import own_currency
from apologylab.design.money import Money
from apologylab.design.remedies import Compensation
from apologylab.design.worth import outlives, sales_outcome

VALUE = "value"
"""The panel's column that holds v."""
SALES = "v:sales"
"""A ledger's panel: sales over v's window, at list price less returns."""
REDEEMED = "v:redeemed"
"""A ledger's panel: what was redeemed in v's window, at its cost."""
AT_FACE, AT_ZERO = f"{VALUE}_at_face", f"{VALUE}_at_zero"
"""A ledger's panel: v with what is open after its window at its whole face, and at nothing."""


@dataclass(frozen=True, kw_only=True)
class PanelValue:
    """The v of a table's unit: sum of worth x outcome, less the cost of its arm."""

    worth: Mapping[str, float]
    arm_cost: Mapping[str, float]
    currency: str


@dataclass(frozen=True, kw_only=True)
class LedgerValue:
    """The v of a ledger's unit, all over one window after the anchor.

    margin x ``sales``, less redemptions of ``compensation`` at their cost, less message, effort,
    handling and goodwill cost, less what is still open of those ``outliving`` the window.
    """

    margin: float
    sales: Outcome
    message_cost: float
    handling_cost: float
    compensation: Mapping[str, Compensation]
    outliving: tuple[str, ...]
    open_liability: Literal["face", "expected", "zero"]
    currency: str
    effort: Mapping[str, float] = field(default_factory=dict)
    """Arm -> what a person's time for one message costs."""
    wordless: tuple[str, ...] = ()
    """Arms that give something and say nothing: they send no message."""


def panel_value(experiment: Experiment) -> PanelValue | None:
    """The v of a panel declaration; None where it declares no decision."""
    decision, panel = experiment.decision, experiment.panel
    if decision is None or panel is None:
        return None
    worth = {name: float(money) for name, money in decision.worth.items()}
    sales = sales_outcome(experiment)
    if decision.margin is not None and sales is not None:
        worth[sales] = worth.get(sales, 0.0) + decision.margin
    return PanelValue(
        worth=worth,
        arm_cost={arm: float(money) for arm, money in panel.arm_cost.items()},
        currency=currency(experiment),
    )


def ledger_value(experiment: Experiment) -> LedgerValue | None:
    """The v of a ledger's units; None where the declaration says nothing of margin and sales."""
    decision, sales = experiment.decision, sales_outcome(experiment)
    if decision is None or decision.margin is None or sales is None:
        return None
    measured = next(each for each in experiment.outcomes if each.name == sales)
    window = timedelta(days=measured.window_days or 0)
    given = experiment.compensation
    return LedgerValue(
        margin=decision.margin,
        sales=measured,
        message_cost=_amount(decision.message_cost),
        handling_cost=_amount(decision.handling_cost),
        compensation=given,
        outliving=tuple(name for name in given if outlives(experiment, given[name], window)),
        open_liability=decision.open_liability or "face",
        currency=currency(experiment),
        effort=effort(experiment),
        wordless=silent_givers(experiment),
    )


def currency(experiment: Experiment) -> str:
    """The currency of the declaration's amounts, else the unit of its sales outcome.

    A declaration has one (:mod:`apologylab.design.findings`); "money" where it names none.
    """
    decision, panel = experiment.decision, experiment.panel
    if (own := own_currency(experiment)) is not None:
        return own
    amounts = list(decision.worth.values()) if decision else []
    amounts += list(panel.arm_cost.values()) if panel else []
    costs = (decision.message_cost, decision.handling_cost) if decision else ()
    amounts += [cost for cost in costs if cost is not None]
    amounts += [said.effort for said in experiment.wording.values() if said.effort is not None]
    if amounts:
        return amounts[0].currency
    sales = sales_outcome(experiment)
    units = (each.unit for each in experiment.outcomes if each.name == sales and each.unit)
    return next(units, "money")


def _amount(money: Money | None) -> float:
    return 0.0 if money is None else float(money)
