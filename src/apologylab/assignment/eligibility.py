"""Eligibility on the incident's own fields, judged before the draw, the same for all arms (R4).

The context is one flat mapping: the incident's fields (``minutes_late``, ``country`` ...) and

- ``kind``: the kind of incident,
- ``consent``: the widest consent the customer gave: ``none``, ``service`` or ``marketing``,
- ``flags``: the flags set on the incident, a collection of names or one text ``"a;b"``,
- ``customer``: the customer's id, needed only where the unit is the incident.

A field that a rule needs and that is missing, or of a wrong type, keeps the incident out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.assignment.assignment import Assignment
    from apologylab.design.experiment import Experiment, Layer, Scalar

Context = Mapping[str, object]
CONSENTS = ("none", "service", "marketing")
"""Each covers those before it."""
FLAG_SEPARATOR = ";"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """An experiment's eligibility, spelt out: what must hold, with infinite bounds where open."""

    never: tuple[str, ...]
    kind: str | None
    severity: tuple[str, float, float] | None
    where: tuple[tuple[str, tuple[Scalar, ...]], ...]
    consents: tuple[str, ...]
    exclude: frozenset[str]


def rules(experiment: Experiment) -> Rules:
    """The rules that ``experiment`` declares; empty ones admit everything."""
    incident, never = experiment.incident, experiment.never
    bounds = incident.severity if incident is not None else None
    consent = experiment.eligibility.consent
    return Rules(
        never=never.incidents if never is not None else (),
        kind=incident.kind if incident is not None else None,
        severity=None
        if bounds is None
        else (
            bounds.field,
            float("-inf") if bounds.at_least is None else bounds.at_least,
            float("inf") if bounds.at_most is None else bounds.at_most,
        ),
        where=tuple(incident.where.items()) if incident is not None else (),
        consents=() if consent == "none" else CONSENTS[CONSENTS.index(consent) :],
        exclude=frozenset(experiment.eligibility.exclude),
    )


def because_never(kind: str) -> str:
    """Why an incident under ``[never]`` is out."""
    return f"never: incidents of kind {kind} are not randomised"


def because_kind(kind: str) -> str:
    """Why an incident of another kind is out."""
    return f"incident.kind: it is not {kind}"


def because_severity(severity: tuple[str, float, float]) -> str:
    """Why an incident that is too slight or too bad is out.

    >>> because_severity(("minutes_late", 10, float("inf")))
    'incident.severity: minutes_late is not a number of at least 10'
    """
    field, low, high = severity
    bounds = [f"at least {low:g}"] if low > float("-inf") else []
    bounds += [f"at most {high:g}"] if high < float("inf") else []
    return f"incident.severity: {field} is not a number of {' and '.join(bounds)}"


def because_where(field: str, admitted: tuple[Scalar, ...]) -> str:
    """Why an incident with another value in ``field`` is out."""
    return f"incident.where: {field} is not {' or '.join(map(str, admitted))}"


def because_consent(consents: tuple[str, ...]) -> str:
    """Why an incident without enough consent is out."""
    return f"eligibility.consent: it is not {' or '.join(consents)}"


def because_flag(flag: str) -> str:
    """Why a flagged incident is out."""
    return f"eligibility.exclude: {flag} is set"


def because_layer(layer: Layer) -> str:
    """Why a customer of another slice is out."""
    return f"layer {layer.name}: outside the slice from {layer.start:g} to {layer.end:g}"


def because_entry(share: float) -> str:
    """Why a unit that did not enter is out."""
    return f"allocation.entry: not among the {share:g} that enter"


def compile_refusal(
    judged: Rules, refuse: Callable[[str], Assignment]
) -> Callable[[Context], Assignment | None]:
    """A function from a context to the answer that keeps it out, or None where it may enter.

    ``refuse`` makes the answer of a reason in words; it is called here, never per unit. The
    function is one body, not a list of rules, because each call in it costs as much as a test.

    Raises (the function):
        InputError: ``flags`` is no collection of names.
    """
    kind, consents, exclude = judged.kind, judged.consents, judged.exclude
    never = {kind: refuse(because_never(kind)) for kind in judged.never}
    other_kind = refuse(because_kind(kind or ""))
    severity = judged.severity or ("", 0.0, 0.0)
    (field, low, high), outside = severity, refuse(because_severity(severity))
    where = tuple(
        (name, values, refuse(because_where(name, values))) for name, values in judged.where
    )
    no_consent = refuse(because_consent(consents))
    flagged = {flag: refuse(because_flag(flag)) for flag in sorted(exclude)}

    def refusal(context: Context) -> Assignment | None:
        get = context.get
        happened = get("kind")
        if happened != kind and kind is not None or happened in never:
            return never.get(str(happened), other_kind)
        if field and not _within(get(field), low, high):
            return outside
        for name, values, answer in where:
            if get(name) not in values:
                return answer
        if consents and get("consent") not in consents:
            return no_consent
        if flagged and (flags := get("flags")):
            return _first_flag(flags, flagged)
        return None

    return refusal


def _within(value: object, low: float, high: float) -> bool:
    try:
        return low <= value <= high  # type: ignore[operator]
    except TypeError:
        return False


def _first_flag(flags: object, flagged: Mapping[str, Assignment]) -> Assignment | None:
    try:
        set_flags = set(flags.split(FLAG_SEPARATOR) if isinstance(flags, str) else flags)  # type: ignore[call-overload]
    except TypeError:
        raise InputError(
            f"flags is {flags!r}", do='pass the names of the flags that are set: ["abuse_flag"]'
        ) from None
    return next((answer for flag, answer in flagged.items() if flag in set_flags), None)
