"""Keep out of the facts what only a text needs, such as a name, and find it again (R21).

An incident that comes in a file may be answered days later, so what its text will need waits in the
table of texts, where ``forget`` and ``purge`` reach it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.record.facts import Forgotten, Incident
from apologylab.service.ports import Appended
from apologylab.service.text_ids import text_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.service.ports import LedgerIdentity, Transaction
    from apologylab.service.running import Running

    OnlySaid = Mapping[str, frozenset[str]]
    """Kind of incident -> the fields that no rule of any running experiment reads."""


def only_said(running: Iterable[Running]) -> OnlySaid:
    """What to keep out of incidents, given all ``running`` experiments."""
    said: dict[str, set[str]] = defaultdict(set)
    judged: dict[str, set[str]] = defaultdict(set)
    for each in running:
        for kind in each.kinds:
            said[kind] |= each.only_said
            judged[kind] |= each.judged
    return {kind: frozenset(said[kind] - judged[kind]) for kind in said}


def told_to(running: Running, incident: Incident, said: OnlySaid) -> Incident:
    """``incident`` as one of several experiments is told: without what only others' texts need.

    Whoever is asked first stores the fact, and must not store another's names and addresses in it.
    """
    others = said.get(incident.kind, frozenset()) - running.only_said - running.judged
    if not others or not isinstance(incident.fields, Mapping):
        return incident
    fields = {name: value for name, value in incident.fields.items() if name not in others}
    return replace(incident, fields=fields)


def part(incidents: Sequence[Incident], said: OnlySaid) -> tuple[list[Incident], dict[str, str]]:
    """The incidents as facts, and key -> JSON of what was kept out of one."""
    kept: list[Incident] = []
    out: dict[str, str] = {}
    for incident in incidents:
        names = said.get(incident.kind, frozenset()) & incident.fields.keys()
        fields = {name: value for name, value in incident.fields.items() if name not in names}
        kept.append(replace(incident, fields=fields) if names else incident)
        if names:
            out[incident.key] = _written({name: incident.fields[name] for name in names})
    return kept, out


def append_withheld(
    work: Transaction, ledger: LedgerIdentity, kept: Sequence[Incident], out: Mapping[str, str]
) -> tuple[Appended, frozenset[str]]:
    """Append incidents that :func:`part` parted; gives the keys whose other part says otherwise.

    What stands is kept. Of a customer who was forgotten nothing is stored beside the fact.
    """
    appended = work.append(kept)
    gone = _forgotten(work, [each for each in kept if each.key in out])
    wrong = {*appended.contradicting, *gone}
    wanted = {key: text_id(ledger, "incident", key) for key in out if key not in wrong}
    standing = work.texts(list(wanted.values()))
    for key, place in wanted.items():
        if place not in standing:
            work.put_text(place, out[key])
    differing = {key for key, at in wanted.items() if standing.get(at, out[key]) != out[key]}
    return appended, frozenset(differing)


def _forgotten(work: Transaction, incidents: Sequence[Incident]) -> set[str]:
    """Keys of incidents up to which their customer was forgotten."""
    asked = sorted({each.customer for each in incidents})
    last = {
        each.customer: each.occurred_at for each in work.find_among(Forgotten, "customer", asked)
    }
    return {
        each.key
        for each in incidents
        if each.customer in last and each.occurred_at <= last[each.customer]
    }


def with_withheld(
    work: Transaction, ledger: LedgerIdentity, running: Running, incidents: Sequence[Incident]
) -> list[Incident]:
    """The incidents with what their texts need, where it was kept out of the facts."""
    if not running.only_said:
        return list(incidents)
    places = {each.key: text_id(ledger, "incident", each.key) for each in incidents}
    bodies = work.texts(list(places.values()))
    return [
        replace(each, fields=_said(running, bodies[places[each.key]]) | dict(each.fields))
        if places[each.key] in bodies
        else each
        for each in incidents
    ]


def _said(running: Running, body: str) -> dict[str, object]:
    return {name: value for name, value in json.loads(body).items() if name in running.only_said}


def _written(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True)
