"""What a status of HTTP means for something that may be asked again without a second effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.channels.egress import wait_s_of
from apologylab.channels.issuing import Issued

if TYPE_CHECKING:
    from datetime import datetime

    from apologylab.channels.egress import Answer

OURS: Final = (401, 403, 407)
"""About our credentials: mend them, and it goes on."""
AGAIN: Final = (408, 409, 425, 429)


def from_status(answer: Answer, now: datetime) -> Issued:
    """Issued by any 2xx; refused by what will not change; else later.

    >>> from datetime import UTC, datetime
    >>> from apologylab.channels.egress import Answer
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> [from_status(Answer(code, {}, b""), now).state for code in (200, 400, 401, 429, 503)]
    ['issued', 'refused', 'later', 'later', 'later']
    """
    status = answer.status
    if 200 <= status < 300:
        return Issued(state="issued")
    because = f"it answered {status}"
    if status in OURS or status in AGAIN or status < 400 or status >= 500:
        return Issued(state="later", because=because, wait_s=wait_s_of(answer.headers, now))
    return Issued(state="refused", because=because)
