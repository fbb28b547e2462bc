"""What can be wrong with surveys and notices in a declaration."""

from __future__ import annotations

import pytest

from apologylab.wire.declaration import examine

TEXT = """
name = "sorry"
question = "Do words help?"
owner = "care"
factors = { wording = ["none", "plain", "promise"] }
incident = { kind = "late", recurs = false }
otherwise = { INELIGIBLE = "today", CLOSED = "today", FALLBACK = "today" }
today = { wording = "template" }
[wording.promise]
parts = ["regret", "promise"]
promise = { what = "x", keeper = "team", within = "30d", notice = "5d" }
[survey]
share = 0.25
after = "36h"
questions = ["satisfied", "heard"]
[[outcomes]]
name = "orders_28d"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""


def errors(text):
    _, found = examine(text)
    return {each.path: each.what for each in found if each.severity == "error"}


def test_what_is_right_is_admitted():
    assert errors(TEXT) == {}


@pytest.mark.parametrize(
    ("old", "new", "path", "what"),
    [
        ('"heard"]', '"satisfied"]', "survey.questions[1]", "is asked twice"),
        ("share = 0.25", "share = 0.0", "survey.share", "out of range"),
        ('notice = "5d"', 'notice = "30d"', "wording.promise.promise.notice", "for 30d"),
        ('notice = "5d"', 'notice = "soon"', "wording.promise.promise.notice", ""),
        ("[survey]", '[delivery]\nby = "caller"\n[survey]', "survey", "by apologylab"),
        (
            "[survey]",
            '[delivery]\nby = "caller"\n[survey]',
            "wording.promise.promise.notice",
            "by apologylab",
        ),
        ('after = "36h"', 'after = "1.5d"', "survey.after", ""),
    ],
)
def test_what_is_wrong_is_found_at_its_place(old, new, path, what):
    found = errors(TEXT.replace(old, new))
    assert path in found, found
    assert what in found[path]
