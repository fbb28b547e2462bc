"""The code of a coupon, made by us before it is issued.

It is in the text that is pinned, so it must be known before an issuer is asked; and it must be the
same whenever that is done again. So it is a keyed hash of the remedy's key: 50 bits that nobody
guesses who does not know the ledger's secret, in Crockford's base 32, which has no I, L, O and U.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10
COUPON_CODE: Final = "coupon_code"
"""The placeholder that holds it."""


def coupon_code(secret: str, key: str) -> str:
    """The code of what the remedy ``key`` gives.

    >>> coupon_code("s", "late_ride/i1")
    'KG67K-330Y3'
    """
    digest = hmac.new(secret.encode(), b"coupon|" + key.encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest[:8], "big")
    text = "".join(LETTERS[(number >> 5 * place) & 31] for place in range(LENGTH))
    return f"{text[:5]}-{text[5:]}"
