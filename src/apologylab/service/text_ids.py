"""The ids under which personal texts stand: the same on every retry, and nobody can guess them.

An id is HMAC-SHA-256 with the ledger's secret as key. To whoever lacks the secret it is as random
as R21 asks, and tells nothing of the customer; see docs/adr/0022-texts-and-forgetting.md.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apologylab.record.facts import Remedy
    from apologylab.service.ports import LedgerIdentity

Of = Literal["remedy", "incident", "address"]
"""What a text belongs to: a remedy's rendered text, what an incident brought for texts only, or the
address that a remedy goes to."""


def text_id(ledger: LedgerIdentity, of: Of, key: str) -> str:
    """The id of the text that belongs to the remedy or incident ``key``: 32 hex digits.

    >>> from apologylab.service.ports import LedgerIdentity
    >>> ledger = LedgerIdentity(id="l1", environment="test", simulated=True, secret="s")
    >>> text_id(ledger, "remedy", "late_ride/i1")
    'c5affb5629895b9540fe4c47f07bbe6c'
    """
    message = f"{of}|{ledger.id}|{key}".encode()
    return hmac.new(ledger.secret.encode(), message, hashlib.sha256).hexdigest()[:32]


def text_ids(remedies: Iterable[Remedy]) -> list[str]:
    """The ids of all texts of ``remedies``: what is said, and to which address."""
    return [each for remedy in remedies for each in (remedy.text, remedy.address) if each]
