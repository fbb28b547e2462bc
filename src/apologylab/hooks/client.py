"""``Client``: one call an incident, in the order system's own process, never failing it (R11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.assignment.answers import not_drawn
from apologylab.assignment.assignment import Assignment
from apologylab.assignment.draw import compile_draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from apologylab.assignment.eligibility import Context
    from apologylab.assignment.judge import Exposed, Judge
    from apologylab.design.experiment import Experiment

UNREAD = "today"
"""The arm of a fallback when not even ``[otherwise]`` could be read."""


class Client:
    """Draws in process, without a ledger; an experiment is read once and then kept.

    ``load`` gives the experiment of a name. ``on_exposure(unit, answer)`` gets every answer that
    enters an analysis; where it fails, the unit gets the fallback, so that nothing is given that
    was not written down.
    """

    def __init__(
        self, load: Callable[[str], Experiment], on_exposure: Exposed | None = None
    ) -> None:
        self._load = load
        self._on_exposure = on_exposure
        self._experiments: dict[str, Experiment] = {}
        self._draws: dict[str, Judge] = {}

    def draw(self, experiment: str, unit: str, context: Context) -> Assignment:
        """Answer for one incident: reason PREVIEW if drawn, FALLBACK if anything went wrong.

        ``context`` is the incident's fields, see :mod:`apologylab.assignment.eligibility`.
        ``because`` of a fallback says what went wrong. Nothing is raised.
        """
        try:
            found = self._draws.get(experiment)
            draw = found if found is not None else self._compiled(experiment)
            return draw(unit, context)
        except Exception as error:  # noqa: BLE001 - an order system must never fail because of us
            return self._fallback(experiment, f"{type(error).__name__}: {error}")

    def _compiled(self, name: str) -> Judge:
        if name not in self._experiments:
            self._experiments[name] = self._load(name)
        draw = compile_draw(self._experiments[name], on_exposure=self._on_exposure)
        self._draws[name] = draw
        return draw

    def _fallback(self, name: str, because: str) -> Assignment:
        declared = self._experiments.get(str(name))
        if declared is not None:
            return not_drawn(declared, "FALLBACK", because)
        return Assignment(UNREAD, None, "FALLBACK", str(name), 0, 1, None, 1.0, 0.0, because)


def open_folder(experiments: str | PathLike[str], *, on_exposure: Exposed | None = None) -> Client:
    """A client that reads the declarations in the folder ``experiments``, each on first use."""
    from pathlib import Path

    from apologylab import wiring

    return Client(wiring.catalogue_in(Path(experiments)).experiment, on_exposure)
