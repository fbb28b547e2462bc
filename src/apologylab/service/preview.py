"""What every arm would say and give to a sample incident, in every locale, before anything starts.

Nothing is imitated: the sample incident is answered by the same code as a real one, in a ledger of
its own, with each arm forced by an override. So what is shown is what would be pinned (R6): words,
sender, channel, what is given, and when it would leave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from apologylab.assignment.answers import arm_weights
from apologylab.assignment.assigner import Assigner
from apologylab.design.arms import arms
from apologylab.design.duration import parse_duration
from apologylab.design.money import Money
from apologylab.design.routes import address_fields, format_of
from apologylab.errors import StateError
from apologylab.record.facts import Incident
from apologylab.remedy.compensation import JOINED
from apologylab.remedy.wording import Wording
from apologylab.service.assign import assign
from apologylab.service.giving import GIVEN, Giving
from apologylab.service.preview_beside import said_beside
from apologylab.service.running import Running
from apologylab.service.samples import sample_values
from apologylab.service.start import phase_began

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from apologylab.design.arms import Arm
    from apologylab.design.experiment import Budget, Experiment
    from apologylab.design.routes import Format
    from apologylab.record.facts import Remedy
    from apologylab.remedy.fragments import Fragments
    from apologylab.remedy.letter import Letter
    from apologylab.service.assign import Answer
    from apologylab.service.ports import Ledger
    from apologylab.service.preview_beside import Beside

ADDRESSES: Final[Mapping[Format, str]] = {
    "email": "anna.lange@shop.example", "phone": "+37060000000", "any": "device-1",
}  # fmt: skip
"""Where a sample incident's customer can be reached, by what an address must be."""
PLENTY: Final = 10**15
"""Minor units of a preview's budget: no arm may close the next."""
PRICE: Final = 2_500
"""Minor units of what the failed order of a sample incident cost."""
ORDER: Final = "A-1042"
"""What that order is called."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One arm in one locale.

    Attributes:
        arm: its name, ``levels`` its factors' levels, ``called`` what the team calls it.
        probability: that it is drawn.
        locale: in which it speaks; of an arm that says nothing the one that was asked for.
        letter: what the first apology says; None if it says nothing.
        later: the texts of the second apology and those after it, where they differ.
        sender: who speaks, where the design says so.
        channel: through which it leaves.
        gives: what is given, such as ``usd5: coupon worth 5.00 USD``; None if nothing.
        due_at: when it leaves after the sample incident.
        shift_s: by how much quiet hours or a hold put it off.
        because: why the sample incident gets nothing, or why its text is missing; else empty.
    """

    arm: str
    levels: tuple[str, ...]
    called: str
    probability: float
    locale: str
    letter: Letter | None
    later: tuple[Letter, ...]
    sender: str | None
    channel: str
    gives: str | None
    due_at: datetime | None
    shift_s: int
    awaits: str | None
    because: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """All that an experiment would say and give to one sample incident."""

    experiment: Experiment
    fields: Mapping[str, object]
    at: datetime
    shown: tuple[Shown, ...]
    left_out: int
    """Arms of the factorial that are never drawn."""
    beside: tuple[Beside, ...] = ()
    """The survey and the notices of promises, in every locale."""

    def of(self, locale: str) -> tuple[Shown, ...]:
        """The arms in ``locale``, in the order of the design."""
        return tuple(each for each in self.shown if each.locale == locale)


def preview(
    ledger: Ledger,
    experiment: Experiment,
    fragments: Fragments,
    *,
    at: datetime,
    fields: Mapping[str, object] | None = None,
) -> Preview:
    """What every arm and locale gives to an incident at ``at`` with ``fields``.

    Args:
        ledger: a new one, thrown away afterwards.
        experiment: as it is on disk.
        fragments: its messages.
        at: when the incident happened and was heard of.
        fields: of the incident; what is left out is made up so that the incident is eligible.

    Raises:
        StateError: the experiment describes a file of finished outcomes.
        DeclarationError: a text is missing or wrong.
    """
    refuse_panel(experiment)
    sample = {**sample_fields(experiment, at), **(fields or {})}
    running = forced(experiment, fragments)
    begin(ledger, running, at)
    drawn = drawn_arms(experiment)
    cases = [(arm, locale) for locale in experiment.messages.locales for arm in drawn]
    incidents = [forced_incident(experiment, arm, locale, sample, at=at) for arm, locale in cases]
    answers = assign(ledger, running, incidents, now=at)
    weights = arm_weights(experiment, 1)
    shares = {arm: weight / sum(weights.values()) for arm, weight in weights.items()}
    return Preview(
        experiment=experiment,
        fields=sample,
        at=at,
        left_out=len(arms(experiment)) - len(drawn),
        beside=said_beside(running, sample),
        shown=tuple(
            _shown(running, arm, locale, answer, sample, shares.get(arm.name, 0.0))
            for (arm, locale), answer in zip(cases, answers, strict=True)
        ),
    )


def drawn_arms(experiment: Experiment) -> tuple[Arm, ...]:
    """The arms that some phase or override can give: a fractional design leaves others out."""
    reachable = Giving(experiment).reachable
    return tuple(arm for arm in arms(experiment) if arm.name in reachable)


def refuse_panel(experiment: Experiment) -> None:
    """Refuse what says and gives nothing.

    Raises:
        StateError: the experiment describes a file of finished outcomes.
    """
    if experiment.panel is not None:
        raise StateError(
            f"{experiment.name} describes a file of finished outcomes and says nothing",
            do="name an experiment that has arms of its own",
        )


def sample_fields(experiment: Experiment, at: datetime) -> dict[str, object]:
    """Fields of an incident that the experiment admits, with something in every placeholder."""
    incident = experiment.incident
    named = (each for each in experiment.messages.placeholders if each != GIVEN)
    found: dict[str, object] = sample_values(named)
    if incident is not None:
        found |= {name: values[0] for name, values in incident.where.items()}
        bounds = incident.severity
        if bounds is not None:
            low, high = bounds.at_least, bounds.at_most
            usual = found.get(bounds.field)
            fits = isinstance(usual, int) and (low or 0) <= usual <= (high or usual)
            found[bounds.field] = usual if fits else _plain(low if low is not None else high)
        found |= {incident.price: PRICE} if incident.price else {}
    priced = {each.of: PRICE for each in experiment.compensation.values() if each.of}
    markets = [market for each in experiment.compensation.values() for market in each.by_market]
    if experiment.markets is not None and markets:
        found[experiment.markets.field] = markets[0]
    addresses = {name: ADDRESSES[format_of(name)] for name in address_fields(experiment).values()}
    strata = dict.fromkeys(experiment.allocation.strata, "any")
    return {**strata, **found, **priced, **addresses, **_expected(experiment, at)}


def _expected(experiment: Experiment, at: datetime) -> dict[str, object]:
    """When a predicted failure is expected: as far ahead as every level of timing can wait."""
    moments = [each for each in experiment.timing.values() if each.after == "expected"]
    ahead = max((parse_duration(each.delay) for each in moments), default=timedelta())
    return {each.field: (at + 2 * ahead).isoformat() for each in moments if each.field}


def _plain(bound: float | None) -> float | None:
    """A bound as a person would type it: 10, not 10.0."""
    return int(bound) if bound is not None and bound.is_integer() else bound


def forced(experiment: Experiment, fragments: Fragments) -> Running:
    """``experiment`` as it would run, with a unit for each arm and locale, and money for all."""
    units = {
        unit_of(arm, locale): arm.name
        for arm in arms(experiment)
        for locale in experiment.messages.locales
    }
    alone = replace(
        experiment,
        overrides=units,
        budget=_roomy(experiment.budget) if experiment.budget else None,
        holdout=None,
        layer=None,
        eligibility=replace(experiment.eligibility, cooldown_days=None),
        unit="customer" if experiment.unit == "cluster" else experiment.unit,
        unit_id="exact",
        allocation=replace(experiment.allocation, cluster=None, entry=1.0, units_per_day=None),
    )
    return Running(alone, Assigner(alone), Wording(alone, fragments))


def _roomy(budget: Budget) -> Budget:
    """``budget`` with so much money that it keeps nobody out."""
    return replace(
        budget,
        total=Money(PLENTY, budget.total.currency),
        uses=None,
        approve_above=None,
        per_arm={},
        per_customer=None,
        per_period=None,
    )


def unit_of(arm: Arm, locale: str) -> str:
    """The customer, and the incident, that get ``arm`` in ``locale``."""
    return f"{arm.name}/{locale}"


def begin(ledger: Ledger, running: Running, at: datetime) -> None:
    """Open enrolment of a forced experiment in a ledger of its own."""
    with ledger.transaction(recorded_at=at) as work:
        work.append([phase_began(running.experiment, 1, at)])


def forced_incident(
    experiment: Experiment,
    arm: Arm,
    locale: str,
    fields: Mapping[str, object],
    *,
    at: datetime,
) -> Incident:
    """The incident that gets ``arm`` in ``locale``."""
    return Incident(
        key=unit_of(arm, locale),
        occurred_at=at,
        customer=unit_of(arm, locale),
        kind=experiment.incident.kind if experiment.incident else "incident",
        order=str(fields.get("order", ORDER)),
        fields={**fields, "locale": locale, "consent": "marketing", "fault": "company"},
    )


def _shown(
    running: Running,
    arm: Arm,
    locale: str,
    answer: Answer,
    fields: Mapping[str, object],
    share: float,
) -> Shown:
    remedy, experiment = answer.remedy, running.experiment
    told = answer.assignment.because if answer.assignment and remedy is None else answer.because
    return Shown(
        arm=arm.name,
        levels=tuple(arm.levels.values()),
        called=experiment.arms.names.get(arm.name, ""),
        probability=share,
        locale=locale,
        letter=answer.letter,
        later=tuple(_later(running, arm, locale, fields)) if answer.letter else (),
        sender=remedy.sender if remedy else None,
        channel=(remedy.channel if remedy else None) or experiment.delivery.channel,
        gives=_gives(experiment, remedy),
        due_at=remedy.due_at if remedy else None,
        shift_s=(remedy.shift_s or 0) if remedy else 0,
        awaits=remedy.awaits if remedy else None,
        because=told,
    )


def _later(
    running: Running, arm: Arm, locale: str, fields: Mapping[str, object]
) -> Iterator[Letter]:
    """The letters of later apologies, as far as they are written."""
    for nth in range(2, running.wording.texts() + 1):
        yield running.wording.text(arm.name, locale, fields, nth=nth).letter


def _gives(experiment: Experiment, remedy: Remedy | None) -> str | None:
    if remedy is None or remedy.compensation is None:
        return None
    names = remedy.compensation.split(JOINED)
    what = f"{remedy.compensation}: {' and '.join(_kind(experiment, each) for each in names)}"
    days = {each.expires_days for n in names if (each := experiment.compensation.get(n))}
    until = f", good for {max(filter(None, days))} days" if any(days) else ""
    if remedy.currency is None:
        return f"{what}{until}"
    return f"{what} worth {Money(remedy.amount, remedy.currency)}{until}"


def _kind(experiment: Experiment, name: str) -> str:
    """What sort of thing a compensation is, in words; of a choice its menu."""
    declared = experiment.compensation.get(name)
    if declared is None:
        return name
    if declared.menu:
        return f"the customer's choice ({', '.join(declared.menu)}), the dearest"
    return declared.kind.replace("_", " ")
