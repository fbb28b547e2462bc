"""The exit codes of the command line: one table, beside the tree in :mod:`apologylab.errors`."""

from __future__ import annotations

from typing import Final

from apologylab import errors

DONE: Final = 0
UNEXPECTED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

CODES: Final[dict[type[errors.ApologylabError], int]] = {
    errors.ApologylabError: UNEXPECTED,
    errors.DeclarationError: 3,
    errors.ConfigError: 4,
    errors.InputError: 5,
    errors.UnitIdError: 5,
    errors.NotFoundError: 6,
    errors.StateError: 7,
    errors.OutdatedError: 7,
    errors.LedgerError: 8,
    errors.LedgerBusyError: 8,
    errors.LedgerGoneError: 8,
    errors.LedgerOldError: 9,
    errors.LedgerOtherError: 10,
    errors.NotEstimable: 11,
    errors.MissingPartError: 12,
}


def exit_code(error: errors.ApologylabError) -> int:
    """The exit code of ``error``; a class without a row has its nearest parent's.

    >>> exit_code(errors.NotFoundError("no experiment 'x'"))
    6
    """
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
