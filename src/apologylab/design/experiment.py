"""``Experiment``: one declared experiment, as frozen values. The classes *are* the declaration.

Each class is a table of the TOML file and each field a key, so the reader, the JSON Schema and the
reference page are generated from here. A field's type is the type after reading: ``Money`` is
written ``"5.00 USD"``, a ``timedelta`` is written ``"15min"``, a ``date`` is a TOML date.

What follows from a declaration (arms, boundaries, contrasts) is computed by functions in the
modules beside this one; what can be wrong with it is in :mod:`apologylab.design.findings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final, Literal

from apologylab.design.constraints import Doc, Items, Range, Text
from apologylab.design.keys import (
    Cost,
    Days,
    DaysFromZero,
    EventFact,
    FineCost,
    Label,
    Line,
    Name,
    Share,
    Sum,
    UnitsPerDay,
    Uses,
    Value,
    Weight,
)
from apologylab.design.measures import HARMS
from apologylab.design.plan import Plan
from apologylab.design.remedies import (
    Compensation,
    Markets,
    Messages,
    Said,
    Sender,
    SignOff,
    Survey,
)
from apologylab.design.sending import Delivery, Moment
from apologylab.design.times import Time

Scalar = Value
NormaliseRule = Literal["exact", "nfc", "nfc_ascii_lower"]
FactName = EventFact
Role = Literal["primary", "secondary", "guardrail", "descriptive"]

NONE: Final = "none"
"""The empty level: no fragment, no compensation."""
SILENCE: Final = "silence"
"""The arm in which nothing is said or given (R10)."""
TIMING: Final = "timing"
"""The factor whose levels are delays."""


@dataclass(frozen=True, kw_only=True)
class Severity:
    """How bad the incident must have been: a field of the incident and its bounds."""

    field: Annotated[Name, Doc("the incident's field that says how bad it was")]
    at_least: Annotated[float | None, Range(0, 1_000_000)] = None
    at_most: Annotated[float | None, Range(0, 1_000_000)] = None


@dataclass(frozen=True, kw_only=True)
class Incident:
    """The service failure that enrols."""

    kind: Annotated[Name, Doc("the kind of incident, as the order system names it")]
    severity: Severity | None = None
    where: Annotated[
        Mapping[Name, Annotated[tuple[Scalar, ...], Items()]],
        Doc("field -> admitted values"),
    ] = field(default_factory=dict)
    price: Annotated[
        Name | None, Doc("its money field: what the failed order cost, for doses relative to it")
    ] = None
    fault: Annotated[
        tuple[Literal["company", "third_party", "customer", "unknown"], ...],
        Doc("whose fault it may be, judged before the draw; anybody's if empty"),
    ] = ()
    recurs: Annotated[bool, Doc("whether it can hit one customer again inside a window")] = True


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """Judged before the draw, the same for every arm (R4)."""

    consent: Annotated[
        Literal["none", "service", "marketing"],
        Doc("the consent that the most promotional arm needs"),
    ] = "none"
    cooldown_days: Annotated[Days | None, Doc("days since the customer's last enrolment")] = None
    exclude: Annotated[tuple[Name, ...], Doc("flags that keep an incident out")] = ()


@dataclass(frozen=True, kw_only=True)
class CountCap:
    """At most ``count`` in ``days``."""

    count: Annotated[int, Range(1, 1000)]
    days: Days


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """What a later incident of an enrolled customer gets (R7)."""

    next_incident: Literal["first_only", "sticky", "rerandomise"]
    text: Annotated[Literal["vary", "same"], Doc("a second apology's text")] = "vary"
    max_apologies: CountCap | None = None


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Names and the reference; the arms themselves follow from the factors."""

    reference: Annotated[Label, Doc("the arm that every effect is a difference from")] = SILENCE
    names: Annotated[Mapping[Label, Label], Doc("arm -> what the team calls it")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, kw_only=True)
class PlannedPhase:
    """A later stretch with another allocation (R6); it begins with ``start NAME --phase N``."""

    weights: Literal["equal"] | Mapping[Label, Weight] = "equal"
    entry: Annotated[Share, Doc("share of eligible units that enter")] = 1.0
    units_per_day: UnitsPerDay = None


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Planned integer weights of the arms; ``"*"`` stands for every arm not named."""

    weights: Literal["equal"] | Mapping[Label, Weight] = "equal"
    entry: Annotated[Share, Doc("share of eligible units that enter")] = 1.0
    units_per_day: UnitsPerDay = None
    scheme: Annotated[
        Literal["independent", "blocks", "minimisation"],
        Doc("each unit by itself; permuted blocks within strata; balance over fields by a coin"),
    ] = "independent"
    strata: Annotated[tuple[Name, ...], Doc("fields of the incident to balance the arms in")] = ()
    block_size: Annotated[
        int | None, Range(2, 1000), Doc("places in a block; a multiple of the weights' sum")
    ] = None
    coin: Annotated[
        float, Range(0, 1, open_low=True, open_high=True), Doc("how often the balancing arm comes")
    ] = 0.8
    cluster: Annotated[Name | None, Doc("field that names a customer's cluster; or cause")] = None
    timing: Annotated[
        Mapping[Label, Weight], Doc("weights of the shadow delays of silence; equal if absent")
    ] = field(default_factory=dict)
    phases: Annotated[tuple[PlannedPhase, ...], Doc("phases after the first")] = ()


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Customers kept out of the whole programme (R9)."""

    share: Annotated[float, Range(0, 0.5)]
    salt: Annotated[Name, Doc("shared by every experiment of the programme")]
    renewed: Annotated[date | None, Doc("the day on which a new salt is drawn")] = None


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A slice of the customers, so that experiments on one incident do not meet."""

    name: Name
    start: Annotated[Share, Doc("where the slice begins, 0 included")]
    end: Annotated[Share, Doc("where it ends, not included")]


@dataclass(frozen=True, kw_only=True)
class AmountCap:
    """At most ``amount``, and at most ``uses`` compensations, in ``days``."""

    amount: Sum | None = None
    uses: Uses = None
    days: Days


@dataclass(frozen=True, kw_only=True)
class ArmCap:
    """At most ``amount``, and at most ``uses`` compensations, in one arm."""

    amount: Sum | None = None
    uses: Uses = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Caps on liabilities (R5, R14)."""

    total: Sum
    uses: Annotated[Uses, Doc("compensations in all, at most")] = None
    approve_above: Annotated[
        Sum | None, Doc("a remedy that gives more waits until a person releases it")
    ] = None
    per_arm: Annotated[
        Mapping[Label, ArmCap], Doc("arm -> its own cap; where one is spent, all arms close")
    ] = field(default_factory=dict)
    per_customer: AmountCap | None = None
    per_period: Annotated[
        AmountCap | None, Doc("caps of each stretch of ``days`` days (UTC) since 1970; then anew")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Otherwise:
    """The answer to a customer who is not drawn (R17): ``today`` or ``silence``."""

    INELIGIBLE: Literal["today", "silence"]
    CLOSED: Literal["today", "silence"]
    FALLBACK: Literal["today", "silence"]
    HOLDOUT: Literal["today", "silence"] = SILENCE


@dataclass(frozen=True, kw_only=True)
class Never:
    """Incidents that are never randomised (R17)."""

    incidents: Annotated[tuple[Name, ...], Items()]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is measured on a unit.

    Of a ledger: ``measure`` over the facts ``fact`` in [anchor + from_days, anchor + window_days).
    Of a panel: the column ``column``.
    """

    name: Name
    role: Role
    fact: FactName | None = None
    measure: Annotated[
        str | None,
        Text(pattern=r"any|count|sum\([a-z_]+\)", longest=64, example="sum(list_amount)"),
        Doc("any, count or sum(field)"),
    ] = None
    column: Annotated[Label | None, Doc("the panel's column")] = None
    where: Annotated[Mapping[Name, Scalar], Doc("field of the fact -> value")] = field(
        default_factory=dict
    )
    from_days: DaysFromZero = 0
    window_days: Days | None = None
    settle_days: DaysFromZero = 0
    pre_days: Annotated[Days | None, Doc("measure the same before the anchor, a covariate")] = None
    weekly: Annotated[bool, Doc("measure it in each week of the window too, for by_week")] = False
    weeks: Annotated[
        tuple[Label, ...], Doc("the panel's columns of each week since the incident, for by_week")
    ] = ()
    unit: Annotated[Label | None, Doc("unit of measure, if it is not money or a share")] = None
    better: Annotated[
        Literal["higher", "lower"] | None,
        Doc("the good direction; if absent, lower for contacts, incidents, goodwill, redemptions"),
    ] = None
    worse_by_at_most: Annotated[
        float | None,
        Range(0, 1_000_000, open_low=True),
        Doc("a guardrail's bound: how much worse than its comparator a unit may fare"),
    ] = None
    comparator: Annotated[Label | None, Doc("a guardrail's arm to compare with; the reference")] = (
        None
    )

    @property
    def lower_is_better(self) -> bool:
        """Whether less of it is good."""
        return self.better == "lower" or (self.better is None and self.fact in HARMS)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The rule, written before launch (R16, R34)."""

    ship_if: Annotated[str, Text(example="lower(value_vs_reference) > 0")]
    margin: Annotated[
        float | None, Range(0, 1, open_low=True), Doc("profit per unit of sales at list price")
    ] = None
    sales: Annotated[Name | None, Doc("the money outcome that the margin applies to")] = None
    worth: Annotated[Mapping[Name, Cost], Doc("outcome -> money for one unit of it")] = field(
        default_factory=dict
    )
    message_cost: Annotated[FineCost | None, Doc("cost of one message sent")] = None
    handling_cost: Annotated[FineCost | None, Doc("cost of one contact")] = None
    open_liability: Annotated[
        Literal["face", "expected", "zero"] | None,
        Doc("how a coupon that outlives the window is counted"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A file of finished outcomes, one row a unit; nothing is drawn, sent or recorded."""

    arm: Annotated[Label, Doc("column that holds the arm")]
    unit: Annotated[Label | None, Doc("column that holds the unit id, if there is one")] = None
    covariates: Annotated[tuple[Label, ...], Doc("columns measured before the draw (R22)")] = ()
    arm_cost: Annotated[Mapping[Label, Cost], Doc("arm -> cost of one unit in it")] = field(
        default_factory=dict
    )
    levels: Annotated[
        Mapping[Label, Mapping[Name, Label]],
        Doc("arm -> factor -> level, where arms combine factors; numbers are sizes too"),
    ] = field(default_factory=dict)


Factors = Mapping[Name, Annotated[tuple[Name, ...], Items()]]
Remedies = Mapping[Name, Name]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One declared experiment.

    Raises:
        DeclarationError: the first mistake that :mod:`apologylab.design.findings` knows of.
    """

    name: Annotated[Name, Doc("the folder's name; travels in URLs")]
    question: Annotated[Line, Doc("what the team wants to know, in its words")]
    owner: Label
    format: Literal[1] = 1
    version: Annotated[int, Range(1, 9999), Doc("raised by hand when a definition changes")] = 1
    unit: Literal["customer", "incident", "cluster"] = "customer"
    unit_id: Annotated[NormaliseRule, Doc("how ids are normalised before the draw (R8)")] = "nfc"
    salt: Annotated[Name | None, Doc("of the draws; change it to draw anew")] = None
    incident: Incident | None = None
    eligibility: Eligibility = Eligibility()
    repeats: Repeats | None = None
    factors: Factors = field(default_factory=dict)
    arms: Arms = Arms()
    allocation: Allocation = Allocation()
    holdout: Holdout | None = None
    layer: Layer | None = None
    wording: Annotated[Mapping[Name, Said], Doc("level of a message factor -> its parts")] = field(
        default_factory=dict
    )
    sender: Annotated[Mapping[Name, Sender], Doc("level of the factor sender -> who it is")] = (
        field(default_factory=dict)
    )
    timing: Annotated[
        Mapping[Name, Moment], Doc("level of timing that is no plain delay -> when it is due")
    ] = field(default_factory=dict)
    compensation: Mapping[Name, Compensation] = field(default_factory=dict)
    markets: Markets | None = None
    budget: Budget | None = None
    today: Annotated[Remedies, Doc("factor -> what we do now, outside the experiment")] = field(
        default_factory=dict
    )
    floor: Annotated[Remedies, Doc("given in every arm: law, contract, decency")] = field(
        default_factory=dict
    )
    otherwise: Otherwise | None = None
    never: Never | None = None
    overrides: Annotated[Mapping[Label, Label], Doc("unit -> arm, for QA")] = field(
        default_factory=dict
    )
    delivery: Delivery = Delivery()  # noqa: RUF009 - frozen
    messages: Messages = Messages()  # noqa: RUF009 - frozen
    survey: Survey | None = None
    sign_off: SignOff | None = None
    outcomes: Annotated[tuple[Outcome, ...], Items(), Doc("what is measured; at least one primary")]
    times: Annotated[tuple[Time, ...], Doc("how long until an event; curves and hazards")] = ()
    plan: Plan = Plan()  # noqa: RUF009 - frozen
    decision: Decision | None = None
    panel: Panel | None = None

    def __post_init__(self) -> None:
        from apologylab.design.findings import raise_first

        raise_first(self)
