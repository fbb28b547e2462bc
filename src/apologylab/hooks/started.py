"""The started experiments of a ledger: read once, read again when others were started."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from apologylab.design.routes import format_of
from apologylab.errors import ApologylabError
from apologylab.record.facts import Incident, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Ledger
    from apologylab.service.running import Running

CUSTOMERS: Final = 32
"""Of a rehearsal: enough to meet most arms."""
REACHED: Final = {"email": "rehearsal@example.invalid", "phone": "+37060000000", "any": "rehearsal"}


class StartedExperiments:
    """The experiments of ``names`` (all if None) that ``ledger`` says are started."""

    def __init__(
        self,
        ledger: Ledger,
        read: Callable[[str], Experiment],
        names: Iterable[str] | None = None,
        known_as: Callable[[str], str] | None = None,
    ) -> None:
        from apologylab.service.running import pinned

        self._ledger, self._read = ledger, read
        self._pinned = partial(pinned, known_as=known_as)
        self._names = None if names is None else tuple(names)
        self._count = 0
        self._known: tuple[Running, ...] = ()

    def all(self) -> Sequence[Running]:
        """The latest version of each.

        Raises:
            NotFoundError: one of them is not started.
        """
        self._count = self._ledger.count(Started)
        self._known = tuple(self._pinned(self._ledger, self._read, self._names, self._known))
        return self._known

    def renewed(self) -> Sequence[Running] | None:
        """As :meth:`all` if something was started since that was last asked, otherwise None."""
        return None if self._ledger.count(Started) == self._count else self.all()


class _Over(Exception):  # noqa: N818 - it undoes a rehearsal and is nobody's error
    """Nothing of a rehearsal is stored."""


def rehearse(ledger: Ledger, running: Iterable[Running], *, now: datetime) -> None:
    """Answer invented incidents in a transaction that is undone, and store nothing.

    The first true incident then finds statements, templates and connections ready. Where the ledger
    cannot be written to now, the rehearsal ends.
    """
    from apologylab.service.assign import assign

    for each in running:
        try:
            assign(ledger, each, _invented(each, now), now=now, in_time=_undo)
        except _Over:
            continue
        except ApologylabError:
            return


def _undo() -> None:
    raise _Over


def _invented(running: Running, now: datetime) -> list[Incident]:
    incident, said = running.experiment.incident, running.experiment.messages.placeholders
    fields: dict[str, object] = dict.fromkeys(said, "1")
    fields |= {name: REACHED[format_of(name)] for name in running.addresses.values()}
    fields["consent"] = "marketing"
    if incident is not None:
        fields |= {name: values[0] for name, values in incident.where.items() if values}
    if incident is not None and incident.severity is not None:
        fields[incident.severity.field] = incident.severity.at_least or 0
    kind = incident.kind if incident is not None else ""
    return [
        Incident(
            key=f"rehearsal/{now.isoformat()}/{number}",
            occurred_at=now - timedelta(seconds=1),
            customer=f"rehearsal/{number}",
            kind=kind,
            fields=fields,
        )
        for number in range(CUSTOMERS)
    ]
