"""Rules about what is said, by whom and through what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apologylab.design.arms import CARRIERS, arm_name, cells, factor_kind
from apologylab.design.carriers import says
from apologylab.design.experiment import NONE
from apologylab.design.findings.arms import few_enough
from apologylab.design.findings.finding import Finding, Rule, at, each, readable
from apologylab.design.remedies import CHANNEL, SENDER, Said

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

ANY = "*"


def message_order(experiment: Experiment) -> Iterator[Finding]:
    """A declared order names each factor that has fragments, and no other."""
    order = experiment.messages.order
    if not order:
        return
    spoken = [factor for factor in experiment.factors if has_fragments(experiment, factor)]
    for path, factor in readable(order, "messages", "order"):
        if factor not in spoken:
            last = factor == SENDER and SENDER in experiment.factors
            yield Finding(
                path=path,
                value=factor,
                what="signs, so it is always last" if last else "is not a factor with fragments",
                do=f"name: {', '.join(spoken)}",
                related=("factors", "compensation"),
            )
    for factor in spoken:
        if factor not in order:
            yield Finding(
                path="messages.order",
                value=factor,
                what=f"leaves out the factor {factor}: its fragments would never be said",
                do=f'add "{factor}" where its fragment belongs, or delete the key',
                related=("factors", "compensation"),
            )


def has_fragments(experiment: Experiment, factor: str) -> bool:
    """Whether a factor says something by itself."""
    return factor not in CARRIERS and any(
        says(experiment, {factor: level}) for level in experiment.factors[factor]
    )


@each(lambda experiment: experiment.wording, "wording")
def said_by_a_factor(experiment: Experiment, path: str, said: Said) -> Iterator[Finding]:
    """What a level says belongs to a level of one factor that says something."""
    del said
    level = _named(path, experiment.wording, "wording")
    own = [
        factor
        for factor in experiment.factors
        if level in experiment.factors[factor] and factor_kind(experiment, factor) == "message"
    ]
    if level == NONE or len(own) != 1:
        many = f"is a level of {' and '.join(sorted(own))}"
        yield Finding(
            path=path,
            what="is the empty level" if level == NONE else many if own else _no_level(level),
            do="delete it" if level == NONE else "name it in one factor that says something",
            related=("factors", "compensation"),
        )


def _no_level(level: str) -> str:
    return f"describes what {level} says, which is a level of no factor that says something"


@each(lambda experiment: experiment.wording, "wording")
def promises_kept(experiment: Experiment, path: str, said: Said) -> Iterator[Finding]:
    """A promise part has somebody who keeps it, and the other way round."""
    del experiment
    promises = "promise" in said.parts
    if promises and said.promise is None:
        yield Finding(
            path=f"{path}.parts",
            value="promise",
            what="promises something, and nothing says what and who keeps it",
            do='add promise = { what = "...", keeper = "...", within = "14d" }, or drop the part',
            related=(f"{path}.promise",),
        )
    if said.promise is not None and not promises:
        yield Finding(
            path=f"{path}.promise",
            what="is a commitment that no part of the text makes",
            do='add "promise" to parts and to the text, or delete it',
            related=(f"{path}.parts",),
        )


@each(lambda experiment: experiment.wording, "wording")
def costs_of_parts(experiment: Experiment, path: str, said: Said) -> Iterator[Finding]:
    """Only a part that is said costs something."""
    del experiment
    for part in said.costs:
        if part not in said.parts:
            yield Finding(
                path=f"{path}.costs.{part}",
                value=said.costs[part],
                what=f"is the cost of {part}, which is not among the parts",
                do=f"name one of: {', '.join(said.parts)}",
                related=(f"{path}.parts",),
            )


def senders(experiment: Experiment) -> Iterator[Finding]:
    """Each level of the factor sender says who it is, and nobody else is described."""
    levels = [each for each in experiment.factors.get(SENDER, ()) if each != NONE]
    for level in levels:
        if level not in experiment.sender:
            yield Finding(
                path=at("factors", SENDER),
                value=level,
                what="does not say who it is",
                do=f'add [sender.{level}] with kind and name, like kind = "person"',
                related=("sender",),
            )
    for name in experiment.sender:
        if name not in levels:
            yield Finding(
                path=at("sender", name),
                what="is nobody whom a level of the factor sender names",
                do=f'add factors.sender = ["none", "{name}"], or delete it',
                related=("factors",),
            )


def carriers_give_nothing(experiment: Experiment) -> Iterator[Finding]:
    """Senders and channels are no compensation, and a channel is there."""
    for factor in (SENDER, CHANNEL):
        if factor not in experiment.factors:
            continue
        for path, level in readable(experiment.factors[factor], "factors", factor):
            if level in experiment.compensation:
                yield Finding(
                    path=path,
                    value=level,
                    what=f"is a compensation, and the factor {factor} gives nothing",
                    do="put it into a factor of its own",
                    related=("compensation",),
                )
            if factor == CHANNEL and level == NONE:
                yield Finding(
                    path=path,
                    value=level,
                    what="is no channel: what is said leaves through one",
                    do="delete it; for an arm without a message give every other factor none",
                )


def wordless_twins(experiment: Experiment) -> Iterator[Finding]:
    """Where nothing is said, nobody notices who says it or through what."""
    if not few_enough(experiment):
        return
    alike: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
    for cell in cells(experiment):
        if not says(experiment, cell):
            kept = tuple((f, level) for f, level in cell.items() if f not in (SENDER, CHANNEL))
            alike[kept].append(arm_name(cell))
    for names in alike.values():
        drawn = [name for name in names if _weight(experiment, name)]
        if len(drawn) > 1:
            yield Finding(
                path="allocation.weights",
                what=f"draws {' and '.join(drawn)}, which say nothing and give the same",
                do="give all but one of them weight 0",
                severity="warning",
                related=("factors", "compensation"),
            )


def _weight(experiment: Experiment, arm: str) -> int:
    declared = experiment.allocation.weights
    return 1 if isinstance(declared, str) else declared.get(arm, declared.get(ANY, 0))


def fallbacks(experiment: Experiment) -> Iterator[Finding]:
    """A locale falls back to one that has texts, and has none itself."""
    locales = experiment.messages.locales
    for path, chain in readable(experiment.messages.fallback, "messages", "fallback"):
        for number, locale in enumerate(chain):
            if locale not in locales:
                yield Finding(
                    path=f"{path}[{number}]",
                    value=locale,
                    what="has no texts",
                    do=f"name one of: {', '.join(locales)}; or add it to messages.locales",
                    related=("messages.locales",),
                )
    for locale in experiment.messages.fallback:
        if locale in locales:
            yield Finding(
                path=at("messages", "fallback", locale),
                what="has texts of its own, so it falls back to nothing",
                do="delete it",
                related=("messages.locales",),
            )


def _named(path: str, table: Any, *before: str) -> str:
    """The key of ``table`` that stands at ``path``."""
    return next(str(key) for key in table if at(*before, key) == path)


def levels_beside_later_texts(experiment: Experiment) -> Iterator[Finding]:
    """No level is called as the later text of another: ``basic.2``."""
    for factor in experiment.factors:
        levels = experiment.factors[factor]
        for path, level in readable(levels, "factors", factor):
            first, _, number = level.rpartition(".")
            if first in levels and number.isdigit():
                yield Finding(
                    path=path,
                    value=level,
                    what=f"is what the texts of the {number}th apology of {first} are called",
                    do="call it otherwise",
                    related=(at("factors", factor),),
                )


RULES: tuple[Rule, ...] = (
    levels_beside_later_texts,
    message_order,
    said_by_a_factor,
    promises_kept,
    costs_of_parts,
    senders,
    carriers_give_nothing,
    wordless_twins,
    fallbacks,
)
