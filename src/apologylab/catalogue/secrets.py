"""Secrets of the environment: a variable, or the file that its twin ``_FILE`` names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from apologylab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_variable(environ: Mapping[str, str], variable: str) -> str | None:
    """What ``variable`` holds, or the file that ``<variable>_FILE`` names; None if neither is set.

    Raises:
        ConfigError: both are set, or the file cannot be read.
    """
    plain, file = environ.get(variable), environ.get(f"{variable}_FILE")
    if plain and file:
        raise ConfigError(f"{variable} and {variable}_FILE are both set", do="unset one")
    return _content(f"{variable}_FILE", Path(file)) if file else plain or None


def _content(variable: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(
            f"{variable} names {file}, which cannot be read: {why}",
            do="correct the path or its permissions",
        ) from error
