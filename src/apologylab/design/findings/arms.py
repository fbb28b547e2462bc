"""Rules about factors, arms and how often each is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from math import prod
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from apologylab.design.arms import CARRIERS, REST, arm_name, cells, has_silence, weights
from apologylab.design.experiment import NONE, SILENCE, TIMING, PlannedPhase
from apologylab.design.findings.finding import Finding, Rule, Unreadable, at, each, readable

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

MOST_CELLS = 1_000
_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_ARMS_FROM = ("factors", "compensation")


def arm_names(experiment: Experiment) -> tuple[str, ...]:
    """Names of all arms, as :func:`apologylab.design.arms.arms` gives them, delays unread.

    Raises:
        Unreadable: a factor, or what tells its kind, could not be read, or the cells are too many.
    """
    if experiment.panel is not None:
        named = experiment.allocation.weights
        return () if isinstance(named, str) else tuple(name for name in named if name != REST)
    if _count(experiment) > MOST_CELLS:
        raise Unreadable
    silence = (SILENCE,) if has_silence(experiment) else ()
    return (*silence, *(arm_name(cell) for cell in cells(experiment)))


def arms_from(experiment: Experiment) -> tuple[str, ...]:
    """The paths that the arms' names follow from."""
    return ("allocation.weights",) if experiment.panel is not None else _ARMS_FROM


def few_enough(experiment: Experiment) -> bool:
    """Whether the cells can be looked at one by one."""
    return experiment.panel is None and _count(experiment) <= MOST_CELLS


def _count(experiment: Experiment) -> int:
    return prod(len(experiment.factors[factor]) for factor in experiment.factors)


def has_factors(experiment: Experiment) -> Iterator[Finding]:
    """Something is said or given."""
    if experiment.panel is None and not set(experiment.factors) - set(CARRIERS):
        yield Finding(
            path="factors",
            what="nothing is said or given",
            do='add a factor, like wording = ["none", "sorry"]',
        )


def few_cells(experiment: Experiment) -> Iterator[Finding]:
    """The factorial is small enough to be drawn and read."""
    if _count(experiment) > MOST_CELLS:
        yield Finding(
            path="factors",
            what=f"give {_count(experiment):,} arms",
            do=f"drop levels: at most {MOST_CELLS:,} arms",
        )


@each(lambda experiment: experiment.factors, "factors")
def level_names(experiment: Experiment, path: str, levels: Any) -> Iterator[Finding]:
    """A level is not called as the silent arm is."""
    del experiment
    for place, level in readable(levels):
        if level == SILENCE:
            yield Finding(
                path=path + place,
                value=level,
                what="is the name of the arm in which nothing is said or given",
                do='write "none" for the empty level; the silent arm follows from it',
            )


@each(lambda experiment: experiment.factors, "factors")
def factor_mixes(experiment: Experiment, path: str, levels: Any) -> Iterator[Finding]:
    """A factor varies what is said or what is given, not both."""
    given = [level for level in levels if level in experiment.compensation]
    for place, level in readable(levels):
        if given and level not in given and level != NONE:
            yield Finding(
                path=path + place,
                value=level,
                what=f"is no compensation, but its factor gives {', '.join(given)}",
                do=f"declare [compensation.{level}], or put it into a factor of its own",
                related=("compensation", path),
            )


def reference_is_an_arm(experiment: Experiment) -> Iterator[Finding]:
    """The reference is one of the arms."""
    reference, names = experiment.arms.reference, arm_names(experiment)
    if reference in names:
        return
    silent = reference == SILENCE and experiment.panel is None
    yield Finding(
        path="arms.reference",
        value=reference,
        what="no cell is silent: some factor lacks the level none" if silent else "is not an arm",
        do='add "none" to every factor but timing' if silent else _one_of(names),
        related=arms_from(experiment),
    )
    if experiment.panel is not None:
        yield spelt_apart(reference, names, "arms.reference")


def spelt_apart(name: str, names: tuple[str, ...], path: str) -> Finding:
    """The weight that should be called as the arm at ``path`` is, in a file's declaration."""
    near = [other for other in names if _one_slip(name, other)]
    return Finding(
        path=at("allocation", "weights", near[0] if near else name),
        value=near[0] if near else None,
        what=f"is spelt {name!r} in {path}" if near else f"is missing, but {path} names it",
        do="spell both as the file does" if near else "add it with its weight",
        related=(path,),
    )


def _one_slip(one: str, other: str) -> bool:
    """Whether at most one character is added, dropped or changed."""
    alike = sum(block.size for block in SequenceMatcher(None, one, other).get_matching_blocks())
    return alike >= max(len(one), len(other)) - 1


def _one_of(names: tuple[str, ...]) -> str:
    listed = ", ".join(names[:12])
    return f"name one of: {listed}{', ...' if len(names) > 12 else ''}"


def reference_is_drawn(experiment: Experiment) -> Iterator[Finding]:
    """The reference has units."""
    declared, reference = experiment.allocation.weights, experiment.arms.reference
    names = arm_names(experiment)
    drawn = weights(declared, names)
    if any(drawn.values()) and drawn.get(reference) == 0:
        named = not isinstance(declared, str) and reference in declared
        yield Finding(
            path=at("allocation", "weights", reference if named else REST),
            value=0,
            what=f"the reference {reference} is never drawn, so nothing can be compared with it",
            do="give it a weight above 0",
            related=("arms.reference", *arms_from(experiment)),
        )


def named_arms(experiment: Experiment) -> Iterator[Finding]:
    """Names are given to arms that there are, each its own."""
    names = arm_names(experiment)
    yield from _unknown(experiment.arms.names, names, experiment, "arms", "names")
    told: list[object] = []
    for path, name in readable(experiment.arms.names, "arms", "names"):
        if name in told:
            yield Finding(
                path=path, value=name, what="names two arms", do="call them apart",
                related=("arms.names",),
            )  # fmt: skip
        told.append(name)


def _unknown(
    table: Mapping[str, object], names: tuple[str, ...], experiment: Experiment, *path: str | int
) -> Iterator[Finding]:
    for name in table:
        if name not in names and name != REST:
            yield Finding(
                path=at(*path, name),
                value=name,
                what=_not_an_arm(name, experiment),
                do=_one_of(names),
                related=arms_from(experiment),
            )


def _not_an_arm(name: str, experiment: Experiment) -> str:
    """Names the part that no factor has, where there is one."""
    levels = {level for factor in experiment.factors for level in experiment.factors[factor]}
    strange = [part for part in name.replace("@", "+").split("+") if part not in levels]
    if experiment.panel is None and strange and strange != [name]:
        return f"is not an arm: no factor has the level {strange[0]!r}"
    return "is not an arm"


def weights_name_arms(experiment: Experiment) -> Iterator[Finding]:
    """Weights are given to arms that there are."""
    declared = experiment.allocation.weights
    if experiment.panel is None and not isinstance(declared, str):
        yield from _unknown(declared, arm_names(experiment), experiment, "allocation", "weights")


def weights_draw(experiment: Experiment) -> Iterator[Finding]:
    """At least two arms are drawn."""
    names = arm_names(experiment)
    if set(names) - {SILENCE}:
        yield from _drawn(experiment.allocation.weights, names, "allocation.weights", experiment)


def _drawn(
    declared: Any, names: tuple[str, ...], path: str, experiment: Experiment
) -> Iterator[Finding]:
    drawn = sum(weight > 0 for weight in weights(declared, names).values())
    if drawn < 2:
        yield Finding(
            path=path,
            what="all weights are zero" if not drawn else "only one arm is drawn",
            do="give the reference and at least one other arm a weight above 0",
            related=arms_from(experiment),
        )


def panel_names_arms(experiment: Experiment) -> Iterator[Finding]:
    """A file's arms are named by their weights."""
    if experiment.panel is None:
        return
    declared = experiment.allocation.weights
    if isinstance(declared, str) or REST in declared:
        yield Finding(
            path="allocation.weights" if isinstance(declared, str) else 'allocation.weights."*"',
            value=declared if isinstance(declared, str) else None,
            what="does not say which arms the file has",
            do='name each, like weights = { "No E-Mail" = 1, "Mens E-Mail" = 1 }',
        )


@each(lambda experiment: experiment.allocation.phases, "allocation", "phases")
def later_phases(experiment: Experiment, path: str, phase: PlannedPhase) -> Iterator[Finding]:
    """A later phase draws arms that there are."""
    if experiment.panel is not None:
        return
    names = arm_names(experiment)
    for found in _drawn(phase.weights, names, f"{path}.weights", experiment):
        yield found
    if not isinstance(phase.weights, str):
        for found in _unknown(phase.weights, names, experiment, "weights"):
            yield Finding(
                path=f"{path}.{found.path}", value=found.value, what=found.what, do=found.do,
                related=found.related,
            )  # fmt: skip


def shadow_delays(experiment: Experiment) -> Iterator[Finding]:
    """The shadow delays of silence are levels of timing, one of them with a weight (R10)."""
    declared = experiment.allocation.timing
    if not declared:
        return
    levels = experiment.factors.get(TIMING, ())
    for level in declared:
        if level not in levels:
            yield Finding(
                path=at("allocation", "timing", level),
                value=level,
                what="is not a level of timing",
                do=f"name one of: {', '.join(levels) or 'none, there is no timing factor'}",
                related=("factors",),
            )
    if not any(declared[level] for level in declared):
        yield Finding(
            path="allocation.timing", what="all weights are zero", do="give one a weight above 0"
        )


def overrides_name_arms(experiment: Experiment) -> Iterator[Finding]:
    """QA is sent to arms that there are."""
    if not experiment.overrides:
        return
    names = arm_names(experiment)
    for path, arm in readable(experiment.overrides, "overrides"):
        if arm not in names:
            yield Finding(
                path=path, value=arm, what="is not an arm", do=_one_of(names),
                related=arms_from(experiment),
            )  # fmt: skip


def overrides_are_apart(experiment: Experiment) -> Iterator[Finding]:
    """Two spellings of one unit id are not sent to two arms (R8)."""
    told: dict[str, str] = {}
    for unit in experiment.overrides:
        meant = unit if experiment.unit_id == "exact" else normalize("NFC", unit)
        if experiment.unit_id == "nfc_ascii_lower":
            meant = meant.translate(_ASCII_LOWER)
        if meant in told:
            yield Finding(
                path=at("overrides", unit),
                value=unit,
                what=f"is the same unit as {told[meant]!r} (unit_id = {experiment.unit_id!r})",
                do="keep one of the two",
                related=("unit_id", at("overrides", told[meant])),
            )
        told[meant] = unit


RULES: tuple[Rule, ...] = (
    has_factors,
    few_cells,
    level_names,
    factor_mixes,
    panel_names_arms,
    reference_is_an_arm,
    reference_is_drawn,
    named_arms,
    weights_name_arms,
    weights_draw,
    later_phases,
    shadow_delays,
    overrides_name_arms,
    overrides_are_apart,
)
