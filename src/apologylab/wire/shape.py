"""Reading a TOML document as a declared class, saying every mistake of shape at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any

from apologylab.design.findings import Finding, at
from apologylab.design.findings.finding import Part
from apologylab.design.findings.later import KEYS as LATER_KEYS
from apologylab.design.findings.later import WORDS as LATER_WORDS
from apologylab.wire.draft import BROKEN, DraftList, DraftTable, DraftValue
from apologylab.wire.hints import FreeTable, Key, Leaf, ListOf, Shape, Table, WordOrTable, keys
from apologylab.wire.leaf import Unfit, read_leaf

Path = tuple[Part, ...]
Found = list[Finding]


def read_table(kind: type, document: Mapping[str, Any]) -> tuple[DraftValue, tuple[Finding, ...]]:
    """A draft of ``kind``, and all that is wrong with the document's shape."""
    found: Found = []
    return _table(Table(kind=kind), document, (), found), tuple(found)


def _read(shape: Shape, value: Any, path: Path, found: Found) -> Any:
    match shape:
        case Leaf():
            return _leaf(shape, value, path, found)
        case Table():
            return _table(shape, value, path, found)
        case ListOf():
            return _list(shape, value, path, found)
        case FreeTable():
            return _free_table(shape, value, path, found)
        case WordOrTable():
            if isinstance(value, dict):
                return _free_table(shape.table, value, path, found)
            return _leaf(shape.word, value, path, found)


def _leaf(leaf: Leaf, value: Any, path: Path, found: Found) -> Any:
    try:
        return read_leaf(leaf, value)
    except Unfit as unfit:
        later = isinstance(value, str) and value in LATER_WORDS.get(_plain(path), ())
        what = "is not carried out yet" if later else unfit.what
        found.append(Finding(path=at(*path), value=value, what=what, do=unfit.do))
        return BROKEN


def _plain(path: Path) -> str:
    """The first and last key of a path: ``compensation.kind``."""
    return at(path[0], path[-1])


def _table(table: Table, value: Any, path: Path, found: Found) -> DraftValue:
    if not isinstance(value, dict):
        found.append(_wrong(value, path, "a table"))
        return DraftValue(table.kind, {})
    known = {key.name: key for key in keys(table.kind)}
    meant = {each: _meant(each, known, value) for each in value if each not in known}
    for name, guess in meant.items():
        found.append(_unknown(name, guess, known, value[name], path))
    values = {
        name: _read(key.shape, value[name], (*path, name), found)
        if name in value
        else _absent(key, table.kind, path, found, misspelt=name in meant.values())
        for name, key in known.items()
    }
    return DraftValue(table.kind, values)


def _meant(name: str, known: Mapping[str, Key], value: Mapping[str, Any]) -> str | None:
    """The absent key that an unknown one was probably meant to be."""
    absent = [each for each in known if each not in value]
    guesses = get_close_matches(name, absent, n=1) or get_close_matches(name, known, n=1)
    return guesses[0] if guesses else None


def _unknown(
    name: str, guess: str | None, known: Mapping[str, Key], value: Any, path: Path
) -> Finding:
    if (later := LATER_KEYS.get(at(*path, name))) is not None:
        return Finding(
            path=at(*path, name),
            what=f"is not carried out yet: it belongs to {later.work}",
            do=later.do,
        )
    do = f"did you mean {guess}?" if guess else f"known here: {', '.join(known)}"
    shown = None if isinstance(value, dict) else value
    return Finding(path=at(*path, name), value=shown, what="is not a key known here", do=do)


def _absent(key: Key, kind: type, path: Path, found: Found, *, misspelt: bool) -> Any:
    if misspelt:
        return BROKEN
    if key.required:
        what, do = "is missing", f"add it: {key.doc}" if key.doc else "add it"
        found.append(Finding(path=at(*path, key.name), what=what, do=do))
        return BROKEN
    return _default(next(each for each in fields(kind) if each.name == key.name))


def _default(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


def _list(shape: ListOf, value: Any, path: Path, found: Found) -> DraftList:
    if not isinstance(value, list):
        found.append(_wrong(value, path, "a list in [ ]"))
        return DraftList(None)
    _enough(len(value), shape.fewest, path, found)
    items = [_read(shape.item, each, (*path, place), found) for place, each in enumerate(value)]
    for place, each in enumerate(items):
        before = [(type(other), other) for other in items[:place]]
        if isinstance(shape.item, Leaf) and each is not BROKEN and (type(each), each) in before:
            again = Finding(
                path=at(*path, place), value=each, what="stands here twice", do="delete one"
            )
            found.append(again)
    return DraftList(items)


def _free_table(shape: FreeTable, value: Any, path: Path, found: Found) -> DraftTable:
    if not isinstance(value, dict):
        found.append(_wrong(value, path, "a table"))
        return DraftTable(None)
    _enough(len(value), shape.fewest, path, found)
    values, holes = {}, False
    for name, each in value.items():
        if _leaf(shape.key, name, (*path, name), found) is BROKEN:
            holes = True
        else:
            values[name] = _read(shape.value, each, (*path, name), found)
    return DraftTable(values, holes=holes)


def _enough(count: int, fewest: int, path: Path, found: Found) -> None:
    if count < fewest:
        what = f"has {count} entries"
        found.append(Finding(path=at(*path), what=what, do=f"give at least {fewest}"))


def _wrong(value: Any, path: Path, wanted: str) -> Finding:
    return Finding(path=at(*path), value=value, what=f"is not {wanted}", do=f"write {wanted}")
