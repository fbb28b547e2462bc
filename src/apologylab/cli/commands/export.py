"""``apologylab export``: facts, or rows of a company's database, as Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson, AsOf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.export import Asked, Exported

URL = "APOLOGYLAB_FROM_URL"


def export(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.")],
    *,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind of fact; repeat it for several.")
    ] = None,
    as_of: AsOf = None,
    personal: Annotated[
        bool,
        typer.Option("--personal", help="Also the messages, and the fields that may hold names."),
    ] = False,
    source: Annotated[
        str | None,
        typer.Option("--from", help=f"Another database's URL; with a password, in {URL} instead."),
    ] = None,
    table: Annotated[str | None, typer.Option(help="All rows of this table of it.")] = None,
    query: Annotated[str | None, typer.Option(help="The rows of this query; with --kind.")] = None,
    time: Annotated[
        str | None, typer.Option(help="Its column of times, which says a row's month.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the ledger's facts as typed Parquet files, for pandas, Spark, DuckDB and the like.

    Each kind goes to FOLDER/<kind>/year=YYYY/month=MM, by the time it occurred in UTC; money stands
    in minor units. A folder is replaced whole, so running it again is always right. With --table or
    --query it reads your own database instead, through SQLAlchemy, and `record` takes what it
    wrote.

    \b
    Example:
      apologylab export facts
      apologylab export facts --kind order --kind contact --as-of 2026-06-01
      apologylab export staged --from sqlite:///shop.db --table orders --kind order
    """
    from apologylab.errors import InputError
    from apologylab.service.export import Asked

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", do="name a folder")
    if table is None and query is None:
        if source is not None or time is not None:
            raise InputError("it is not said which rows", do="add --table NAME or --query SQL")
        _of_ledger(folder, kind or [], as_of, personal=personal, as_json=as_json)
        return
    if as_of is not None or personal:
        raise InputError("--as-of and --personal are about the ledger", do="leave them out")
    asked = Asked(table=table, query=query, time=time)
    _of_database(_url(source), asked, folder / _named(asked, kind or []), as_json=as_json)


def _of_ledger(
    folder: Path, kinds: Sequence[str], as_of: str | None, *, personal: bool, as_json: bool
) -> None:
    from contextlib import closing

    from apologylab import wiring
    from apologylab.cli.console import progress
    from apologylab.cli.subject import moment
    from apologylab.record.facts import KINDS
    from apologylab.service.export import export as service

    project, now = wiring.project(), wiring.clock()()
    with closing(wiring.open_ledger(project)) as ledger:
        with progress("exporting", len(kinds) or len(KINDS)) as done:
            written = service(
                ledger,
                wiring.exporter(ledger, project, folder),
                kinds,
                as_of=moment(as_of, now=now) if as_of else now,
                personal=personal,
                progress=done,
            )
        _tell(written, simulated=ledger.identity.simulated, as_json=as_json)


def _of_database(url: str, asked: Asked, place: Path, *, as_json: bool) -> None:
    from apologylab import wiring
    from apologylab.cli.console import progress

    with progress(f"reading {asked.table or 'the query'}", None) as done:
        written = wiring.export_rows(url, asked, place, progress=done)
    _tell([written], simulated=False, as_json=as_json)


def _url(source: str | None) -> str:
    """The URL that was typed, or the one in the environment, where others cannot read it.

    Raises:
        InputError: there is none, or it was typed with a password.
    """
    import os
    import re

    from apologylab.errors import InputError

    found = source or os.environ.get(URL)
    if not found:
        raise InputError("it is not said from which database", do=f"give --from URL, or set {URL}")
    if source and re.search(r"//[^/?#]*:[^/?#]*@", source):
        raise InputError(
            "--from holds a password, which others on this machine can read",
            do=f"leave it out, and set {URL} to the URL",
        )
    return found


def _named(asked: Asked, kinds: Sequence[str]) -> str:
    """What the rows are called: the kind that was named, or the table's own name.

    Raises:
        InputError: it is not clear, or cannot be a folder's name.
    """
    import re

    from apologylab.errors import InputError

    if asked.table is not None and asked.query is not None:
        raise InputError("--table and --query are both given", do="leave one out")
    names = kinds or ([asked.table.rpartition(".")[2]] if asked.table else [])
    if len(names) != 1 or not re.fullmatch(r"[A-Za-z0-9][\w-]*", names[0]):
        raise InputError("it is not said what the rows are", do="add one --kind, like order")
    return names[0]


def _tell(written: Sequence[Exported], *, simulated: bool, as_json: bool) -> None:
    from apologylab.cli.console import show, show_json, show_table
    from apologylab.wire.exported import exported_document

    if as_json:
        show_json(exported_document(written, simulated=simulated))
        return
    rows = [(each.folder, each.rows, each.files, each.size) for each in written if each.rows]
    total, size = sum(each.rows for each in written), sum(each.size for each in written)
    title = "SIMULATED facts" if simulated else "Written"
    if rows:
        show_table(title, ("folder", "rows", "files", "bytes"), rows)
    show(f"{total:,} rows, {size:,} bytes")
