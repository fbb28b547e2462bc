"""Files of wordings: a text, or a table of texts as JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from apologylab.errors import InputError, NotFoundError
from apologylab.service.worded import Worded, refuse_text

DEFAULT: Final = "en"
_LOCALE: Final = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?")
_JSON_LINES: Final = (".jsonl", ".ndjson")


def read_wordings(file: Path, *, locale: str | None = None) -> tuple[Worded, ...]:
    """The wordings in ``file``: one of a text, one a row of JSON lines or CSV.

    Their language is that of their row, else ``locale``, else the one in the file's name
    (``sorry.de.txt``), else English.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or a row of it has no text.
    """
    try:
        content = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {file}", do="correct the path") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file} cannot be read as text: {error}", do="save it as UTF-8") from None
    name = str(file)
    tongue = locale or _of_name(file.name)
    if file.suffix in _JSON_LINES:
        return tuple(_rows(_json_lines(content, name), name, tongue))
    if file.suffix == ".csv":
        return tuple(_rows(_csv(content, name), name, tongue))
    return (_worded(content, tongue, name),)


def read_stream(content: str, *, locale: str | None = None) -> tuple[Worded, ...]:
    """The wordings that came over standard input: JSON lines if every line is one, else a text.

    Raises:
        InputError: there is nothing, or a row has no text.
    """
    lines = [line for line in content.removeprefix("\ufeff").splitlines() if line.strip()]
    tongue = locale or DEFAULT
    if lines and all(line.lstrip().startswith('{"') for line in lines):
        return tuple(_rows(_json_lines(content, "-"), "-", tongue))
    return (_worded(content, tongue, "-"),)


def _of_name(name: str) -> str:
    parts = name.split(".")
    found = parts[-2] if len(parts) > 2 else ""
    return found if _LOCALE.fullmatch(found) else DEFAULT


def _json_lines(content: str, file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(
                    f"{file}, line {number} is not JSON: {error}", do="write one object a line"
                ) from None
            if not isinstance(row, dict):
                raise InputError(f"{file}, line {number} is no object", do='write {"text": "…"}')
            yield number, row


def _csv(content: str, file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rows = csv.DictReader(io.StringIO(content, newline=""))
    if "text" not in (rows.fieldnames or ()):
        raise InputError(f"{file} has no column text", do="name it in the first line")
    before = 1
    try:
        for row in rows:
            yield before + 1, row
            before = rows.line_num
    except csv.Error as error:
        raise InputError(f"{file}, line {before + 1}: {error}", do="mend the line") from None


def _rows(
    rows: Iterator[tuple[int, Mapping[str, Any]]], file: str, locale: str
) -> Iterator[Worded]:
    for line, row in rows:
        tongue = row.get("locale") or locale
        name = row.get("id")
        yield _worded(
            row.get("text"), tongue, file, line, None if name in (None, "") else str(name)
        )


def _worded(
    text: object, locale: object, file: str, line: int = 1, name: str | None = None
) -> Worded:
    where = f"{file}, line {line}"
    refuse_text(text, where=where)
    if not isinstance(locale, str) or not _LOCALE.fullmatch(locale):
        raise InputError(f"{where}: locale {locale!r}", do='write a locale like "en" or "pt-BR"')
    return Worded(text=str(text), locale=locale, file=file, line=line, id=name)
