"""What may be said of an estimate (R36).

"Works" and "no effect" belong to a superiority or equivalence test that the plan declares, and that
passed (:mod:`apologylab.inference.declared`). A wide interval around 0 is said to be just that,
with the effect that could have been seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.inference.rounding import digits, rounded

if TYPE_CHECKING:
    from apologylab.inference.results import Estimate


def number(value: float, *, signed: bool = False) -> str:
    """A value with four significant digits, never in powers of ten for everyday sizes.

    >>> number(0.7698271559, signed=True), number(1234567.0), number(-0.00311)
    ('+0.7698', '1,234,567', '-0.003110')
    """
    sign = "+" if signed else ""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:{sign},.0f}"
    return f"{value:{sign}#.4g}".removesuffix(".")


def sentence(estimate: Estimate, *, alpha: float) -> str:
    """One sentence on one estimate, with its interval and what could have been seen."""
    level = f"{100 * estimate.level:g}%"
    unit = "percentage points" if is_share(estimate.unit) else unit_of(estimate)
    low, high = (
        _written(estimate, end, signed=True) for end in (estimate.ci_low, estimate.ci_high)
    )
    by = f"{_written(estimate, estimate.point, signed=True)} {unit}"
    if estimate.kind == "mean":
        mean = f"{_written(estimate, estimate.point)} {unit} ({level}: {low} to {high})"
        return f"under `{estimate.treatment}` the mean of {estimate.outcome} is {mean}"
    reading = _after_a_declared_test(estimate) or _reading(estimate, alpha)
    return f"{_subject(estimate)} by {by} ({level}: {low} to {high}): {reading}"


def _written(estimate: Estimate, value: float, *, signed: bool = False) -> str:
    """A number in the unit and to the digits of ``estimate``; shares in per cent."""
    times = 100 if is_share(estimate.unit) else 1
    shown = digits(times * estimate.spread, estimate.unit)
    return rounded(times * value, shown, signed=signed)


def to_the_minute(moment: str) -> str:
    """An ISO time in UTC, as people read it.

    >>> to_the_minute("2026-09-30T18:00:12.345678+00:00")
    '2026-09-30 18:00 UTC'
    """
    return f"{moment[:16].replace('T', ' ')} UTC"


def per_customer(unit: str) -> str:
    """A unit of measure of one customer.

    >>> per_customer("USD"), per_customer("share of customers")
    ('USD per customer', 'share of customers')
    """
    return unit if " " in unit else f"{unit} per customer"


def unit_of(estimate: Estimate) -> str:
    """What its effect is measured in; of an outcome without a unit, its name says it."""
    return "per customer" if estimate.unit == estimate.outcome else per_customer(estimate.unit)


def is_share(unit: str) -> bool:
    """Whether an outcome is 0 or 1; people read its effects in percentage points.

    >>> is_share("share of customers"), is_share("USD")
    (True, False)
    """
    return unit.startswith("share")


def _subject(estimate: Estimate) -> str:
    if estimate.kind == "arm":
        return f"sending `{estimate.treatment}` changed {estimate.outcome}"
    if sum(weight for _, weight in estimate.cells if weight > 0) > 1.5:
        return (
            f"the effect `{estimate.treatment}` differs from `{estimate.reference}` in "
            f"{estimate.outcome}"
        )
    sides = f"`{estimate.treatment}` against `{estimate.reference}`"
    named = f"{estimate.name} ({sides})" if estimate.kind == "contrast" else sides
    return f"{named} changed {estimate.outcome}"


def _after_a_declared_test(estimate: Estimate) -> str:
    """What the plan's own tests showed; empty where there is none, or none passed."""
    times = 100 if is_share(estimate.unit) else 1
    passed = {each.kind: each for each in estimate.declared if each.passed}
    said = []
    if (better := passed.get("superiority")) is not None:
        by = f" by more than {number(times * better.margin)}" if better.margin else ""
        said.append(
            f"it works{by} (declared test of superiority, adjusted {_p(better.p_adjusted)})"
        )
    if (same := passed.get("equivalence")) is not None:
        margin, chance = number(times * same.margin), _p(same.p_adjusted)
        said.append(
            f"no effect as large as {margin} (declared test of equivalence, adjusted {chance})"
        )
    return "; ".join(said)


def _p(p: float) -> str:
    return f"p {p:.2g}" if p >= 1e-4 else "p < 0.0001"


def _reading(estimate: Estimate, alpha: float) -> str:
    seen = estimate.smallest_detectable
    could = "" if seen is None else f"; we could have seen {_written(estimate, seen)}"
    p = estimate.p_value if estimate.p_adjusted is None else estimate.p_adjusted
    if p is None:
        return "an interval without a test"
    adjusted = "" if estimate.p_adjusted is None else "adjusted "
    if p < alpha:
        return f"chance alone would rarely give this ({adjusted}{_p(p)})"
    if estimate.ci_low > 0 or estimate.ci_high < 0:
        return f"we cannot tell once all tests are counted ({adjusted}{_p(p)}){could}"
    return f"we cannot tell{could}"
