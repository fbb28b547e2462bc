"""``apologylab record``: record a file of facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apologylab.cli.options import AsJson, By

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, tzinfo

    from apologylab.record.facts import Fact
    from apologylab.record.taxonomy import Taxonomy
    from apologylab.record.values import Reading
    from apologylab.service.ports import Ledger
    from apologylab.service.record import Recorded


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What was asked for, understood."""

    kind: type[Fact]
    file: Path | None
    mapping: dict[str, str]
    reading: Reading
    through: datetime | None
    by: str | None


def record(
    file: Annotated[
        Path | None, typer.Argument(help="A .csv, .jsonl or .parquet file of facts, or a folder.")
    ] = None,
    *,
    kind: Annotated[
        str | None, typer.Option("--as", help="What its rows are: incident, order, contact ...")
    ] = None,
    mapping: Annotated[
        str, typer.Option("--map", help="Your columns: key=order_id,customer=client_id.")
    ] = "",
    time_zone: Annotated[
        str | None, typer.Option(help="Zone of times without offset; by default the project's.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Of rows without one; by default the project's.")
    ] = None,
    minor_units: Annotated[
        bool, typer.Option("--minor-units", help='Amounts are cents: 1234, not "12.34".')
    ] = False,
    complete_through: Annotated[
        str | None,
        typer.Option(help="All facts of this kind up to the end of this date are recorded now."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show five rows as understood; record nothing.")
    ] = False,
    template: Annotated[
        str | None, typer.Option(help="Print a header and an example row of this kind.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record a file of facts: incidents, orders, contacts and the like.

    Good rows land; a bad row goes to FILE.rejects.csv with its line and the reason. Recording a
    file twice changes nothing.

    \b
    Example:
      apologylab record --template order
      apologylab record orders.csv --as order --map key=order_id --dry-run
      apologylab record orders.csv --as order --map key=order_id --complete-through 2026-05-01
    """
    from apologylab.errors import InputError
    from apologylab.service.record import end_of, recordable

    if template:
        _print_template(recordable(template))
        return
    if kind is None:
        raise InputError("it is not said what the rows are", do="add --as order, or another kind")
    if file is None and complete_through is None:
        raise InputError("no file is given", do="give a .csv, .jsonl or .parquet file")
    reading = _reading(time_zone, currency, minor_units=minor_units)
    asked = _Asked(
        kind=recordable(kind),
        file=file,
        mapping=_pairs(mapping),
        reading=reading,
        through=end_of(complete_through, reading.zone) if complete_through else None,
        by=by,
    )
    if dry_run:
        _preview(asked, as_json=as_json)
    else:
        _record(asked, as_json=as_json)


def _print_template(kind: type[Fact]) -> None:
    import csv
    import sys

    from apologylab.service.record import template

    csv.writer(sys.stdout, lineterminator="\n").writerows(template(kind))


def _pairs(text: str) -> dict[str, str]:
    """``"key=id,customer=client"`` as a mapping."""
    from apologylab.errors import InputError

    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, column = pair.partition("=")
        if not (name.strip() and equals and column.strip()):
            raise InputError(f"--map has {pair!r}", do="write FIELD=COLUMN,FIELD=COLUMN")
        if name.strip() in found:
            raise InputError(f"--map gives {name.strip()!r} twice", do="keep one")
        found[name.strip()] = column.strip()
    return found


def _reading(time_zone: str | None, currency: str | None, *, minor_units: bool) -> Reading:
    """What the options declare, completed by the project where there is one."""
    from apologylab import wiring
    from apologylab.errors import ConfigError
    from apologylab.record.values import Reading

    try:
        project = wiring.project()
    except ConfigError:
        if time_zone is None or currency is None:
            raise
        return Reading(zone=_zone(time_zone), currency=currency, minor_units=minor_units)
    return Reading(
        zone=_zone(time_zone or project.time_zone),
        currency=currency or project.currency,
        minor_units=minor_units,
    )


def _taxonomy() -> Taxonomy:
    """The project's; outside a project that which every company has."""
    from apologylab import wiring
    from apologylab.errors import ConfigError
    from apologylab.record.taxonomy import Taxonomy

    try:
        return wiring.project().taxonomy
    except ConfigError:
        return Taxonomy()


def _zone(name: str) -> tzinfo:
    from datetime import UTC
    from zoneinfo import ZoneInfo

    from apologylab.errors import InputError

    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise InputError(
            f"there is no time zone {name!r}", do="write its IANA name, like Europe/Vilnius"
        ) from None


def _preview(asked: _Asked, *, as_json: bool) -> None:
    from apologylab.cli.console import show, show_json, show_table
    from apologylab.errors import InputError
    from apologylab.record.columns import columns, kind_of
    from apologylab.service.record import preview_file
    from apologylab.warehouse.fact_file import open_fact_file

    if asked.file is None:
        raise InputError("there is no file to look at", do="give one, or leave --dry-run out")
    rows, problems = preview_file(
        asked.kind,
        open_fact_file(asked.file),
        mapping=asked.mapping,
        reading=asked.reading,
        taxonomy=_taxonomy(),
    )
    names = [column.name for column in columns(asked.kind)]
    written = [_written(names, row) for row in rows]
    if as_json:
        show_json(_preview_document(kind_of(asked.kind), names, written, problems))
        return
    show_table(f"{asked.file.name} as understood; nothing is recorded", names, written)
    for line, reason in problems:
        show(f"line {line} would be refused: {reason}")


def _preview_document(
    kind: str,
    names: Sequence[str],
    written: Sequence[Sequence[str]],
    problems: Iterable[tuple[int, str]],
) -> dict[str, object]:
    """``apologylab record --dry-run --json``."""
    return {
        "format": "apologylab.record_preview/1",
        "kind": kind,
        "rows": [dict(zip(names, row, strict=True)) for row in written],
        "rejected": [{"line": line, "reason": reason} for line, reason in problems],
    }


def _written(names: list[str], row: tuple[object, ...]) -> list[str]:
    """A row in words: times in UTC, amounts with their currency."""
    import json
    from datetime import datetime

    from apologylab.design.money import Money

    values = dict(zip(names, row, strict=True))
    written = []
    for name, value in values.items():
        if isinstance(value, datetime):
            written.append(value.isoformat())
        elif isinstance(value, int) and name.endswith("amount"):
            written.append(str(Money(value, str(values["currency"]))))
        elif isinstance(value, dict):
            written.append(json.dumps(value, ensure_ascii=False))
        else:
            written.append("" if value is None else str(value))
    return written


def _record(asked: _Asked, *, as_json: bool) -> None:
    from time import perf_counter

    from apologylab import wiring
    from apologylab.cli.console import show_json
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.cli.who import who
    from apologylab.record.columns import kind_of
    from apologylab.service.by_hand import note_by_hand
    from apologylab.service.record import Recorded, refuse_future

    started = perf_counter()
    project = wiring.project()
    if asked.through is not None:
        refuse_future(asked.through, wiring.clock()())
    with own_ledger(project) as ledger:
        recorded = Recorded(kind=kind_of(asked.kind))
        if asked.file is not None:
            recorded = _record_file(ledger, asked, asked.file)
            note_by_hand(ledger, recorded, asked.file.name, by=who(asked.by), now=wiring.clock()())
        if asked.through is not None:
            _mark_complete(ledger, asked, recorded)
    seconds = perf_counter() - started
    if as_json:
        show_json(_document(asked, recorded, seconds))
    else:
        _explain(asked, recorded, seconds)


def _record_file(ledger: Ledger, asked: _Asked, path: Path) -> Recorded:
    import gc
    from dataclasses import replace

    from apologylab import wiring
    from apologylab.cli.console import progress
    from apologylab.service.landing import Meant
    from apologylab.service.record import record_file
    from apologylab.warehouse.fact_file import RejectsFile, open_fact_file

    file, now = open_fact_file(path), wiring.clock()()
    reading = replace(asked.reading, known_as=wiring.known_as(ledger, now=now))
    gc.disable()  # millions of tuples and no cycles: the collector would cost a third of the time
    with progress(f"recording {path.name}", file.expected()) as done:
        return record_file(
            ledger,
            asked.kind,
            file,
            mapping=asked.mapping,
            reading=reading,
            rejects=RejectsFile(path),
            now=now,
            progress=done,
            meant=Meant(taxonomy=wiring.project().taxonomy, said=_only_said(ledger, asked.kind)),
        )


def _only_said(ledger: Ledger, kind: type[Fact]) -> Mapping[str, frozenset[str]]:
    """Fields that only the texts of running experiments need, by kind of incident (R21)."""
    from apologylab import wiring
    from apologylab.record.facts import Incident
    from apologylab.record.later_facts import Complaint
    from apologylab.service.running import pinned
    from apologylab.service.withholding import only_said

    if kind not in (Incident, Complaint):
        return {}
    return only_said(pinned(ledger, wiring.declaration_reader()))


def _mark_complete(ledger: Ledger, asked: _Asked, recorded: Recorded) -> None:
    """Append the feed's mark, unless rows that belong to it were refused."""
    from apologylab import wiring
    from apologylab.service.record import complete_through

    if recorded.rejected or asked.through is None:
        return
    recorded.feed_through = asked.through
    complete_through(ledger, asked.kind, asked.through, now=wiring.clock()())


def _document(asked: _Asked, recorded: Recorded, seconds: float) -> dict[str, Any]:
    through = recorded.feed_through
    return {
        "format": "apologylab.record/1",
        "kind": recorded.kind,
        "file": str(asked.file) if asked.file else None,
        "rows": recorded.rows,
        "recorded": recorded.new,
        "already": recorded.same,
        "rejected": recorded.rejected,
        "contradicting": recorded.contradicting,
        "opened_incidents": recorded.opened,
        "matched_incidents": recorded.matched,
        "first_rejected": [{"line": at, "reason": why} for at, why in recorded.reasons],
        "rejects_file": f"{asked.file}.rejects.csv" if recorded.rejected else None,
        "ignored_columns": list(recorded.ignored),
        "complete_through": through.isoformat() if through else None,
        "seconds": round(seconds, 3),
    }


def _explain(asked: _Asked, recorded: Recorded, seconds: float) -> None:
    from apologylab.cli.console import show

    speed = recorded.rows / max(seconds, 1e-9)
    if asked.file is not None:
        show(f"rows      {recorded.rows:,} of kind {recorded.kind} ({speed:,.0f} a second)")
        show(f"recorded  {recorded.new:,}")
        show(f"already   {recorded.same:,}")
        show(f"rejected  {recorded.rejected:,} ({recorded.contradicting:,} contradict what stands)")
    told = [f"  line {line}: {reason}" for line, reason in recorded.reasons]
    for text in (*_of_incidents(recorded), *told):
        show(text)
    if recorded.rejected:
        show(f"see       {asked.file}.rejects.csv; correct those rows and record that file")
    for text in _of_ignored(recorded):
        show(text)
    if recorded.feed_through:
        show(f"complete  through {recorded.feed_through.isoformat()}")
    elif asked.through is not None:
        show("complete  not marked: rows were rejected. Give --complete-through with the corrected")
        show("          file, or on its own, without a file, if they are to be left out")
    if _brought_incidents(recorded):
        show("next      apologylab assign NAME, for each experiment that answers them")


def _of_ignored(recorded: Recorded) -> list[str]:
    """What was left out; of incidents, whose fields are columns of their own, how to bring it."""
    if not recorded.ignored:
        return []
    how = "          (a field of an incident is a column fields.NAME, such as fields.consent)"
    told = f"ignored   columns {', '.join(recorded.ignored)}"
    return [told, how] if recorded.kind == "incident" else [told]


def _of_incidents(recorded: Recorded) -> list[str]:
    """What complaints and operations said of the same incidents."""
    opened = f"opened    {recorded.opened:,} incidents that nobody had recorded"
    matched = f"matched   {recorded.matched:,} of them with what a complaint had opened"
    return [opened] * bool(recorded.opened) + [matched] * bool(recorded.matched)


def _brought_incidents(recorded: Recorded) -> bool:
    return bool(recorded.opened or (recorded.new and recorded.kind == "incident"))
