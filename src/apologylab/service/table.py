"""A table of finished outcomes: which of its columns are read, and as what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apologylab.decision.value import VALUE, panel_value
from apologylab.design.arms import arms, weights
from apologylab.design.estimators import columns_of
from apologylab.design.subgroups import subgroup_columns
from apologylab.design.times import END
from apologylab.design.weeks import week_columns
from apologylab.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import Experiment


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is read of a table.

    Attributes:
        what: the table, as messages name it.
        arm: column of the arm.
        unit: column of the unit id, if there is one.
        cluster: column of what was drawn together, if rows were not drawn one by one.
        strata: column of the strata, if each was drawn by itself.
        outcomes: outcome -> its column.
        covariates: columns measured before the draw.
        levels: what the panel calls a subgroup -> its column and the level there.
        further: what the panel calls a time, what ended it, or a week of an outcome -> its column.
        arms: the arms there should be; None: those that the table has.
        worth: outcome -> money for one unit of it, and
        arm_cost: arm -> cost of one unit in it: the two parts of v, empty for no v.
    """

    what: str
    arm: str
    unit: str | None = None
    cluster: str | None = None
    strata: str | None = None
    outcomes: Mapping[str, str]
    covariates: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    further: Mapping[str, str] = field(default_factory=dict)
    arms: tuple[str, ...] | None = None
    worth: Mapping[str, float] = field(default_factory=dict)
    arm_cost: Mapping[str, float] = field(default_factory=dict)
    value: str | None = None

    @property
    def times(self) -> tuple[str, ...]:
        """What the panel calls the times to an event."""
        return tuple(name for name in self.further if f"{name}{END}" in self.further)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the table that are read."""
        ids = tuple(filter(None, (self.unit, self.cluster, self.strata)))
        every = (
            self.arm, *ids, *self.outcomes.values(), *self.covariates, *self.further.values(),
            *(column for column, _ in self.levels.values()),
        )  # fmt: skip
        return tuple(dict.fromkeys(every))


def wanted_of(experiment: Experiment, what: str) -> Wanted:
    """What a panel declaration reads of a table called ``what``.

    Raises:
        StateError: the declaration has no [panel].
    """
    panel = experiment.panel
    if panel is None:
        raise StateError(
            f"{experiment.name} declares no [panel]: its outcomes come from the ledger",
            do="leave out --panel, or declare the file's columns under [panel]",
        )
    value = panel_value(experiment)
    drawn = weights(experiment.allocation.weights, tuple(arm.name for arm in arms(experiment)))
    return Wanted(
        what=what,
        arm=panel.arm,
        unit=panel.unit,
        outcomes={each.name: each.column or each.name for each in experiment.outcomes},
        covariates=experiment.plan.covariates,
        levels=subgroup_columns(experiment.plan.subgroups),
        further=_further(experiment),
        arms=tuple(arm for arm, weight in drawn.items() if weight > 0),
        worth=value.worth if value else {},
        arm_cost=value.arm_cost if value else {},
        value=VALUE if value else None,
    )


def _further(experiment: Experiment) -> dict[str, str]:
    """The panel's columns of times and weeks -> the table's."""
    found = {each.name: each.column or each.name for each in experiment.times}
    found |= {f"{each.name}{END}": each.end or each.name for each in experiment.times}
    for outcome in experiment.outcomes:
        found |= dict(zip(week_columns(outcome), outcome.weeks, strict=True))
    outcomes = (each.name for each in experiment.outcomes)
    return found | columns_of(experiment.plan.estimators, (*outcomes, *experiment.plan.covariates))


def columns_needed(experiment: Experiment) -> str:
    """Which columns a file must have, in words.

    Raises:
        StateError: the declaration has no [panel].
    """
    wanted = wanted_of(experiment, experiment.name)
    unit = [f"{wanted.unit} (unit id)"] if wanted.unit else []
    outcomes = [f"{column} (outcome {name})" for name, column in wanted.outcomes.items()]
    covariates = [f"{name} (covariate)" for name in wanted.covariates]
    further = [f"{column} ({name})" for name, column in wanted.further.items()]
    return ", ".join([f"{wanted.arm} (arm)", *unit, *outcomes, *covariates, *further])
