"""Land what agents answered: whom it is about stands with the assignment, not in the sheet.

A sheet has ids as a spreadsheet may show them: behind an apostrophe where they would be formulas,
and as the pseudonyms that its cards were written with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.record.facts import Assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.record.later_facts import AgentAnswer
    from apologylab.service.ports import Transaction


def answers_of_the_drawn(work: Transaction, told: Sequence[AgentAnswer]) -> list[AgentAnswer]:
    """``told`` in their order, with customer and experiment of the assignment that each names.

    One that names no assignment of this ledger stays as it was told.
    """
    named = sorted({each.assignment for each in told})
    drawn = {each.key: each for each in work.find_among(Assignment, "key", named)}
    return [_about(each, drawn.get(each.assignment)) for each in told]


def _about(told: AgentAnswer, drawn: Assignment | None) -> AgentAnswer:
    if drawn is None:
        return told
    return replace(told, customer=drawn.customer, experiment=drawn.experiment)
