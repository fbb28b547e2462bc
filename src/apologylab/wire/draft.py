"""Drafts: a declaration's values before they are known to be right.

A draft has the attributes of the class it is to become; a leaf that could not be read raises
``Unreadable`` when touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apologylab.design.findings import Unreadable

BROKEN = object()
"""Stands where something could not be read."""


def _whole(value: Any) -> Any:
    if value is BROKEN:
        raise Unreadable
    return value


class DraftValue:
    """A table on its way to become ``kind``; a field without a value cannot be read."""

    def __init__(self, kind: type, values: Mapping[str, Any]) -> None:
        self._kind = kind
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _whole(self._values.get(name, BROKEN))

    def build(self) -> Any:
        """The value itself, of a draft without mistakes."""
        return self._kind(**{name: built(value) for name, value in self._values.items()})


class DraftTable(Mapping[str, Any]):
    """A free table; None for one of which nothing can be read.

    With ``holes`` some keys could not be read, so that no key is surely absent.
    """

    def __init__(self, values: Mapping[str, Any] | None, *, holes: bool = False) -> None:
        self._values = values
        self._holes = holes

    def __getitem__(self, key: str) -> Any:
        self._refuse_unsure(key)
        return _whole(self._known()[key])

    def __contains__(self, key: object) -> bool:
        self._refuse_unsure(key)
        return key in self._known()

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def _known(self) -> Mapping[str, Any]:
        if self._values is None:
            raise Unreadable
        return self._values

    def _refuse_unsure(self, key: object) -> None:
        if self._holes and key not in self._known():
            raise Unreadable

    def build(self) -> dict[str, Any]:
        """The table itself."""
        return {key: built(value) for key, value in self._known().items()}


class DraftList(Sequence[Any]):
    """A list; ``None`` stands for one of which nothing can be read."""

    def __init__(self, values: Sequence[Any] | None) -> None:
        self._values = values

    def __getitem__(self, place: Any) -> Any:
        return _whole(self._known()[place])

    def __len__(self) -> int:
        return len(self._known())

    def _known(self) -> Sequence[Any]:
        if self._values is None:
            raise Unreadable
        return self._values

    def build(self) -> tuple[Any, ...]:
        """The list itself."""
        return tuple(built(value) for value in self._known())


def built(value: Any) -> Any:
    """What a draft without mistakes stands for."""
    return value.build() if isinstance(value, DraftValue | DraftTable | DraftList) else value
