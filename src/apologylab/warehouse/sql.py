"""Values written into SQL for DuckDB: names, texts and numbers, each so that it is read back."""

from __future__ import annotations


def identifier(name: str) -> str:
    """A column's name, quoted.

    >>> identifier('a "b" c')
    '"a ""b"" c"'
    """
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def text_literal(text: str) -> str:
    """A text, quoted.

    >>> text_literal("it's")
    "'it''s'"
    """
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def double(value: float) -> str:
    """A double with all its digits; DuckDB reads ``0.1`` as a decimal, but ``1e-1`` as a double.

    >>> double(0.1)
    '1.0000000000000001e-01'
    """
    return f"{value:.16e}"
