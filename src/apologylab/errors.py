"""Every error that apologylab raises on purpose.

::

    ApologylabError
    ├── DeclarationError      an experiment's declaration has mistakes (carries the findings)
    ├── ConfigError           apologylab.toml or the environment is missing or wrong
    ├── InputError            a file or a value that was handed in is wrong
    │   └── UnitIdError       a unit id breaks R8
    ├── NotFoundError         a name, a file or a fact that is not there
    ├── StateError            right call, wrong moment (start twice, edit while running)
    │   └── OutdatedError     a later version was started: load the experiment again
    ├── LedgerError           the ledger cannot do what was asked
    │   ├── LedgerBusyError   other transactions were in the way: do the same again
    │   ├── LedgerGoneError   its server cannot be reached, or went while it committed
    │   ├── LedgerOldError    its schema is older than this version: run ``apologylab migrate``
    │   └── LedgerOtherError  it belongs to another environment, or is simulated (or is not)
    ├── NotEstimable          the data cannot answer the question asked (R24)
    └── MissingPartError      an optional package is not installed

Each message says what is wrong, which value, and what to do next. ``cli.exits`` maps each class
to an exit code; a test walks this tree and that table together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.findings import Finding


class ApologylabError(Exception):
    """The root: what is wrong, and what to do next.

    >>> str(ApologylabError("no ledger at x.sqlite", do="run `apologylab init`"))
    'no ledger at x.sqlite: run `apologylab init`'
    """

    def __init__(self, what: str, *, do: str = "") -> None:
        super().__init__(f"{what}: {do}" if do else what)
        self.what = what
        self.do = do


class DeclarationError(ApologylabError):
    """A declaration has mistakes; ``findings`` holds them all."""

    def __init__(self, what: str, *, do: str = "", findings: Sequence[Finding] = ()) -> None:
        super().__init__(what, do=do)
        self.findings = tuple(findings)


class ConfigError(ApologylabError):
    """``apologylab.toml`` or an environment variable is missing or wrong."""


class InputError(ApologylabError):
    """A file or a value that was handed in is wrong."""


class UnitIdError(InputError):
    """A unit id breaks R8."""


class NotFoundError(ApologylabError):
    """A name, a file or a fact that is not there."""


class StateError(ApologylabError):
    """The right call at the wrong moment."""


class OutdatedError(StateError):
    """A later version of the experiment was started; nothing was stored."""


class LedgerError(ApologylabError):
    """The ledger cannot do what was asked."""


class LedgerBusyError(LedgerError):
    """Other transactions were in the way and nothing was stored; the same call may pass now."""


class LedgerGoneError(LedgerError):
    """The ledger's server is out of reach; what it was committing may be stored or not."""


class LedgerOldError(LedgerError):
    """The ledger's schema is not this version's."""


class LedgerOtherError(LedgerError):
    """The ledger belongs to another environment, or its ``simulated`` mark forbids the call."""


class NotEstimable(ApologylabError):  # noqa: N818 - the field's word, used in the design (R24)
    """The data cannot answer the question asked; the message says why."""


class MissingPartError(ApologylabError):
    """An optional package is not installed; the message names the extra."""
