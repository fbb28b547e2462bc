"""Eligibility on the incident's own fields, judged before the draw, the same for all arms (R4).

The context is one flat mapping: the incident's fields (``minutes_late``, ``country`` ...) and

- ``kind``: the kind of incident,
- ``consent``: the widest consent the customer gave: ``none``, ``service`` or ``marketing``,
- ``fault``: whose fault it was, as far as was known before the draw, ``unknown`` otherwise,
- the flags of ``eligibility.exclude``, each a field of its own name: ``abuse_flag = True``.

A field that a rule needs and that is missing, or of a wrong type, keeps the incident out; a flag
that is missing is not set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.assignment.assignment import Assignment
    from apologylab.design.experiment import Experiment, Scalar

Context = Mapping[str, object]
CONSENTS = ("none", "service", "marketing")
"""Each covers those before it."""
FAULT = "fault"
UNSET = ("", "0", "0.0", "f", "false", "n", "no")
"""Texts, in lower case, that mean a flag is not set: a CSV file has no other way to say so."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """An experiment's eligibility, spelt out, in the order of judging.

    ``never`` maps a kind of incident, ``among`` a field and its admitted values, ``severity`` a
    field and its bounds (infinite where open), ``flags`` a flag, each to why it keeps a unit out.
    """

    never: Mapping[str, str]
    among: tuple[tuple[str, tuple[Scalar, ...], str], ...]
    severity: tuple[str, float, float, str] | None
    flags: Mapping[str, str]


def rules(experiment: Experiment) -> Rules:
    """The rules that ``experiment`` declares; empty ones admit everything."""
    never = experiment.never.incidents if experiment.never is not None else ()
    return Rules(
        never={kind: f"never: incidents of kind {kind} are not randomised" for kind in never},
        among=tuple(
            (name, values, f"{path}: it is not {' or '.join(map(str, values))}")
            for name, path, values in _admitted(experiment)
        ),
        severity=_severity(experiment),
        flags={
            flag: f"eligibility.exclude: {flag} is set" for flag in experiment.eligibility.exclude
        },
    )


def _admitted(experiment: Experiment) -> list[tuple[str, str, tuple[Scalar, ...]]]:
    """(field, path in the declaration, admitted values)."""
    incident, consent = experiment.incident, experiment.eligibility.consent
    found: list[tuple[str, str, tuple[Scalar, ...]]] = []
    if incident is not None:
        found.append(("kind", "incident.kind", (incident.kind,)))
        found += [(name, f"incident.where.{name}", one) for name, one in incident.where.items()]
        found += [(FAULT, "incident.fault", incident.fault)] if incident.fault else []
    if consent != "none":
        found.append(("consent", "eligibility.consent", CONSENTS[CONSENTS.index(consent) :]))
    return found


def _severity(experiment: Experiment) -> tuple[str, float, float, str] | None:
    bounds = experiment.incident.severity if experiment.incident is not None else None
    if bounds is None:
        return None
    low = float("-inf") if bounds.at_least is None else bounds.at_least
    high = float("inf") if bounds.at_most is None else bounds.at_most
    said = [f"at least {low:g}"] if low > float("-inf") else []
    said += [f"at most {high:g}"] if high < float("inf") else []
    because = f"incident.severity: {bounds.field} is not a number of {' and '.join(said)}"
    return bounds.field, low, high, because


def compile_refusal(  # noqa: C901 - one body, see below
    judged: Rules, refuse: Callable[[str], Assignment]
) -> Callable[[Context], Assignment | None]:
    """A function from a context to the answer that keeps it out, or None where it may enter.

    ``refuse`` makes the answer of a reason in words; it is called here, never per unit. The
    function is one body, not a list of rules, because each call in it costs as much as a test.
    """
    never = [(kind, refuse(because)) for kind, because in judged.never.items()]
    among = [(name, values, refuse(because)) for name, values, because in judged.among]
    field, low, high, because = judged.severity or ("", 0.0, 0.0, "")
    outside = refuse(because)
    flags = [(flag, refuse(because)) for flag, because in judged.flags.items()]

    def refusal(context: Context) -> Assignment | None:
        get = context.get
        happened = get("kind")
        for kind, answer in never:
            if happened == kind:
                return answer
        for name, values, answer in among:
            if get(name) not in values:
                return answer
        if field and not _within(get(field), low, high):
            return outside
        for flag, answer in flags:
            if get(flag) and str(get(flag)).lower() not in UNSET:
                return answer
        return None

    return refusal


def _within(value: object, low: float, high: float) -> bool:
    try:
        return low <= value <= high  # type: ignore[operator]
    except TypeError:
        return False
