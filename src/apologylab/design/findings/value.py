"""Rules about money: the net value, the rule for shipping, one currency (R16, R34)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.findings.arms import arm_names, arms_from, spelt_apart
from apologylab.design.findings.finding import Finding, Rule, Unreadable, at, fields_of, readable
from apologylab.design.measures import parse_measure
from apologylab.design.money import Money
from apologylab.design.rule import ShipRule, parse_rule
from apologylab.design.worth import is_money, sales_outcome
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def rule_reads(experiment: Experiment) -> Iterator[Finding]:
    """The rule is on contrasts with the reference, never on levels (R34)."""
    if experiment.decision is None:
        return
    text = experiment.decision.ship_if
    try:
        parse_rule(text)
    except InputError as error:
        yield Finding(path="decision.ship_if", value=text, what=error.what, do=error.do)


def something_earns(experiment: Experiment) -> Iterator[Finding]:
    """The net value has a side that can gain, and named sales have a margin."""
    decision = experiment.decision
    if decision is None or decision.margin is not None:
        return
    if decision.sales is None and len(decision.worth):
        return
    sales = decision.sales is not None or any(
        outcome.role == "primary" and is_money(outcome) for outcome in experiment.outcomes
    )
    yield Finding(
        path="decision.margin" if sales else "decision.worth",
        what="is missing: nothing says what a sale, or another outcome, is worth",
        do='add margin = 0.25 (profit per unit of sales), or worth = { outcome = "1.00 USD" }',
        related=("decision.worth", "decision.sales", "outcomes"),
    )


def sales_known(experiment: Experiment) -> Iterator[Finding]:
    """The margin applies to an outcome in money."""
    decision = experiment.decision
    if decision is None or decision.margin is None:
        return
    sales = sales_outcome(experiment)
    names = [outcome.name for outcome in experiment.outcomes]
    if sales is None:
        yield Finding(
            path="decision.sales",
            what="is missing: the margin applies to no outcome, or to several",
            do="name the outcome that is sales in money at list price",
            related=("outcomes",),
        )
    elif sales not in names:
        yield Finding(
            path="decision.sales",
            value=sales,
            what="is not an outcome",
            do=f"name one of: {', '.join(names)}",
            related=_names(experiment),
        )


def _names(experiment: Experiment) -> tuple[str, ...]:
    return tuple(at("outcomes", place, "name") for place in range(len(experiment.outcomes)))


def sales_in_money(experiment: Experiment) -> Iterator[Finding]:
    """Sales are an amount."""
    sales = sales_outcome(experiment)
    for place, outcome in readable(experiment.outcomes, "outcomes"):
        if sales is None or outcome.name != sales or is_money(outcome):
            continue
        panel = experiment.panel is not None
        yield Finding(
            path=f"{place}.unit" if panel else f"{place}.measure",
            value=outcome.unit if panel else outcome.measure,
            what=f"the margin applies to {sales}, which is not in money",
            do='write its currency, like unit = "USD"' if panel else "write sum(list_amount)",
            related=(f"{place}.name", "decision.sales", "decision.margin"),
        )


def worth_known(experiment: Experiment) -> Iterator[Finding]:
    """What has a worth is an outcome, counted once."""
    if experiment.decision is None or not experiment.decision.worth:
        return
    names = [outcome.name for outcome in experiment.outcomes]
    for name in experiment.decision.worth:
        path = at("decision", "worth", name)
        if name not in names:
            yield Finding(
                path=path, value=name, what="is not an outcome",
                do=f"name one of: {', '.join(names)}", related=_names(experiment),
            )  # fmt: skip
        elif name == sales_outcome(experiment):
            yield Finding(
                path=path, value=name, what="is counted twice: the margin applies to it too",
                do="delete one of the two", related=("decision.sales", "decision.margin"),
            )  # fmt: skip


def after_discount(experiment: Experiment) -> Iterator[Finding]:
    """What was paid has the coupon taken off already: its cost would count twice (R16)."""
    if not len(experiment.compensation) or experiment.decision is None:
        return
    counted = {sales_outcome(experiment), *experiment.decision.worth}
    for place, outcome in readable(experiment.outcomes, "outcomes"):
        try:
            paid = outcome.name in counted and _is_paid(outcome.measure)
        except Unreadable:
            continue
        if paid:
            yield Finding(
                path=f"{place}.measure",
                value=outcome.measure,
                what="is after our discount, and the compensation's cost is taken off too: it "
                "would count twice (R16)",
                do="write sum(list_amount)",
                related=(f"{place}.name", "decision", "compensation"),
            )


def _is_paid(measure: str | None) -> bool:
    return measure is not None and parse_measure(measure).field == "paid_amount"


def arm_costs(experiment: Experiment) -> Iterator[Finding]:
    """A file's costs are of arms that there are."""
    if experiment.panel is None:
        return
    names = arm_names(experiment)
    for arm in experiment.panel.arm_cost:
        if arm not in names:
            path = at("panel", "arm_cost", arm)
            yield Finding(
                path=path, value=arm, what="is not an arm",
                do=f"name one of: {', '.join(names)}", related=arms_from(experiment),
            )  # fmt: skip
            yield spelt_apart(arm, names, path)


def one_currency(experiment: Experiment) -> Iterator[Finding]:
    """All amounts are in one currency."""
    found = dict(_currencies(experiment))
    ranked = Counter(found.values()).most_common()
    if len(ranked) < 2:
        return
    clear = ranked[0][1] > ranked[1][1]
    for path, currency in found.items():
        if not clear or currency != ranked[0][0]:
            others = ranked[0][0] if clear else " and ".join(name for name, _ in ranked)
            yield Finding(
                path=path,
                value=currency,
                what=f"amounts here are in {others}",
                do="write all amounts of an experiment in one currency",
                related=tuple(other for other in found if other != path),
            )


def _currencies(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Path -> currency of every amount that can be read."""
    for path, amount in _amounts(experiment):
        yield path, amount.currency
    rule = _tried(lambda: experiment.decision and parse_rule(experiment.decision.ship_if))
    if isinstance(rule, ShipRule) and rule.currency is not None:
        yield "decision.ship_if", rule.currency
    if experiment.panel is not None:
        sales = _tried(lambda: sales_outcome(experiment))
        named = dict(fields_of(experiment.outcomes, "name", "outcomes"))
        for path, unit in fields_of(experiment.outcomes, "unit", "outcomes"):
            if unit is not None and sales == named.get(path.removesuffix("unit") + "name"):
                yield path, unit


def _amounts(experiment: Experiment) -> Iterator[tuple[str, Money]]:
    for key in ("value", "round_to", "at_least", "at_most", "minimum_basket"):
        found = fields_of(experiment.compensation, key, "compensation")
        yield from ((path, amount) for path, amount in found if amount is not None)
    said = fields_of(experiment.wording, "effort", "wording")
    yield from ((path, amount) for path, amount in said if amount is not None)
    budget = experiment.budget
    places = {
        "budget.total": lambda: budget and budget.total,
        "budget.approve_above": lambda: budget and budget.approve_above,
        "budget.per_customer.amount": lambda: (
            budget and budget.per_customer and budget.per_customer.amount
        ),
        "budget.per_period.amount": lambda: (
            budget and budget.per_period and budget.per_period.amount
        ),
        "decision.message_cost": lambda: experiment.decision and experiment.decision.message_cost,
        "decision.handling_cost": lambda: experiment.decision and experiment.decision.handling_cost,
    }
    if budget is not None:
        capped = fields_of(budget.per_arm, "amount", "budget", "per_arm")
        yield from ((path, amount) for path, amount in capped if amount is not None)
    for path, look in places.items():
        amount = _tried(look)
        if isinstance(amount, Money):
            yield path, amount
    if experiment.decision is not None:
        yield from readable(experiment.decision.worth, "decision", "worth")
    if experiment.panel is not None:
        yield from readable(experiment.panel.arm_cost, "panel", "arm_cost")


def _tried(look: object) -> object:
    """What ``look`` finds, or None where it meets something that cannot be read."""
    try:
        return look()  # type: ignore[operator]
    except (Unreadable, InputError):
        return None


RULES: tuple[Rule, ...] = (
    rule_reads,
    something_earns,
    sales_known,
    sales_in_money,
    worth_known,
    after_discount,
    arm_costs,
    one_currency,
)
