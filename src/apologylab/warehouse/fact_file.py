"""Files of facts, read as batches of raw columns: CSV, JSON lines or Parquet.

Lines keep their numbers, so that a refused row can be found again. What cannot be split into
fields at all comes out as :attr:`Batch.broken`; nothing here judges a value.
"""

from __future__ import annotations

import csv
import json
import re
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from apologylab.errors import InputError, NotFoundError
from apologylab.service.record import Batch, FactFile, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

BATCH_ROWS: Final = 20_000
_LONGEST_FIELD: Final = 1 << 17
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_OURS: Final = ("line", "reason")


class CsvFile:
    """Comma, semicolon or tab separated text with a header, in UTF-8."""

    def __init__(self, path: Path) -> None:
        self._path = path
        csv.field_size_limit(_LONGEST_FIELD)
        with self._reading() as (rows, _):
            try:
                header = next(rows, None)
            except csv.Error as error:
                raise InputError(f"{path} has no header: {error}", do="write one") from None
        if not header:
            raise InputError(f"{path} is empty", do="write a header line and rows under it")
        self.columns = _distinct(path, [name.strip() for name in header])

    def batches(self) -> Iterator[Batch]:
        """Batches of text columns."""
        with self._reading() as (rows, lines):
            next(rows)
            while True:
                before = lines.begin()
                batch = self._batch(rows, lines, before)
                if batch.places or batch.broken:
                    yield batch
                elif lines.read == before:
                    return

    def expected(self) -> int:
        """About how many rows there are, for a progress display."""
        return max(0, _newlines(self._path) - 1)

    @contextmanager
    def _reading(self) -> Iterator[tuple[Iterator[list[str]], _Lines]]:
        with self._path.open("rb") as raw:
            start = raw.read(4096)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{self._path} is in UTF-16", do='save it as "CSV UTF-8"')
        if start[:2] in (b"PK", b"\xd0\xcf") or b"\0" in start:
            raise InputError(f"{self._path} is not text", do='save it as "CSV UTF-8"')
        delimiter = _delimiter(start.decode("utf-8", errors="replace").splitlines())
        # Bytes that are not UTF-8 become lone surrogates, which the row's judge refuses by place.
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            lines = _Lines(text)
            yield csv.reader(lines, delimiter=delimiter, strict=True), lines

    def _batch(self, rows: Iterator[list[str]], lines: _Lines, before: int) -> Batch:
        """The next rows; a line that cannot be split, or has too few or many fields, is broken.

        A quote that is opened and not closed would swallow the rows after it: only its own line is
        broken, the lines after it are read anew.
        """
        found: list[list[str]] = []
        broken: list[tuple[int, str]] = []
        try:
            found.extend(islice(rows, BATCH_ROWS))  # keeps what came before an error
        except csv.Error as error:
            begins = before + 1 + sum(map(_height, found))
            broken.append((begins, f"cannot be split into fields: {error}"))
            lines.take_back_to(begins)
        places: Sequence[int] = range(before + 1, before + 1 + len(found))
        if lines.read - before != len(found) + len(broken):
            found, places = self._until_swallowed(found, before, lines)
            broken = [(line, why) for line, why in broken if line <= lines.read]
        width = len(self.columns)
        if found and set(map(len, found)) != {width}:
            wrong = [at for at, row in enumerate(found) if row and len(row) != width]
            broken += [(places[at], _wrong_width(found[at], width)) for at in wrong]
            places = [place for place, row in zip(places, found, strict=True) if len(row) == width]
            found = [row for row in found if len(row) == width]
        columns = list(zip(*found, strict=True)) or [()] * width
        named = dict(zip(self.columns, columns, strict=True))
        return Batch(columns=named, places=places, broken=tuple(broken))

    def _until_swallowed(
        self, rows: list[list[str]], before: int, lines: _Lines
    ) -> tuple[list[list[str]], list[int]]:
        """Rows with their first lines, up to one that spans lines and has the wrong width.

        That one is kept as its first line alone, and what it swallowed is read anew.
        """
        places, line = [], before + 1
        for at, row in enumerate(rows):
            places.append(line)
            height = _height(row)
            if height > 1 and len(row) != len(self.columns):
                lines.take_back_to(line)
                return rows[: at + 1], places
            line += height
        return rows, places


class _Lines:
    """Lines of a text, of which those of the current batch can be taken back."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._again: list[str] = []
        self._seen: list[str] = []
        self.read = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._text)
        self._seen.append(line)
        self.read += 1
        return line

    def begin(self) -> int:
        """Begin a batch: what was read before it cannot be taken back. The lines read so far."""
        self._seen.clear()
        return self.read

    def take_back_to(self, line: int) -> None:
        """Give the lines after number ``line`` again."""
        count = self.read - line
        if count > 0:
            self._again += reversed(self._seen[-count:])
            del self._seen[-count:]
            self.read = line


class JsonLinesFile:
    """One JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        first = next(self.batches(), None)
        if first is None:
            raise InputError(f"{path} is empty", do="write one JSON object a line")
        self.columns = tuple(first.columns)

    def batches(self) -> Iterator[Batch]:
        """Batches of columns; a name that a row lacks is empty there."""
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape") as text:
            numbered = enumerate(text, 1)
            while lines := list(islice(numbered, BATCH_ROWS)):
                if batch := _objects(lines):
                    yield batch

    def expected(self) -> int:
        """About how many rows there are, for a progress display."""
        return _newlines(self._path)


class ParquetFile:
    """A Parquet file; its rows are numbered from 1."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._path = path
        try:
            self._file = parquet.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path} is no Parquet file: {error}", do="write it anew") from error
        self.columns = _distinct(path, self._file.schema_arrow.names)

    def batches(self) -> Iterator[Batch]:
        """Batches of typed columns."""
        first = 1
        for batch in self._file.iter_batches(batch_size=BATCH_ROWS):
            try:
                columns = {
                    name: _plain(batch.column(at)).to_pylist()
                    for at, name in enumerate(self.columns)
                }
            except (ValueError, OverflowError) as error:
                raise InputError(f"{self._path}: {error}", do="write texts or times") from error
            yield Batch(columns=columns, places=range(first, first + batch.num_rows), broken=())
            first += batch.num_rows

    def expected(self) -> int:
        """How many rows there are, for a progress display."""
        return int(self._file.metadata.num_rows)


class ParquetFolder:
    """Parquet files of one shape in a folder and those below it; rows are numbered through."""

    def __init__(self, path: Path) -> None:
        found = sorted(file for file in path.rglob("*.parquet") if not _hidden(file, path))
        if not found:
            raise InputError(f"{path} holds no Parquet file", do="give a file, or such a folder")
        self._files = [ParquetFile(file) for file in found]
        self.columns = self._files[0].columns
        for file, each in zip(found, self._files, strict=True):
            if each.columns != self.columns:
                raise InputError(f"{file} has other columns than {found[0]}", do="give it alone")

    def batches(self) -> Iterator[Batch]:
        """Batches of typed columns, a file after the other."""
        before = 0
        for file in self._files:
            for batch in file.batches():
                places = [before + place for place in batch.places]
                yield Batch(columns=batch.columns, places=places, broken=())
            before += file.expected()

    def expected(self) -> int:
        """How many rows there are, for a progress display."""
        return sum(file.expected() for file in self._files)


def open_fact_file(path: Path) -> FactFile:
    """The reader for a file, by its ending, or for a folder of Parquet files.

    Raises:
        NotFoundError: there is no such file.
        InputError: another ending, or a file that is not what its ending says.
    """
    if path.is_dir():
        return ParquetFolder(path)
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", do="give the path of a file of facts")
    readers: dict[str, type[CsvFile | JsonLinesFile | ParquetFile]] = {
        ".csv": CsvFile,
        ".tsv": CsvFile,
        ".jsonl": JsonLinesFile,
        ".ndjson": JsonLinesFile,
        ".parquet": ParquetFile,
    }
    if path.suffix.lower() not in readers:
        raise InputError(
            f"{path.name} ends in {path.suffix or 'nothing'!r}", do=f"give {', '.join(readers)}"
        )
    return readers[path.suffix.lower()](path)


class RejectsFile:
    """Refused rows beside their file, with line and reason; there only if a row was refused."""

    def __init__(self, beside: Path) -> None:
        self.path = beside.with_name(beside.name + ".rejects.csv")
        self.path.unlink(missing_ok=True)
        self._header: tuple[str, ...] = ()

    def write(self, columns: Sequence[str], refused: Sequence[Refused]) -> None:
        """Add refused rows; ``columns`` are those of their file."""
        new = not self._header
        if new:
            kept = [name for name in columns if name not in _OURS]
            self._header = (*_OURS, *kept)
        with self.path.open("w" if new else "a", encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            if new:
                writer.writerow(self._header)
            for row in refused:
                values = (_cell(row.values.get(name)) for name in self._header[len(_OURS) :])
                writer.writerow((row.place, row.reason, *values))


def _cell(value: object) -> str:
    """A value as a CSV cell that can be read again; bytes that were no UTF-8 as a mark."""
    text = "" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)
    return text.encode("utf-8", errors="replace").decode()


def _height(row: Sequence[str]) -> int:
    """How many lines a row takes: quoted fields may hold line breaks."""
    return 1 + sum(len(_BREAK.findall(value)) for value in row)


def _wrong_width(row: Sequence[str], width: int) -> str:
    if _height(row) > 1:
        return "cannot be split into fields: a quote is opened and not closed"
    return f"has {len(row)} fields, the header {width}"


def _hidden(file: Path, folder: Path) -> bool:
    """Whether a file is not meant to be read: other readers skip such names too."""
    return any(part[0] in "._" for part in file.relative_to(folder).parts)


def _newlines(path: Path) -> int:
    with path.open("rb") as raw:
        return sum(block.count(b"\n") for block in iter(lambda: raw.read(1 << 20), b""))


def _delimiter(lines: Sequence[str]) -> str:
    """The separator of a header: a comma unless it has none and has tabs or semicolons."""
    header = lines[0] if lines else ""
    found = [mark for mark in (",", "\t", ";") if mark in header]
    return found[0] if found else ","


def _distinct(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path} has the column {twice[0]!r} twice", do="rename or drop one")
    return tuple(names)


def _objects(lines: Sequence[tuple[int, str]]) -> Batch | None:
    """Lines of JSON as columns."""
    rows: list[tuple[int, Mapping[str, object]]] = []
    broken: list[tuple[int, str]] = []
    for number, line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            broken.append((number, f"is not JSON: {error}"))
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            broken.append((number, "is JSON, but not an object"))
    if not rows and not broken:
        return None
    names = dict.fromkeys(name for _, row in rows for name in row)
    return Batch(
        columns={name: [row.get(name) for _, row in rows] for name in names},
        places=[number for number, _ in rows],
        broken=tuple(broken),
    )


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


def _plain(column: Any) -> Any:
    """Times in microseconds, for Python knows no finer; dictionaries decoded."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return column
