"""Rules about what texts are filled with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.findings.finding import Finding, Rule, at, fields_of, readable
from apologylab.design.remedies import OWN_COLUMNS

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def own_columns_alone(experiment: Experiment) -> Iterator[Finding]:
    """Where a text says a column of the incident, no rule reads a field of the same name."""
    read = {name: path for path, name in _fields_read(experiment) if name in OWN_COLUMNS}
    for path, name in readable(experiment.messages.placeholders, "messages", "placeholders"):
        if name in read:
            yield Finding(
                path=path,
                value=name,
                what=f"says the incident's own {name}, and {read[name]} reads a field of that name",
                do=f"call the field otherwise, like {name}_number, there and where it is recorded",
                related=(read[name],),
            )


def _fields_read(experiment: Experiment) -> Iterator[tuple[str, str | None]]:
    """Path -> name, of every field of the incident that is more than said."""
    incident, delivery = experiment.incident, experiment.delivery
    if incident is not None:
        yield from ((at("incident", "where", name), name) for name in incident.where)
        yield "incident.price", incident.price
        if incident.severity is not None:
            yield "incident.severity.field", incident.severity.field
    yield from fields_of(experiment.compensation, "of", "compensation")
    yield from fields_of(experiment.timing, "field", "timing")
    if experiment.markets is not None:
        yield "markets.field", experiment.markets.field
    if delivery.quiet is not None:
        yield "delivery.quiet.zone_field", delivery.quiet.zone_field
    yield "delivery.address", delivery.address
    yield from readable(delivery.addresses, "delivery", "addresses")
    yield from readable(experiment.allocation.strata, "allocation", "strata")
    yield "allocation.cluster", experiment.allocation.cluster
    yield from readable(experiment.eligibility.exclude, "eligibility", "exclude")


RULES: tuple[Rule, ...] = (own_columns_alone,)
