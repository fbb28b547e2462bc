"""The ledger of a project, opened to be changed."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.catalogue.project import Project
    from apologylab.service.ports import Ledger


@contextmanager
def own_ledger(project: Project) -> Iterator[Ledger]:
    """The project's ledger, after its marks were compared with the project's; closed at the end.

    Raises:
        NotFoundError: there is no ledger yet.
        LedgerOldError: its schema is older than this version.
        LedgerGoneError: its server cannot be reached.
        LedgerOtherError: it is of another environment, or only one of them is simulated.
    """
    from apologylab import wiring
    from apologylab.service.same_ledger import refuse_other

    with closing(wiring.open_ledger(project)) as ledger:
        refuse_other(ledger, environment=project.environment, simulated=project.simulated)
        yield ledger
