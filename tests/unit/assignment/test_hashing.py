from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction

import pytest

from apologylab.assignment.hashing import (
    cut_points,
    experiment_prefix,
    share_bound,
    shared_prefix,
    word,
)


def number(bound):
    return int.from_bytes(bound)


@pytest.mark.parametrize(
    ("share", "bound"),
    [(0.5, 2**63), (0.1, 2**64 // 10), (0.05, 2**64 // 20), (0.0, 0), (1e-3, 2**64 // 1000)],
)
def test_a_share_is_the_fraction_as_written_and_not_the_float(share, bound):
    assert number(share_bound(share)) == bound


def test_a_certain_share_has_no_bound():
    assert share_bound(1.0) is None
    assert share_bound(1) is None


def test_cut_points_are_the_floors_of_cumulative_shares_and_the_last_has_none():
    weights = [3, 1, 7, 2]
    expected = [int(Fraction(upto, 13) * 2**64) for upto in (3, 4, 11)]
    assert [number(cut) for cut in cut_points(weights)] == expected


def test_bytes_fall_where_their_integers_fall():
    cuts = cut_points([1, 1, 1])
    third = int.from_bytes(cuts[0])
    for value, arm in [(0, 0), (third - 1, 0), (third, 1), (2**64 - 1, 2), (2**63, 1)]:
        assert bisect_right(cuts, value.to_bytes(8)) == arm


def test_words_are_the_digest_in_order():
    digest = bytes(range(32))
    assert b"".join(word(digest, k) for k in range(4)) == digest


def test_no_two_pairs_of_names_and_salts_share_a_prefix(plain):
    pairs = [
        ("a", "bc"),
        ("ab", "c"),
        ("a", None),
        ("a1", "1"),
        ("a", "11"),
        ("a.1", "b"),
        ("a", "1.b"),
    ]
    prefixes = {experiment_prefix(replace(plain, name=name, salt=salt)) for name, salt in pairs}
    assert len(prefixes) == len(pairs)


def test_shared_draws_have_prefixes_of_their_own(plain):
    one = experiment_prefix(replace(plain, name="x", salt="s"))
    others = {shared_prefix("holdout", "s"), shared_prefix("layer", "s")}
    assert len({one, *others}) == 3
    assert not any(one.startswith(other) or other.startswith(one) for other in others)
