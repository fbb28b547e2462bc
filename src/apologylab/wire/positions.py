"""Where each key of a TOML text stands, through tree-sitter; imported only to place findings."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import tree_sitter
import tree_sitter_toml

from apologylab.design.findings import at
from apologylab.design.findings.finding import Part

if TYPE_CHECKING:
    from tree_sitter import Node

Path = tuple[Part, ...]


def positions(text: str) -> dict[str, int]:
    """Path -> line, from 1, of everything in a text that ``tomllib`` reads.

    >>> positions("a = 1\\n[[b]]\\nc = [1,\\n 2]\\n")
    {'a': 1, 'b': 2, 'b[0]': 2, 'b[0].c': 3, 'b[0].c[0]': 3, 'b[0].c[1]': 4}
    """
    language = tree_sitter.Language(tree_sitter_toml.language())
    root = tree_sitter.Parser(language).parse(text.encode()).root_node
    return _Walk().document(root)


class _Walk:
    """One walk over a document: lines by path, and how long each array of tables has become."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.lengths: dict[Path, int] = {}

    def document(self, root: Node) -> dict[str, int]:
        for node in root.named_children:
            if node.type == "pair":
                self.pair(node, ())
            elif node.type in {"table", "table_array_element"}:
                self.table(node)
        return self.lines

    def table(self, node: Node) -> None:
        head, *pairs = (each for each in node.named_children if each.type != "comment")
        path = self.header(_key(head), node, array=node.type == "table_array_element")
        for pair in pairs:
            self.pair(pair, path)

    def header(self, names: tuple[str, ...], node: Node, *, array: bool) -> Path:
        path: Path = ()
        for place, name in enumerate(names):
            path = (*path, name)
            self.put(path, node)
            if array and place == len(names) - 1:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
                self.put(path, node)
        return path

    def pair(self, node: Node, path: Path) -> None:
        key, value = (each for each in node.named_children if each.type != "comment")
        for name in _key(key):
            path = (*path, name)
            self.put(path, node)
        self.value(value, path)

    def value(self, node: Node, path: Path) -> None:
        items = [each for each in node.named_children if each.type != "comment"]
        if node.type == "array":
            for place, each in enumerate(items):
                self.put((*path, place), each)
                self.value(each, (*path, place))
        elif node.type == "inline_table":
            for each in items:
                self.pair(each, path)

    def put(self, path: Path, node: Node) -> None:
        self.lines.setdefault(at(*path), node.start_point[0] + 1)


def _key(node: Node) -> tuple[str, ...]:
    """The names of a bare, quoted or dotted key, read by ``tomllib`` itself."""
    text = node.text or b""
    document: dict[str, Any] = tomllib.loads(text.decode() + " = 0")
    names: tuple[str, ...] = ()
    inner: Any = document
    while isinstance(inner, dict):
        ((name, inner),) = inner.items()
        names = (*names, name)
    return names
