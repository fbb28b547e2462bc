"""The text of a stratum: readable, and one for each combination of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apologylab.assignment.clusters import cluster_of
from apologylab.assignment.strata import LONGEST_BYTES, levels, spelt, split, stratum

NAMES = ("country", "tier")
TEXTS = st.text(alphabet=st.sampled_from("ab?,\\=#\n\x7f é"), max_size=4)
VALUES = st.one_of(st.none(), TEXTS)


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"country": "US", "tier": "gold"}, "country=US,tier=gold"),
        ({"country": "US"}, "country=US,tier=?"),
        ({"country": "?", "tier": ""}, "country=\\?,tier="),
        ({"country": "a,tier=b", "tier": "\\"}, "country=a\\,tier=b,tier=\\\\"),
        ({"country": "a\nb", "tier": 7.0}, "country=a\\x0ab,tier=7"),
        ({"country": True, "tier": ["x", "y"]}, 'country=true,tier=["x"\\, "y"]'),
        ({"country": "cafe\u0301", "tier": 0.5}, "country=café,tier=0.5"),
    ],
)
def test_it_reads_as_field_and_value(fields, written):
    assert stratum(fields, NAMES) == written


@given(st.tuples(VALUES, VALUES), st.tuples(VALUES, VALUES))
def test_no_two_combinations_are_written_alike(one, two):
    first = stratum(dict(zip(NAMES, one, strict=True)), NAMES)
    second = stratum(dict(zip(NAMES, two, strict=True)), NAMES)
    assert (first == second) == (list(map(spelt, one)) == list(map(spelt, two)))


@given(st.tuples(VALUES, VALUES))
def test_it_splits_into_the_levels_that_it_was_made_of(values):
    fields = dict(zip(NAMES, values, strict=True))
    assert split(stratum(fields, NAMES)) == levels(fields, NAMES)


def test_a_long_one_is_named_by_its_hash():
    long = stratum({"country": "x" * 600}, NAMES)
    assert long.startswith("#")
    assert long.endswith(",tier=?")
    assert len(long) == 65 + len(",tier=?")
    assert long != stratum({"country": "x" * 601}, NAMES)
    assert len(stratum({"country": "x" * (LONGEST_BYTES - 15)}, NAMES)) == LONGEST_BYTES
    half = "x" * 300
    assert len(stratum({"country": half, "tier": half}, NAMES)) == 65


def test_a_number_and_its_text_are_one_value():
    assert spelt(7) == spelt(7.0) == spelt("7")
    assert spelt(1) != spelt(True)


@pytest.mark.parametrize(
    ("fields", "cause", "named", "found"),
    [
        ({"household": 17}, None, "household", "17"),
        ({"household": "  "}, None, "household", "  "),
        ({"household": ""}, None, "household", None),
        ({}, None, "household", None),
        ({"household": "a\nb"}, None, "household", None),
        ({"household": "Zoe\u0308"}, None, "household", "Zoë"),
        ({"cause": "told"}, "outage-7", "cause", "outage-7"),
        ({"cause": "told"}, None, "cause", "told"),
        ({}, "outage-7", "household", None),
    ],
)
def test_a_cluster_has_a_valid_id_or_none(fields, cause, named, found):
    assert cluster_of(fields, cause, named=named, rule="nfc") == found
