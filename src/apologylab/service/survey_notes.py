"""What asking customers changed by itself, beside what the remedies changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.inference.own_effect import own_effects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.inference.own_effect import OwnEffect
    from apologylab.inference.question import Question
    from apologylab.service.ports import Panel

SURVEYED: Final = "surveyed"
"""The panel's column of who was invited to the survey."""


def survey_notes(panel: Panel, asked: Question) -> Iterator[str]:
    """The effect of being invited on each outcome; nothing where nobody was."""
    if SURVEYED not in panel.columns or asked.drawing.scheme == "clusters":
        return
    outcomes = {each.name: each for each in asked.outcomes}
    for found in own_effects(panel.source, list(outcomes), SURVEYED, alpha=asked.alpha):
        yield _said(found, outcomes[found.outcome].unit, asked.alpha)


def _said(found: OwnEffect, unit: str, alpha: float) -> str:
    level = f"{100 * (1 - alpha):g}%"
    return (
        f"the survey's own effect on {found.outcome}: {found.point:+.4g} {unit} for whoever was "
        f"invited ({level}: {found.ci_low:+.4g} to {found.ci_high:+.4g}), averaged over the arms; "
        f"{found.n_drawn:,} invited, {found.n_others:,} not"
    )
