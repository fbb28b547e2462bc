"""Everything that a panel answers: checks, estimates, refusals and what is said of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apologylab.design.contrasts import alias_notes
from apologylab.design.estimators import ESTIMATORS
from apologylab.design.layout import table_layout
from apologylab.inference.known import lost_of, over_the_known, unmeasured
from apologylab.inference.many.words import without_proof
from apologylab.inference.moments import cell_means, cell_scatters
from apologylab.inference.plan import estimates, fit
from apologylab.inference.readings import Readings
from apologylab.inference.results import Analysis, ArmFlow
from apologylab.inference.won_back import return_words
from apologylab.service.checks import (
    CAUSE,
    at_any_time,
    at_assignment,
    by_phase,
    checks,
    has_outcome,
    of_source,
    over_phases,
    replayed,
    warnings,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from apologylab.inference.moments import Moments
    from apologylab.inference.plan import Fits
    from apologylab.inference.question import Question
    from apologylab.inference.replay import Replays
    from apologylab.inference.results import Estimate
    from apologylab.inference.scheme_checks import Scheme
    from apologylab.service.ports import ByPhase, Flow, Panel

AGENT = "agent"
"""The panel's column of who answered for us."""
UNWEIGHED = "no sample-ratio check: the planned weights of the arms were not given"
ERRORS: Mapping[Scheme, str] = {
    "blocks": "permuted blocks: errors are between blocks, too large by what effects differ among "
    "them (Imai 2008; Pashley and Miratrix 2021)",
    "minimisation": "minimisation: errors are Neyman's without the balanced fields, too large "
    "where these foretell the outcome (Shao, Yu and Zhong 2010; Ma, Hu and Zhang 2015)",
    "clusters": "clusters: errors are between clusters (Bell and McCaffrey 2002); they do not "
    "trust a few large clusters with many degrees of freedom",
}
"""What an analysis says of its errors."""
WITHHELD = (
    "contrasts are withheld until {when}: looking at them before then makes chance findings "
    "likelier than the plan says. --unplanned shows them and says so for ever"
)


@dataclass(frozen=True, kw_only=True)
class About:
    """What an analysis says of itself."""

    experiment: str
    version: int = 1
    fingerprint: str = ""
    as_of: datetime
    simulated: bool = False


def conclude(
    panel: Panel,
    asked: Question,
    head: About,
    *,
    weighed: bool = True,
    replays: Replays | None = None,
) -> Analysis:
    """Everything that the panel answers; ``weighed`` is False where no allocation is declared."""
    asked = _for_further_causes(panel, asked)
    if asked.drawing.scheme == "minimisation":
        asked = replace(asked, drawing=replace(asked.drawing, order=panel.flow().order))
    fits = fit(panel.source, asked)
    flow = panel.flow()
    asked = replace(asked, assigned=over_phases(flow.assigned))
    found, refusals = estimates(fits, asked)
    known = {name: each for name, each in has_outcome(fits).items() if name in flow.mature}
    found = over_the_known(found, {n: lost_of(flow.mature[n], each) for n, each in known.items()})
    on = asked.layout or table_layout({arm: {} for arm in asked.arms})
    return replace(
        _empty(asked, head),
        checks=(
            *checks(asked, flow, fits, weighed=weighed),
            *of_source(panel, asked, fits),
            *replayed(panel, asked, replays),
        ),
        estimates=found,
        refusals=refusals,
        flow=_arm_flow(asked, flow, fits.moments[asked.outcomes[0].name]),
        notes=(*_notes(panel, asked, fits, known, weighed=weighed), *alias_notes(on)),
        means=_means(asked, fits.moments, shown=_shown(found)),
        words=return_words(found, asked),
        readings=Readings(question=asked, fits=fits, layout=on),
    )


def _notes(
    panel: Panel, asked: Question, fits: Fits, known: Mapping[str, ByPhase], *, weighed: bool
) -> tuple[str, ...]:
    """What is said beside the numbers; ``known`` are the units that have each outcome."""
    flow = panel.flow()
    return (
        *warnings(panel, asked, fits),
        *flow.notes,
        *(each for name in known for each in unmeasured(name, flow.mature[name], known[name])),
        *(text for scheme, text in ERRORS.items() if scheme == asked.drawing.scheme),
        *(() if weighed else (UNWEIGHED,)),
        *found_notes(fits),
        *without_proof(asked),
    )


def _for_further_causes(panel: Panel, asked: Question) -> Question:
    """With second intervals (R27) where causes, or agents, are known; not at looks, which count."""
    by_cause = "by_cause"
    alone = asked.drawing.scheme in ESTIMATORS[by_cause].schemes and asked.watch is None
    by = {CAUSE: by_cause, AGENT: f"{by_cause}(column={AGENT})"}
    more = [text for column, text in by.items() if alone and column in panel.columns]
    new = [text for text in more if text not in asked.estimators]
    return replace(asked, estimators=(*asked.estimators, *new)) if new else asked


def found_notes(fits: Fits) -> tuple[str, ...]:
    """What estimators that answer by themselves have to say."""
    return tuple(dict.fromkeys(note for each in fits.found.values() for note in each.notes))


def withhold(flow: Flow, asked: Question, head: About, *, when: str) -> Analysis:
    """What may be seen at any time: the flow of units and the check at assignment."""
    return replace(
        _empty(asked, head),
        checks=(at_assignment(asked, flow), *at_any_time(asked, flow)),
        flow=_arm_flow(asked, flow, None),
        notes=(WITHHELD.format(when=when), *flow.notes),
    )


def _empty(asked: Question, head: About) -> Analysis:
    return Analysis(
        experiment=head.experiment,
        version=head.version,
        fingerprint=head.fingerprint,
        as_of=head.as_of.isoformat(),
        simulated=head.simulated,
        alpha=asked.alpha,
        adjust=asked.adjust,
        checks=(),
        estimates=(),
    )


def _arm_flow(asked: Question, flow: Flow, primary: Moments | None) -> tuple[ArmFlow, ...]:
    assigned = over_phases(flow.assigned)
    mature = over_phases(flow.mature[asked.outcomes[0].name])
    analysed = over_phases(by_phase(primary)) if primary else Counter()
    return tuple(
        ArmFlow(
            arm=arm,
            assigned=assigned.get(arm, 0),
            delivered=None if flow.delivered is None else flow.delivered.get(arm, 0),
            mature=mature.get(arm, 0),
            analysed=analysed.get(arm, 0),
        )
        for arm in asked.arms
    )


def _shown(found: Sequence[Estimate]) -> set[tuple[str, str]]:
    return {(each.outcome, arm) for each in found for arm, _ in each.cells}


def _means(
    asked: Question, moments: Mapping[str, Moments], *, shown: Collection[tuple[str, str]]
) -> tuple[tuple[str, str, int, float, float], ...]:
    """Mean and standard deviation of every outcome in every arm, its units pooled as they are.

    At a look of the plan only of the outcomes and arms ``shown``: two means are a contrast.
    """
    early = asked.watch is not None and not asked.watch.last
    rows = []
    for outcome, found in moments.items():
        for arm in asked.arms:
            mine = [i for i, cell in enumerate(found.cells) if cell.arm == arm]
            n = int(found.n[mine].sum())
            if n < 2 or (early and (outcome, arm) not in shown):
                continue
            means, within = cell_means(found)[mine, 0], cell_scatters(found)[mine, 0, 0]
            mean = float(found.n[mine] @ means) / n
            between = float(found.n[mine] @ (means - mean) ** 2)
            spread = ((float(within.sum()) + between) / (n - 1)) ** 0.5
            rows.append((outcome, arm, n, mean, spread))
    return tuple(rows)
