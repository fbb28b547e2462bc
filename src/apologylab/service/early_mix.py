"""How the units that a look reads differ from those at the end, as forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.inference.checks import balance_request
from apologylab.inference.moments import Request
from apologylab.inference.sequential.mix import enrolled_mix, mix_in_words

if TYPE_CHECKING:
    from apologylab.inference.question import Question
    from apologylab.inference.sequential.watch import Watch
    from apologylab.service.ports import Panel

WEEKEND = "anchor:weekend"
"""Column of a ledger's panel: whether the unit's incident was on a Saturday or Sunday, in UTC."""


def early_mix(panel: Panel, asked: Question, at: Watch) -> tuple[str, ...]:
    """The plan's covariates, and weekends, now, of the first outcome, and at the end.

    What covariates do not know can differ as well: an effect may also change with the calendar.
    """
    names = [*asked.covariates, *({WEEKEND} & panel.columns)]
    if not names:
        return mix_in_words(())
    primary = asked.outcomes[0].name
    read, enrolled = panel.source.moments([Request(primary, tuple(names)), balance_request(names)])
    if not read.n.sum():
        return ()
    there = int(enrolled.n.sum())
    to_come = max(sum(at.final.values()) - there, 0)
    return mix_in_words(enrolled_mix(read, enrolled, to_come=to_come))
