"""What is asked of a panel: outcomes, contrasts, estimators, and how the arms were drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from apologylab.design.estimators import ESTIMATORS, parse_estimator, refuse_misfit
from apologylab.design.plan import Adjust
from apologylab.errors import InputError
from apologylab.inference.scheme_checks import Drawing
from apologylab.inference.times import Lasting

if TYPE_CHECKING:
    from apologylab.design.contrasts import Contrast
    from apologylab.design.layout import Layout
    from apologylab.inference.sequential.watch import Watch

ContrastKind = Literal["arm", "factor", "contrast", "mean"]
DESCRIPTIVE = "descriptive"
FAMILIES: Mapping[ContrastKind, str] = {
    "arm": "arms against the reference",
    "factor": "main effects of factors",
    "contrast": "named contrasts",
    "mean": "means of levels",
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One outcome as it is reported: its column, its role in the plan, its unit of measure.

    ``weeks`` are columns of the same measure in each week since the incident, if there are any.
    """

    name: str
    role: str
    unit: str
    lower_is_better: bool = False
    weeks: tuple[str, ...] = ()


class Returns(NamedTuple):
    """The outcomes that tell one visit from a customer won back (R37)."""

    first: str
    full_price: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a panel.

    Attributes:
        outcomes: what is compared; ``name`` is the panel's column.
        arm_contrasts: arms against the reference. Each of the three kinds is a family of its own.
        factor_contrasts: main effects.
        named_contrasts: the plan's own.
        weights: phase -> arm -> planned integer weight, of the phases that enrolled. An arm with
            weight 0 in one of them is refused.
        assigned: arm -> units randomised to it, whether or not they are mature.
        covariates: columns measured before the draw, for Lin's adjustment.
        estimators: the one that leads first, as :mod:`apologylab.design.estimators` spells them.
        alpha: of each family, and of each pointwise interval.
        missing: what is done of an outcome that some units lack, see the plan's key.
        adjust: how the p-values of a family are adjusted.
        seed: of the draws, where the adjustment resamples.
        look: the number of this look (R31); 0 where the experiment has ended.
        watch: the plan of looks (R31), under which intervals and p hold at all of them; None: one
            reading, at the end.
        drawing: how the arms were drawn, which the sample-ratio checks follow (R3).
        layout: the factors that the arms combine; None where they are not known.
        superiority: outcome -> by how much more than this it is to be better.
        equivalence: outcome -> within how much it is to be the same.
        returns: the outcomes that tell one visit from a customer won back.
        times: times to an event, for the estimators of survival.
        subgroups: field known before the draw -> its levels, each a column ``field=level``.

    Raises:
        InputError: no outcome, an estimator that does not fit the scheme or lacks covariates, a
            column with two parts to play, an unknown word for adjust, or an alpha that is no error
            rate.
    """

    outcomes: tuple[Measured, ...]
    arm_contrasts: tuple[Contrast, ...]
    factor_contrasts: tuple[Contrast, ...] = ()
    named_contrasts: tuple[Contrast, ...] = ()
    weights: Mapping[int, Mapping[str, int]]
    assigned: Mapping[str, int]
    covariates: tuple[str, ...] = ()
    estimators: tuple[str, ...] = ("difference_in_means",)
    alpha: float = 0.05
    missing: Literal["left_out", "as_outcome", "refuse"] = "left_out"
    adjust: Adjust = "holm"
    seed: int = 1
    look: int = 0
    drawing: Drawing = field(default_factory=Drawing)
    layout: Layout | None = None
    superiority: Mapping[str, float] = field(default_factory=dict)
    equivalence: Mapping[str, float] = field(default_factory=dict)
    returns: Returns | None = None
    times: tuple[Lasting, ...] = ()
    subgroups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watch: Watch | None = None

    def __post_init__(self) -> None:
        for text in self.estimators:
            asked = parse_estimator(text, ESTIMATORS)
            refuse_misfit(asked, self.drawing.scheme, covariates=bool(self.covariates))
        if not self.outcomes:
            raise InputError("no outcome was asked for", do="name at least one")
        columns = (*(outcome.name for outcome in self.outcomes), *self.covariates)
        if twice := sorted({name for name in columns if columns.count(name) > 1}):
            raise InputError(
                f"{', '.join(twice)} is asked for twice",
                do="give each column one part: an outcome, or a covariate measured before the draw",
            )
        if self.adjust not in get_args(Adjust):
            raise InputError(
                f"adjust is {self.adjust!r}", do=f"write one of: {', '.join(get_args(Adjust))}"
            )
        if not 0 < self.alpha < 1:
            raise InputError(f"alpha is {self.alpha}", do="give an error rate, such as 0.05")

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that some phase names, in their order."""
        return tuple(dict.fromkeys(arm for phase in self.weights.values() for arm in phase))

    @property
    def leading(self) -> str:
        """The first estimator that gives arm means of the outcome itself, in its unit; or none."""
        named = ((text, text.partition("(")[0]) for text in self.estimators)
        return next((text for text, name in named if ESTIMATORS[name].decides), "")

    @property
    def contrasts(self) -> tuple[tuple[ContrastKind, Contrast], ...]:
        """All contrasts with their kinds."""
        return (
            *(("arm", contrast) for contrast in self.arm_contrasts),
            *(("factor", contrast) for contrast in self.factor_contrasts),
            *(("contrast" if each.order else "mean", each) for each in self.named_contrasts),
        )
