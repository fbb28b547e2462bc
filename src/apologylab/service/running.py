"""A started experiment, as ``assign`` and ``dispatch`` need it: pinned and compiled (R6)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from apologylab.assignment.assigner import Assigner
from apologylab.assignment.clusters import cluster_of
from apologylab.assignment.eligibility import FAULT
from apologylab.design.carriers import carried
from apologylab.design.experiment import SILENCE
from apologylab.design.fingerprint import fingerprint
from apologylab.design.follow_ups import NOTICE, SURVEY, promises, purposes, queue_name
from apologylab.design.remedies import OWN_COLUMNS
from apologylab.design.routes import address_fields, channels, format_of, wrong_address
from apologylab.errors import NotFoundError, StateError
from apologylab.record.facts import Closed, Halted, PhaseBegan, Started
from apologylab.remedy.amounts import CURRENCY
from apologylab.remedy.timing import Timing
from apologylab.remedy.wording import Wording
from apologylab.service.giving import Giving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from apologylab.assignment.assignment import Assignment as Proposal
    from apologylab.design.carriers import Carried
    from apologylab.design.experiment import Experiment
    from apologylab.design.follow_ups import Purpose
    from apologylab.design.remedies import Promise
    from apologylab.design.routes import Format
    from apologylab.record.facts import Assignment, Incident
    from apologylab.remedy.compensation import Given
    from apologylab.remedy.timing import Scheduled
    from apologylab.service.ports import Ledger, Transaction


@dataclass(frozen=True)
class Running:
    """One started experiment with the messages that it pinned.

    ``known_as`` makes pseudonyms of customers' ids; None where they stay in clear (R8).
    ``before`` reads the declarations of earlier versions, by version: what these drew may wait yet.
    """

    experiment: Experiment
    assigner: Assigner
    wording: Wording
    known_as: Callable[[str], str] | None = None
    purpose: Purpose = "remedy"
    before: Mapping[int, Callable[[], Experiment]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.experiment.name

    @property
    def queue(self) -> str:
        """The queue that is dispatched: its remedies', or that of what is sent beside them."""
        return queue_name(self.name, self.purpose)

    def beside(self) -> list[Running]:
        """The same experiment, once for each purpose of what is sent beside its remedies.

        What an earlier version pinned may wait, whether this one still sends such or not.
        """
        only = self.experiment.version == 1
        found = purposes(self.experiment) if only else (SURVEY, NOTICE)
        return [replace(self, purpose=each) for each in found]

    @cached_property
    def earlier(self) -> Mapping[int, Experiment]:
        """Version -> its declaration, of those before this one, the latest first."""
        return {version: self.before[version]() for version in sorted(self.before, reverse=True)}

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Every channel that what waits can leave through, its own before those of earlier ones."""
        ours = [each for each in self.earlier.values() if each.delivery.by != "caller"]
        found = [name for each in (self.experiment, *ours) for name in channels(each)]
        return tuple(dict.fromkeys(found))

    def unit(self, incident: Incident) -> str | None:
        """What is randomised by ``incident``; None where it names no cluster."""
        experiment = self.experiment
        named = experiment.allocation.cluster
        if experiment.unit == "customer":
            return incident.customer
        if experiment.unit == "incident" or named is None:
            return incident.key
        return cluster_of(incident.fields, incident.cause, named=named, rule=experiment.unit_id)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of incident that it answers: its own, and those under ``[never]`` (R17)."""
        incident, never = self.experiment.incident, self.experiment.never
        own = (incident.kind,) if incident else ()
        return tuple(dict.fromkeys((*own, *(never.incidents if never else ()))))

    @cached_property
    def giving(self) -> Giving:
        """What its arms give."""
        return Giving(self.experiment)

    @cached_property
    def promises(self) -> Mapping[str, tuple[tuple[str, Promise], ...]]:
        """Arm -> the levels of it that promise something, each with its promise."""
        return promises(self.experiment)

    @cached_property
    def timing(self) -> Timing:
        """When its remedies are due."""
        return Timing(self.experiment)

    def scheduled(
        self, drawn: Proposal | Assignment, incident: Incident, now: datetime
    ) -> Scheduled:
        """When what was ``drawn`` for an incident is due, judged ``now``."""
        return self.timing.schedule(
            drawn.timing,
            drawn.delay_s,
            occurred_at=incident.occurred_at,
            fields=incident.fields,
            now=now,
        )

    @cached_property
    def carried(self) -> Mapping[str, Carried]:
        """Arm -> who speaks in it, through which channel."""
        return carried(self.experiment)

    def leaves_through(self, arm: str) -> str | None:
        """The channel of an arm's remedies, whatever a later version says of it (R6).

        None of silence, and of what its caller delivers unless a factor names one.
        """
        named, delivery = self.carried[arm].channel, self.experiment.delivery
        ours = arm != SILENCE and delivery.by == "apologylab"
        return named or (delivery.channel if ours else None)

    @property
    def gives(self) -> Mapping[str, Given | None]:
        """Arm -> what it gives."""
        return self.giving.by_arm

    @property
    def dearest(self) -> int:
        """Minor units of the dearest arm that can be given (R5)."""
        return self.giving.dearest

    @cached_property
    def exclude(self) -> tuple[str, ...]:
        """The flags that keep an incident out."""
        return self.experiment.eligibility.exclude

    def fills(self, incident: Incident) -> Mapping[str, object]:
        """What its placeholders are filled with: its fields, and its own columns, which win."""
        own = {name: getattr(incident, name) for name in self._own}
        said = {name: value for name, value in own.items() if value is not None}
        return {**incident.fields, **said} if said else incident.fields

    @cached_property
    def _own(self) -> tuple[str, ...]:
        """The incident's own columns that a text may say."""
        declared = self.experiment.messages.placeholders
        return tuple(name for name in OWN_COLUMNS if name in declared)

    @cached_property
    def only_said(self) -> frozenset[str]:
        """Names and addresses, which no rule reads: they go into texts, not the fact (R21)."""
        said = {*self.experiment.messages.placeholders, *self.addresses.values()}
        return frozenset(said) - self.judged

    @cached_property
    def addresses(self) -> Mapping[str, str]:
        """Channel -> the incident's field with the customer's address on it, where it has one."""
        return address_fields(self.experiment)

    @cached_property
    def _formats(self) -> Mapping[str, Format]:
        """Field of an address -> what it must be."""
        return {name: format_of(name) for name in self.addresses.values()}

    def unreachable(self, fields: Mapping[str, object]) -> str | None:
        """Why some arm could not reach the customer, or None; the same for every arm (R4)."""
        for name, form in self._formats.items():
            if why := wrong_address(fields.get(name), form):
                return f"delivery.address: {name} {why}"
        return None

    @cached_property
    def judged(self) -> frozenset[str]:
        """The incident's fields that a rule or the allocation reads; they stay in the fact."""
        incident, allocation = self.experiment.incident, self.experiment.allocation
        judged = {"consent", *self.exclude, *allocation.strata}
        judged |= {allocation.cluster} if allocation.cluster else set()
        judged |= set(incident.where) if incident else set()
        if incident and incident.fault:
            judged.add(FAULT)
        if incident and incident.severity:
            judged.add(incident.severity.field)
        return frozenset(judged | self._priced | self.timing.fields)

    @cached_property
    def _priced(self) -> set[str]:
        """The incident's fields that say what is given, and what it is a share of."""
        experiment = self.experiment
        incident, markets = experiment.incident, experiment.markets
        named = {each.of for each in experiment.compensation.values()}
        named |= {incident.price if incident else None, markets.field if markets else None}
        priced = {name for name in named if name is not None}
        return priced | {CURRENCY} if priced else priced


def load(ledger: Ledger, experiment: Experiment) -> Running:
    """The running ``experiment``, whose declaration must be the one that was started.

    Raises:
        StateError: it was never started, or was edited since.
    """
    begun = list(ledger.read(Started, experiment=experiment.name))
    if not begun:
        raise StateError(
            f"{experiment.name} is not started", do=f"run `apologylab start {experiment.name}`"
        )
    refuse_edited(experiment, begun[-1])
    return _running(experiment, begun[-1])


def pinned(
    ledger: Ledger,
    read: Callable[[str], Experiment],
    names: Iterable[str] | None = None,
    known: Iterable[Running] = (),
    *,
    known_as: Callable[[str], str] | None = None,
) -> list[Running]:
    """The latest started version of each of ``names``, by default of every experiment.

    The declarations are those that ``start`` pinned, so an edited file disturbs nothing. Those
    that are ``known`` are not read again. ``known_as`` makes pseudonyms of ids (R8).

    Raises:
        NotFoundError: one of ``names`` is not started.
    """
    started = defaultdict[str, list[Started]](list)
    for each in ledger.read(Started):
        started[each.experiment].append(each)
    wanted = sorted(started) if names is None else list(names)
    if unknown := [name for name in wanted if name not in started]:
        raise NotFoundError(
            f"{', '.join(unknown)} is not started in this ledger",
            do=f"run `apologylab start {unknown[0]}`",
        )
    kept = {(each.name, each.experiment.version): each for each in known}
    return [
        kept.get((name, started[name][-1].version)) or _latest(started[name], read, known_as)
        for name in wanted
    ]


def _latest(
    begun: Sequence[Started],
    read: Callable[[str], Experiment],
    known_as: Callable[[str], str] | None,
) -> Running:
    """The last of the versions ``begun``, which knows of those before it."""
    *before, last = begun
    found = _running(read(last.declaration), last, known_as)
    return replace(found, before={each.version: partial(read, each.declaration) for each in before})


def _running(
    experiment: Experiment, begun: Started, known_as: Callable[[str], str] | None = None
) -> Running:
    messages = pinned_messages(begun)
    return Running(experiment, Assigner(experiment), Wording(experiment, messages), known_as)


def pinned_messages(begun: Started) -> dict[tuple[str, str, str], str]:
    """What ``start`` pinned of the messages, by factor, level and locale."""
    return {unpin_place(place): str(source) for place, source in begun.messages.items()}


def refuse_edited(experiment: Experiment, pinned: Started) -> None:
    """Refuse a declaration that is not the one that ``pinned`` holds (R6)."""
    if (experiment.version, fingerprint(experiment)) == (pinned.version, pinned.fingerprint):
        return
    if experiment.version > pinned.version:
        raise StateError(
            f"version {experiment.version} of {experiment.name} is not started",
            do=f"run `apologylab start {experiment.name}`",
        )
    raise StateError(
        f"{experiment.name} version {pinned.version} runs and its declaration was edited",
        do=f"undo the edit, or raise `version` to {pinned.version + 1} and start it",
    )


def pin_place(key: tuple[str, str, str]) -> str:
    """A fragment's key as one text.

    >>> pin_place(("wording", "basic.2", "en"))
    'wording/basic.2/en'
    """
    return "/".join(key)


def unpin_place(text: str) -> tuple[str, str, str]:
    """The key that :func:`pin_place` wrote; names hold no slash."""
    factor, level, locale = text.split("/")
    return factor, level, locale


def closing(name: str, version: int, phase: int, because: str, now: datetime) -> Closed:
    """The fact that a phase enrols no more."""
    return Closed(
        key=f"{name}/{version}/{phase}",
        occurred_at=now,
        experiment=name,
        version=version,
        phase=phase,
        because=because,
    )


DRAIN: Final = "drain"
KILL: Final = "kill"
"""How a version is ended by hand beyond closing enrolment, the stronger last (R5)."""


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """Which phase runs, why no new units are enrolled in it, and whether it was ended beyond that.

    ``closed`` keeps out new units; those enrolled keep their sticky repeats as far as the budget
    goes. ``halted`` is drain (nothing is drawn for anybody) or kill (and nothing leaves any more).
    ``latest`` is the version that was started last.
    """

    phase: int
    closed: str | None
    halted: str | None = None
    latest: int = 0


def enrolment(work: Transaction, name: str, version: int) -> Enrolment:
    """The phase that runs now; hold the lock of the experiment's name, so that it stays so.

    Raises:
        StateError: the experiment's version was not started.
    """
    begun = work.find_among(PhaseBegan, "experiment", [name])
    phase = max((fact.phase for fact in begun if fact.version == version), default=0)
    if not phase:
        raise StateError(f"{name} is not started", do=f"run `apologylab start {name}`")
    closes = work.find_among(Closed, "experiment", [name])
    closed = [each.because for each in closes if (each.version, each.phase) == (version, phase)]
    halts = work.find_among(Halted, "experiment", [name])
    halted = {each.how: each.because for each in halts if each.version == version}
    how = KILL if KILL in halted else DRAIN if DRAIN in halted else None
    return Enrolment(
        phase=phase,
        closed=halted[how] if how else closed[0] if closed else None,
        halted=how,
        latest=max(fact.version for fact in begun),
    )
