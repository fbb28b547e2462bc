"""Why goodwill was given is a code, never prose that could be about somebody."""

import pytest

from apologylab.record.facts import KINDS
from apologylab.record.integrity import Reader
from apologylab.record.values import Reading


def read(reason):
    given = {
        "key": ["g"], "occurred_at": ["2026-01-01T10:00Z"], "customer": ["c"], "kind": ["credit"],
        "amount": ["5.00"], "currency": ["USD"], "reason": [reason],
    }  # fmt: skip
    return Reader(KINDS["goodwill"], Reading())(given, places=[2])


@pytest.mark.parametrize("reason", ["late_again", "r7", None, ""])
def test_a_code_is_taken_and_none_is_needed(reason):
    (row,) = read(reason).rows
    assert row[-1] == (reason or None)


@pytest.mark.parametrize("reason", ["Ana was upset", "LATE", "x" * 65, "später"])
def test_prose_is_refused(reason):
    found = read(reason)
    assert (found.rows, "write a code, like late_again" in found.problems[2]) == ([], True)
