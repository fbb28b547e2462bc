"""What it costs us to say and to give what an arm does, by cost channel.

An apology counts when its recipient understands that it cost something: money; status, for we say
that we were wrong; commitment, which makes the next failure dearer; or a person's time (Halperin,
Ho, List and Muir 2019). The sets of levels by channel are named in contrasts as ``cost=status``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, get_args

from apologylab.design.arms import arms
from apologylab.design.carriers import says
from apologylab.design.experiment import NONE
from apologylab.design.remedies import COSTS, CostChannel

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.design.money import Money
    from apologylab.design.remedies import Said

Costs = Mapping[str, Mapping[str, frozenset[str]]]
"""Factor -> level -> its cost channels."""
COST: Final = "cost"
"""What a contrast calls the sets."""
FREE: Final = "none"
CHANNELS: Final[tuple[str, ...]] = get_args(CostChannel)


def part_costs(said: Said) -> Mapping[str, str]:
    """Part -> its cost channel, as declared or as usual.

    >>> from apologylab.design.remedies import Said
    >>> part_costs(Said(parts=("regret", "promise")))
    {'regret': 'none', 'promise': 'commitment'}
    """
    return {part: said.costs.get(part, COSTS.get(part, FREE)) for part in said.parts}


def level_costs(experiment: Experiment, level: str) -> frozenset[str]:
    """The channels through which a level costs something; empty for one that is free."""
    costs: set[str] = set()
    if level in experiment.compensation:
        costs.add(experiment.compensation[level].cost)
    if level in experiment.wording:
        said = experiment.wording[level]
        costs |= set(part_costs(said).values()) | ({"effort"} if said.effort else set())
    return frozenset(costs - {FREE})


def factor_costs(experiment: Experiment) -> dict[str, dict[str, frozenset[str]]]:
    """Factor -> level -> its cost channels, of the factors that have a costly level."""
    found = {
        factor: {level: level_costs(experiment, level) for level in levels}
        for factor, levels in experiment.factors.items()
    }
    return {factor: levels for factor, levels in found.items() if any(levels.values())}


def effort(experiment: Experiment) -> dict[str, float]:
    """Arm -> what a person's time for one message costs, of the arms that take any."""
    found = {
        arm.name: sum(
            float(worth) for level in arm.levels.values() if (worth := _effort(experiment, level))
        )
        for arm in arms(experiment)
    }
    return {arm: worth for arm, worth in found.items() if worth}


def _effort(experiment: Experiment, level: str) -> Money | None:
    said = experiment.wording.get(level) if level != NONE else None
    return said.effort if said else None


def silent_givers(experiment: Experiment) -> tuple[str, ...]:
    """The arms that give something and say nothing: no message of theirs costs anything."""
    return tuple(
        arm.name
        for arm in arms(experiment)
        if any(level in experiment.compensation for level in arm.levels.values())
        and not says(experiment, arm.levels)
    )
