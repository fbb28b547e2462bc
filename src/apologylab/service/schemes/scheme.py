"""What a scheme of allocation is: the port between judging and the ledger's counts (R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.assignment.assignment import Assignment
    from apologylab.assignment.eligibility import Context


class Placed(NamedTuple):
    """The answer to a unit that is drawn, with the stratum and block that it was drawn in."""

    proposal: Assignment
    stratum: str | None = None
    block: int | None = None


class Scheme(Protocol):
    """Draws the arms of one batch, in its order, from counts read under the ledger's locks."""

    def draw(self, unit: str, context: Context, proposal: Assignment) -> Placed:
        """The answer to a unit that enters now; those drawn after it see that it was."""
        ...

    def steps(self) -> Mapping[str, int]:
        """What the units drawn so far add to the ledger's counters."""
        ...
