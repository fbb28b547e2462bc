"""The draw's arithmetic (R1): what is hashed, and how a word of the digest is compared.

A draw hashes ``prefix + unit`` with SHA-256 and reads the digest as 64-bit words, big-endian. Each
word is one independent draw; its number is the draw's label. A word is compared with integer
boundaries over 2^64, held here as 8 big-endian bytes, because bytes compare as the integers do.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.experiment import Experiment

ENTRY, ARM, DELAY, TEXT = range(4)
"""The words of a digest, by what they draw."""
WORD_BYTES = 8
WHOLE = 2**64


def word(digest: bytes, number: int) -> bytes:
    """The 8 bytes of word ``number``.

    >>> word(bytes(range(32)), ARM).hex()
    '08090a0b0c0d0e0f'
    """
    return digest[number * WORD_BYTES : (number + 1) * WORD_BYTES]


def experiment_prefix(experiment: Experiment) -> bytes:
    """What stands before the unit in the draws of one experiment: its name and its salt.

    Each part carries its length, so no two pairs of parts give the same bytes. Without a declared
    salt its part is empty, which keeps a short id's message within one block of SHA-256.
    """
    return b"apologylab/1|" + netstring(experiment.name) + netstring(experiment.salt or "")


def shared_prefix(draw: str, salt: str) -> bytes:
    """What stands before the customer in a draw that experiments share: ``holdout``, ``layer``.

    >>> shared_prefix("holdout", "2026")
    b'apologylab/1/holdout|4:2026,'
    """
    return f"apologylab/1/{draw}|".encode() + netstring(salt)


def block_prefix(experiment: Experiment, phase: int) -> bytes:
    """What stands before stratum, block and place where a permuted block is put in order (R3)."""
    parts = (experiment.name, experiment.salt or "", str(experiment.version), str(phase))
    return b"apologylab/1/block|" + b"".join(map(netstring, parts))


def netstring(text: str) -> bytes:
    """``text`` with its length, so that no two rows of them give the same bytes.

    >>> netstring("a,b") + netstring("c")
    b'3:a,b,1:c,'
    """
    body = text.encode()
    return b"%d:%b," % (len(body), body)


def share_bound(share: float) -> bytes | None:
    """The word below which a draw with probability ``share`` succeeds; None: always.

    The share is read as it is written: 0.1 is one tenth, not the nearest float.

    >>> share_bound(0.5).hex()
    '8000000000000000'
    >>> share_bound(1.0) is None
    True
    """
    return _bound(Fraction(str(share)))


def cut_points(weights: Sequence[int]) -> tuple[bytes, ...]:
    """Upper boundaries, not included, of all positive ``weights`` but the last.

    A word falls to entry ``bisect_right(cut_points, word)``: boundary i is
    floor(2^64 * (w_1 + ... + w_i) / total), and the last has none.

    >>> [cut.hex() for cut in cut_points([1, 2, 1])]
    ['4000000000000000', 'c000000000000000']
    """
    total = sum(weights)
    bounds = (_bound(Fraction(upto, total)) for upto in accumulate(weights))
    return tuple(bound for bound in bounds if bound is not None)


def _bound(share: Fraction) -> bytes | None:
    below = int(share * WHOLE)
    return None if below == WHOLE else below.to_bytes(WORD_BYTES)
