"""A verdict in words: one sentence, and a reason for each arm (R36)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.decision.rule import arm_state, recommended
from apologylab.inference.rounding import digits, rounded
from apologylab.inference.sentence import is_share, number, to_the_minute
from apologylab.inference.table import aligned

if TYPE_CHECKING:
    from apologylab.decision.rule import Evidence
    from apologylab.decision.verdict import ArmValue, GuardrailReading, Verdict, VerdictWord
    from apologylab.design.rule import ShipRule


def value_sentence(value: ArmValue, *, reference: str, currency: str) -> str:
    """What sending an arm changed, in money."""
    shown = digits(value.std_error, currency)
    low, high = (rounded(end, shown, signed=True) for end in (value.ci_low, value.ci_high))
    kind = "" if value.interval_kind == "pointwise" else f", {value.interval_kind}"
    return (
        f"sending `{value.arm}` instead of `{reference}` changed net value by "
        f"{rounded(value.point, shown, signed=True)} {currency} per affected customer "
        f"({100 * value.level:g}%{kind}: {low} to {high})"
    )


def verdict_sentence(
    word: VerdictWord, rule: ShipRule, evidence: Evidence, *, reference: str, currency: str
) -> str:
    """What stands under the verdict's word, without saying it again."""
    best = recommended(rule, evidence) or max(
        evidence.values, key=lambda value: value.point, default=None
    )
    if word == "not estimable":
        why = "A check of the experiment failed" if evidence.failed else "No value can be estimated"
        return f"{why}, so no number here can be trusted."
    if word == "keep running" and not evidence.early:
        return "The experiment has not ended, and nothing is read before its end."
    said = value_sentence(best, reference=reference, currency=currency) if best else ""
    if word == "ship":
        return f"`{best.arm if best else ''}` meets the rule: {said}."
    if word == "do not ship":
        return f"Every arm is ruled out; at best, {said}."
    if word == "keep running":
        return f"We cannot tell yet{f'; so far at best, {said}' if said else ''}."
    return f"We cannot tell; at best, {said}."


def reasons(
    rule: ShipRule, evidence: Evidence, *, reference: str, currency: str
) -> tuple[str, ...]:
    """Why: each failed check; else each arm with its guardrails, and what was found besides."""
    lines = [f"failed check: {each}" for each in evidence.failed]
    if evidence.failed:
        return tuple(lines)
    for value in evidence.values:
        said = value_sentence(value, reference=reference, currency=currency)
        lines.append(f"{said}: {_reading(rule, value)}")
        lines += [_guardrail(each) for each in evidence.guardrails if each.arm == value.arm]
        if arm_state(rule, value, evidence) == "ships":
            lines.append(f"`{value.arm}` meets the rule: {rule.text}")
    unread = (f"`{arm}`: {why}" for arm, why in evidence.unread.items())
    return (*lines, *unread, *evidence.besides)


def _reading(rule: ShipRule, value: ArmValue) -> str:
    threshold = float(rule.threshold)
    bar = number(threshold)
    if value.ci_low > threshold:
        return f"the whole interval is above {bar}"
    if value.ci_high < threshold:
        return f"the whole interval is below {bar}"
    return f"we cannot tell on which side of {bar} it lies"


def _guardrail(reading: GuardrailReading) -> str:
    where = {
        "safe": "safe",
        "broken": "broken",
        "undecided": "undecided, and undecided never ships",
    }[reading.state]
    times, unit = (100, "percentage points") if is_share(reading.unit) else (1, reading.unit)
    shown = digits(times * (reading.ci_high - reading.ci_low) / 4, reading.unit)
    worse, low, high = (
        rounded(times * each, shown, signed=True)
        for each in (reading.worse_by, reading.ci_low, reading.ci_high)
    )
    ends = f"one-sided ends {low} and {high}, bound {times * reading.bound:g}"
    return (
        f"guardrail {reading.outcome}, `{reading.arm}` against `{reading.comparator}`: worse by "
        f"{worse} {unit} ({ends}): {where}"
    )


def as_text(verdict: Verdict) -> str:
    """A verdict for a terminal."""
    mark = "SIMULATED  " if verdict.simulated else ""
    at = to_the_minute(verdict.as_of)
    head = f"{mark}{verdict.experiment}, version {verdict.version}, as of {at}"
    blocks = [head, verdict.verdict.upper(), verdict.sentence]
    if verdict.values:
        blocks.append(_values(verdict))
    because = ["Because", *(f"  - {reason}" for reason in verdict.reasons)]
    blocks += ["\n".join(because)] if verdict.reasons else []
    return "\n\n".join([*blocks, f"Rule: ship if {verdict.rule}"])


def _values(verdict: Verdict) -> str:
    """The table of net values; break-evens only where an arm has one."""
    margins = {each.arm: each.break_even_margin for each in verdict.values}
    worth = {each.arm: each.break_even_compensation for each in verdict.values}
    head, rows = ["", "value", "interval", "units"], [_value_row(each) for each in verdict.values]
    title = f"Net value against {verdict.reference}, {verdict.unit}"
    if any(margins.values()) or any(worth.values()):
        title += "; the margin and the value given at which an arm breaks even"
        head += ["margin", "given"]
        for row in rows:
            margin, given = margins[row[0]], worth[row[0]]
            row.append("-" if margin is None else f"{100 * margin:.1f}%")
            row.append("-" if given is None else number(given))
    return "\n".join([title, *(f"  {line}" for line in aligned([head, *rows]))])


def _value_row(value: ArmValue) -> list[str]:
    low, high = (number(end, signed=True) for end in (value.ci_low, value.ci_high))
    return [value.arm, number(value.point, signed=True), f"{low} to {high}", f"{value.n:,}"]
