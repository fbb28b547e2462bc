"""What ``explain`` and ``forget`` share: the ids under which a ledger knows a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.service.ports import Ledger


def ids_of(ledger: Ledger, customer: str) -> list[str]:
    """The id as files and experiments store it; a pseudonym as it stands.

    Raises:
        UnitIdError: it cannot be an id.
    """
    from apologylab import wiring
    from apologylab.assignment.pseudonyms import is_pseudonym
    from apologylab.service.running import pinned
    from apologylab.service.traces import spellings

    if is_pseudonym(customer):
        return [customer]
    known_as = wiring.known_as(ledger, now=wiring.clock()())
    if known_as is not None:
        return [known_as(customer)]
    running = pinned(ledger, wiring.declaration_reader())
    return spellings(customer, [each.experiment.unit_id for each in running])
