"""Rules about the caps on what is given (R5, R14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.arms import arm_name, cells
from apologylab.design.experiment import ArmCap
from apologylab.design.faces import CHOICE, most
from apologylab.design.findings.arms import arm_names, arms_from
from apologylab.design.findings.finding import Finding, Rule, Unreadable, at, each, readable
from apologylab.design.remedies import Compensation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import AmountCap, Experiment
    from apologylab.design.money import Money


def unlimited_money(experiment: Experiment) -> Iterator[Finding]:
    """Whoever gives money away without a budget should know it."""
    if experiment.budget is None and len(experiment.compensation):
        yield Finding(
            path="budget",
            what="is missing: what is given away is not capped",
            do='add [budget] with total = "AMOUNT"',
            severity="warning",
        )


@each(lambda experiment: experiment.compensation, "compensation")
def fits_the_budget(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """One coupon does not use up the budget."""
    if experiment.budget is not None:
        yield from _dearer(experiment, given, experiment.budget.total, path, "budget.total")


@each(lambda experiment: experiment.compensation, "compensation")
def fits_the_customer(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """One coupon does not pass a customer's cap."""
    cap = experiment.budget.per_customer if experiment.budget else None
    if cap is not None and cap.amount is not None:
        yield from _dearer(experiment, given, cap.amount, path, "budget.per_customer.amount")


@each(lambda experiment: experiment.compensation, "compensation")
def fits_the_period(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """One coupon does not pass what a period has."""
    cap = experiment.budget.per_period if experiment.budget else None
    if cap is not None and cap.amount is not None:
        yield from _dearer(experiment, given, cap.amount, path, "budget.per_period.amount")


def _dearer(
    experiment: Experiment, given: Compensation, cap: Money, path: str, cap_path: str
) -> Iterator[Finding]:
    name = next(each for each in experiment.compensation if at("compensation", each) == path)
    value = most(experiment, name)
    if value.currency == cap.currency and value.amount > cap.amount:
        yield Finding(
            path=f"{path}.{_said_by(given)}",
            value=str(value),
            what=f"is dearer than {cap_path} ({cap}): nobody could ever get it",
            do=f"lower it, or raise {cap_path}",
            related=(cap_path, "compensation", "markets"),
        )


def _said_by(given: Compensation) -> str:
    """The key that says the most that it gives."""
    if given.kind == CHOICE:
        return "menu"
    if len(given.by_market):
        return "by_market"
    return "value" if given.share is None else "at_most"


def customer_cap_caps(experiment: Experiment) -> Iterator[Finding]:
    """A cap of one customer is on money or on uses."""
    if experiment.budget is not None:
        yield from _empty(experiment.budget.per_customer, "budget.per_customer")


def period_cap_caps(experiment: Experiment) -> Iterator[Finding]:
    """A cap of a period is on money or on uses."""
    if experiment.budget is not None:
        yield from _empty(experiment.budget.per_period, "budget.per_period")


def arms_do_not_end_a_period(experiment: Experiment) -> Iterator[Finding]:
    """A period ends on a giving arm; blocks and minimisation then make up for it in the next."""
    scheme = experiment.allocation.scheme
    budget = experiment.budget
    if budget is not None and budget.per_period is not None and scheme != "independent":
        yield Finding(
            path="budget.per_period",
            what=f"under allocation.scheme {scheme!r} tells early units from late ones by their "
            "arm: a period ends on an arm that gives, and the next makes up for it",
            do="cap the units by allocation.units_per_day, which counts every arm alike",
            related=("allocation.scheme",),
        )


def _per_arm(experiment: Experiment) -> Mapping[str, ArmCap]:
    return experiment.budget.per_arm if experiment.budget is not None else {}


@each(_per_arm, "budget", "per_arm")
def arm_cap_caps(experiment: Experiment, path: str, cap: ArmCap) -> Iterator[Finding]:
    """A cap of one arm is on money or on uses."""
    del experiment
    yield from _empty(cap, path)


def _empty(cap: AmountCap | ArmCap | None, path: str) -> Iterator[Finding]:
    if cap is not None and cap.amount is None and cap.uses is None:
        yield Finding(
            path=f"{path}.uses",
            what="is missing, and amount too: nothing is capped",
            do='add uses = NUMBER or amount = "AMOUNT", or delete the cap',
        )


def arm_caps_known(experiment: Experiment) -> Iterator[Finding]:
    """A capped arm is one that gives something."""
    capped = _per_arm(experiment)
    names = arm_names(experiment) if capped else ()
    giving = {arm: names for arm, names in _gives(experiment) if names} if capped else {}
    for arm in capped:
        if arm not in giving:
            yield Finding(
                path=at("budget", "per_arm", arm),
                value=arm,
                what="gives nothing that could be capped" if arm in names else "is not an arm",
                do=f"name one of: {', '.join(giving)}" if giving else "delete it",
                related=arms_from(experiment),
            )


def arm_caps_fit(experiment: Experiment) -> Iterator[Finding]:
    """What an arm gives fits its cap at least once."""
    gives = dict(_gives(experiment)) if _per_arm(experiment) else {}
    for path, cap in readable(_per_arm(experiment), "budget", "per_arm"):
        arm = next((arm for arm in gives if at("budget", "per_arm", arm) == path), None)
        values = [most(experiment, name) for name in gives.get(arm or "", ())]
        given = sum(value.amount for value in values)
        if not values or cap.amount is None or cap.amount.currency != values[0].currency:
            continue
        if given > cap.amount.amount:
            yield Finding(
                path=f"{path}.amount",
                value=str(cap.amount),
                what=f"is less than the arm gives ({given} {values[0].currency}): nobody could "
                "ever be drawn",
                do="raise it, or cap uses",
                related=("compensation", "factors"),
            )


def _gives(experiment: Experiment) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each arm, and the names of what it gives.

    Raises:
        Unreadable: what the arms follow from could not be read.
    """
    if experiment.panel is not None:
        raise Unreadable
    for cell in cells(experiment):
        names = (level for level in cell.values() if level in experiment.compensation)
        yield arm_name(cell), tuple(names)


RULES: tuple[Rule, ...] = (
    fits_the_budget,
    fits_the_customer,
    fits_the_period,
    unlimited_money,
    customer_cap_caps,
    period_cap_caps,
    arms_do_not_end_a_period,
    arm_cap_caps,
    arm_caps_known,
    arm_caps_fit,
)
