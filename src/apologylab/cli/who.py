"""Who types: noted with every change."""

from __future__ import annotations


def who(by: str | None) -> str:
    """``by`` as given, otherwise the login name; a machine without names gives its number.

    >>> who("ana@shop.example")
    'ana@shop.example'
    """
    import os
    from getpass import getuser

    if by is not None:
        return by
    try:
        return getuser()
    except (OSError, KeyError, ImportError):
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
