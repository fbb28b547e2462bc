"""Write the pages of docs/reference from the code: ``make docs``; with --check only compare."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from apologylab.catalogue import project
from apologylab.cli import app, exits
from apologylab.record import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
WIDTH = 88
HEAD = "<!-- Written by `make docs` from the code; edit the code instead. -->\n"
CODES = """
| code | when |
|---|---|
| 0 | done |
| 1 | an unexpected error: a fault of ours |
| 2 | the command line was not understood |
"""


def main() -> int:
    stale = [name for name, text in pages().items() if _read(FOLDER / name) != text]
    if "--check" in sys.argv:
        print(*(f"stale: docs/reference/{name}: run `make docs`" for name in stale), sep="\n")
        return len(stale)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def pages() -> dict[str, str]:
    """File name -> its text."""
    return {
        "cli.md": HEAD + "\n".join(_commands()),
        "facts.md": HEAD + "\n".join(_facts()),
        "project.md": HEAD + "\n".join(_project()),
    }


def _commands() -> Iterator[str]:
    yield "# The command line\n"
    yield "Results go to stdout, messages and progress to stderr. With `--json` a command prints"
    yield "one JSON document on stdout and nothing else. `APOLOGYLAB_DEBUG=1` adds tracebacks.\n"
    root = typer.Context(app.group(), info_name=app.PROGRAM, max_content_width=WIDTH)
    for name, line in app.COMMANDS.items():
        yield f"## {name}\n\n{line}.\n"
        command = app.load(name)
        context = typer.Context(
            command, info_name=name, parent=root, terminal_width=WIDTH, max_content_width=WIDTH
        )
        yield f"```text\n{command.get_help(context).rstrip()}\n```\n"
    yield "## Exit codes\n" + CODES.rstrip()
    for kind, code in exits.CODES.items():
        if code != exits.UNEXPECTED:
            yield f"| {code} | {_first_line(kind)} (`{kind.__name__}`) |"
    yield f"| {exits.INTERRUPTED} | interrupted with Ctrl-C |"
    yield f"| {exits.PIPE_CLOSED} | the reader of stdout went away |\n"


def _facts() -> Iterator[str]:
    yield "# Facts\n"
    yield "What happened, appended and never updated. `apologylab record FILE --as KIND` reads"
    yield "these columns; `apologylab record --template KIND` writes a header with an example.\n"
    for kind in _kinds():
        yield f"## {_snake(kind.__name__)}\n\n{_first_line(kind)}.\n"
        yield "| column | type | if left out |\n|---|---|---|"
        hints = get_type_hints(kind)
        for field in fields(kind):
            yield f"| `{field.name}` | {_type_name(hints[field.name])} | {_default(field)} |"
        yield ""


def _project() -> Iterator[str]:
    yield f"# {project.FILE}\n"
    yield (project.__doc__ or "").split("\n\n", 1)[1].replace("``", "`")
    yield "| key | type | environment variable |\n|---|---|---|"
    for key, kind in project.KEYS.items():
        yield f"| `{key}` | {_type_name(kind)} | `{project.PREFIX}{key.upper()}` |"
    yield ""


def _kinds() -> list[type]:
    return [
        kind
        for kind in vars(facts).values()
        if isinstance(kind, type) and issubclass(kind, facts.Fact) and kind is not facts.Fact
    ]


def _type_name(hint: Any) -> str:
    words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if hint in words:
        return words[hint]
    text = str(hint)
    known = {"datetime.datetime": "time", "str": "text", "int": "whole number", "float": "number"}
    first = text.split(" | ", maxsplit=1)[0].removeprefix("<class '").removesuffix("'>")
    return known.get(first, "JSON object" if "Mapping" in text else first)


def _default(field: Any) -> str:
    if field.default is not MISSING:
        return "empty" if field.default is None else f"`{field.default}`"
    return "must be given" if field.default_factory is MISSING else "empty"


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0].rstrip(".").replace("``", "`")


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main())
