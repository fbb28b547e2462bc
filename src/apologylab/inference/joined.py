"""Several analyses side by side: of other estimators, versions, dates or experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apologylab.errors import InputError
from apologylab.inference.document import as_document, as_frame, as_json
from apologylab.inference.forest import forest

if TYPE_CHECKING:
    from apologylab.inference.forest import Picture
    from apologylab.inference.results import Analysis

APART = "p-values are adjusted within each analysis, not over all of them"


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Analyses side by side; each keeps its own families, checks and departures.

    Raises:
        InputError: fewer than two, one twice, or intervals of different levels.
    """

    analyses: tuple[Analysis, ...]

    def __post_init__(self) -> None:
        if len(self.analyses) < 2:
            raise InputError("one analysis joins nothing", do="give another to join it with")
        if any(a == b for i, a in enumerate(self.analyses) for b in self.analyses[:i]):
            raise InputError("an analysis is joined with itself", do="give each once")
        if len(alphas := {each.alpha for each in self.analyses}) > 1:
            raise InputError(
                f"analyses at alpha {' and '.join(f'{a:g}' for a in sorted(alphas))} do not join",
                do="ask for intervals of one level",
            )

    def join(self, *others: Analysis) -> Joined:
        """These and others side by side."""
        return Joined(analyses=(*self.analyses, *others))

    def rows(self) -> list[dict[str, object]]:
        """One flat row an estimate, with its experiment, version and date in front."""
        return [
            {"experiment": each.experiment, "version": each.version, "as_of": each.as_of} | row
            for each in self.analyses
            for row in each.rows()
        ]

    def to_frame(self) -> Any:
        """The rows as a pandas data frame."""
        return as_frame(self.rows())

    def to_json(self) -> str:
        """A list of the analyses' documents."""
        return as_json(as_document(each) for each in self.analyses)

    def plot(self) -> Picture:
        """Every interval, those of one outcome on one axis."""
        title = ", ".join(dict.fromkeys(each.experiment for each in self.analyses))
        mark = "SIMULATED  " if any(each.simulated for each in self.analyses) else ""
        return forest(f"{mark}{title}", [e for each in self.analyses for e in each.estimates])

    def __str__(self) -> str:
        return "\n\n".join([*(str(each) for each in self.analyses), f"Joined: {APART}"])

    def _repr_html_(self) -> str:
        parts = [each._repr_html_() for each in self.analyses]
        return "\n".join([*parts, f"<p>{APART}</p>"])
