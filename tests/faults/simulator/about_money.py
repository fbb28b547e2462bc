"""What must be true of the money that is owed."""

from __future__ import annotations

from collections import Counter

from apologylab.remedy.compensation import HELD, Step, follow
from simulator.world import NAMES


def _money(run, stands):
    """What is reserved is what is owed, row by row, and never more than any cap."""
    owed = _owed_by_row(stands)
    for name in NAMES:
        for row, standing in run.ledger.budgets(name).items():
            if "/units/" in row:
                continue
            amount, uses = owed.pop(row, (0, 0))
            if (amount, uses) != (standing.reserved, standing.uses):
                yield f"{row} holds {standing}, owed are {amount} in {uses} uses"
            yield from _over(run.company.running[name].experiment.budget, row, amount, uses)
    if owed:
        yield f"{owed} is owed, and no budget holds it"


def _owed_by_row(stands):
    """Row -> minor units and uses that live liabilities were charged to it."""
    owed = {}
    for each in _held(stands):
        for row in (each.charged or "").split():
            amount, uses = owed.get(row, (0, 0))
            owed[row] = amount + each.amount, uses + 1
    return owed


def _held(stands):
    """What was reserved and still counts."""
    holdings = follow(Step(each.assignment, each.state, each.amount) for each in stands.liabilities)
    return [
        each
        for each in stands.liabilities
        if each.state == "reserved" and holdings[each.assignment].state in HELD
    ]


def _over(budget, row, owed, uses):
    """Whether a row of a budget is above its cap."""
    _, _, kind = row.partition("/")
    cap = None
    if kind.startswith("arm/"):
        cap = budget.per_arm[kind.removeprefix("arm/")]
    elif kind.startswith("period/"):
        cap = budget.per_period
    most = budget.total if cap is None else cap.amount
    times = budget.uses if cap is None else cap.uses
    if (most is not None and owed > most.minor) or (times is not None and uses > times):
        yield f"{row} holds {owed} in {uses} uses, more than {most}, {times}"


def _caps_by_facts(run, stands):
    """The caps again, from what was drawn alone, whatever the rows say."""
    held = _held(stands)
    for name in NAMES:
        budget = run.company.running[name].experiment.budget
        own = [each for each in held if each.experiment == name]
        yield from _over(budget, name, sum(each.amount for each in own), len(own))
        for arm in budget.per_arm:
            given = [each for each in own if each.arm == arm]
            yield from _over(budget, f"{name}/arm/{arm}", sum(e.amount for e in given), len(given))


def _ramp(run, stands):
    """No more units a day than declared; counted when they were drawn."""
    for name in NAMES:
        most = run.company.running[name].experiment.allocation.units_per_day
        days = Counter(
            stands.recorded["assignment", each.key].date()
            for each in stands.drawn(name)
            if each.first
        )
        if most is not None and days and max(days.values()) > most:
            yield f"{name} drew {days} a day, more than {most}"


def _liabilities_of_draws(run, stands):
    """Every drawn coupon has a liability, and nothing else has."""
    due = {each.key for each in stands.remedies if each.compensation}
    begun = Counter(each.assignment for each in stands.liabilities if each.state == "reserved")
    if due != set(begun) or set(begun.values()) - {1}:
        yield f"remedies with coupons {sorted(due)}, reserved {begun}"
    drawn = {each.key for each in stands.assignments if each.reason in ("RANDOMISED", "OVERRIDE")}
    remedies = Counter(each.assignment for each in stands.remedies)
    if drawn != set(remedies) or set(remedies.values()) - {1}:
        yield f"drawn {sorted(drawn)}, remedies {remedies}"


def _lives_end(run, stands):
    """What was committed long ago is used, expired or taken back; nothing waits for ever."""
    if not run.schedule.healed or not run.is_over:
        return
    for key, holding in follow(
        Step(each.assignment, each.state, each.amount) for each in stands.liabilities
    ).items():
        by = run.company.running[key.partition("/")[0]].experiment.delivery.by
        if holding.state == "committed" or (holding.state == "reserved" and by == "apologylab"):
            yield f"the compensation of {key} is still {holding.state}"


CHECKS = (
    _lives_end,
    _money,
    _caps_by_facts,
    _ramp,
    _liabilities_of_draws,
)
