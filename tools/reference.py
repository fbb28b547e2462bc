"""Write the pages of docs/reference from the code: ``make docs``; with --check only compare."""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from apologylab.catalogue import project
from apologylab.cli import app, exits
from apologylab.design.estimators import ESTIMATORS, Option
from apologylab.design.experiment import Experiment
from apologylab.record import facts
from apologylab.wire import hints
from apologylab.wire.remedies import SCHEMA

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
        "declaration.md": HEAD + "\n".join(_declaration()),
        "estimators.md": HEAD + "\n".join(_estimators()),
        "facts.md": HEAD + "\n".join(_facts()),
        "project.md": HEAD + "\n".join(_project()),
        "remedy.schema.json": json.dumps(SCHEMA, indent=2) + "\n",
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


def _declaration() -> Iterator[str]:
    yield "# The declaration: experiment.toml\n"
    yield 'One table a section, one key a row. Money is written `"5.00 USD"`, a delay `"15min"`,'
    yield '`"4h"` or `"2d"`. Rules across keys are what `apologylab check` is for.\n'
    waiting: list[tuple[str, type]] = [("", Experiment)]
    while waiting:
        path, kind = waiting.pop(0)
        title = f"[{path}]" if path else "Top of the file"
        title = f"[[{path[:-2]}]]" if path.endswith("[]") else title
        yield f"## {title}\n\n{_first_line(kind)}.\n"
        yield "| key | value | if left out | meaning |\n|---|---|---|---|"
        defaults = {field.name: _default(field) for field in fields(kind)}
        for key in hints.keys(kind):
            inner = _inner(key.name, key.shape)
            waiting.extend((f"{path}.{name}".strip("."), table) for name, table in inner)
            left_out = defaults[key.name]
            yield f"| `{key.name}` | {_value(key.shape)} | {left_out} | {key.doc} |"
        yield ""


def _inner(name: str, shape: hints.Shape) -> list[tuple[str, type]]:
    """The tables that a key holds, under the name that their sections have."""
    match shape:
        case hints.Table(kind=kind):
            return [(name, kind)]
        case hints.ListOf(item=hints.Table(kind=kind)):
            return [(f"{name}[]", kind)]
        case hints.FreeTable(value=hints.Table(kind=kind)):
            return [(f"{name}.NAME", kind)]
    return []


def _value(shape: hints.Shape) -> str:
    match shape:
        case hints.Leaf():
            return _leaf(shape)
        case hints.Table():
            return "table, see below"
        case hints.ListOf(item=item):
            return f"list of {_value(item)}"
        case hints.FreeTable(value=value):
            return f"table: name = {_value(value)}"
    return f"{_leaf(shape.word)}, or table: name = {_value(shape.table.value)}"


def _leaf(leaf: hints.Leaf) -> str:
    if leaf.choices:
        return " or ".join(f"`{choice}`" for choice in leaf.choices)
    words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    kinds = " or ".join(words.get(kind, kind.__name__.lower()) for kind in leaf.kinds)
    if leaf.range:
        low = f" {'above' if leaf.range.open_low else 'from'} {leaf.range.low}"
        high = f" to {leaf.range.high}"
        ends = (leaf.range.low, leaf.range.high)
        return kinds + "".join(
            t for t, end in zip((low, high), ends, strict=True) if end is not None
        )
    return kinds


def _estimators() -> Iterator[str]:
    yield "# Estimators\n"
    yield "One spelling in `[plan] estimators`, `analyse --estimator` and"
    yield "`apologylab.analyse(estimators=[...])`: `name`, or `name(option=value, option=value)`."
    yield "Which to use when: [choose an estimator](../how-to/choose-an-estimator.md).\n"
    yield "| name | what it gives | where units were drawn by |\n|---|---|---|"
    for each in ESTIMATORS.values():
        needs = "; needs covariates" if each.covariates else ""
        yield f"| `{each.name}` | {each.about}{needs} | {', '.join(each.schemes)} |"
    yield "\n## Options\n"
    yield "| estimator | option | values | if left out | meaning |\n|---|---|---|---|---|"
    for each in ESTIMATORS.values():
        for name, option in each.options.items():
            default = "must be given" if option.default is None else f"`{_said(option.default)}`"
            values = _values(option)
            yield f"| `{each.name}` | `{name}` | {values} | {default} | {option.about} |"
    yield ""


def _values(option: Option) -> str:
    if option.words:
        return " or ".join(f"`{word}`" for word in option.words)
    if not option.number:
        return "a name"
    low = "" if option.low == float("-inf") else f" from {option.low:g}"
    return f"number{low}{'' if option.high == float('inf') else f' to {option.high:g}'}"


def _said(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _facts() -> Iterator[str]:
    yield "# Facts\n"
    yield "What happened, appended and never updated. `apologylab record FILE --as KIND` reads"
    yield "these columns; `apologylab record --template KIND` writes a header with an example.\n"
    for kind in _kinds():
        yield f"## {_snake(kind.__name__)}\n\n{_first_line(kind)}.\n"
        yield "| column | type | if left out |\n|---|---|---|"
        types = get_type_hints(kind)
        for field in fields(kind):
            yield f"| `{field.name}` | {_type_name(types[field.name])} | {_default(field)} |"
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
    word = known.get(first, "JSON object" if "Mapping" in text else first)
    return f"{word}, or empty" if "None" in text else word


def _default(field: Any) -> str:
    if field.default is MISSING:
        return "must be given" if field.default_factory is MISSING else "empty"
    if is_dataclass(field.default):
        return "its own defaults"
    return "empty" if field.default in {None, ""} else f"`{json.dumps(field.default)}`"


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0].rstrip(".").replace("``", "`")


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main())
