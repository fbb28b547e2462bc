"""What ``explain`` and ``forget`` share: the ids under which a ledger knows a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.catalogue.project import Project
    from apologylab.service.ports import Ledger


def ids_of(ledger: Ledger, project: Project, customer: str) -> list[str]:
    """The id as files and experiments store it.

    Raises:
        UnitIdError: it cannot be an id.
    """
    from apologylab import wiring
    from apologylab.service.running import pinned
    from apologylab.service.traces import spellings

    running = pinned(ledger, wiring.declaration_reader())
    return spellings(customer, [each.experiment.unit_id for each in running])
