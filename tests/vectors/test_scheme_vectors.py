"""Blocks and coins reproduce tests/vectors/schemes.json (R1, R3)."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path

import pytest
from scipy import stats

from apologylab.assignment.assigner import Assigner
from apologylab.assignment.permuted import compile_blocks
from apologylab.wire.declaration import read

HERE = Path(__file__).parent
DOCUMENT = json.loads((HERE / "schemes.json").read_text(encoding="utf-8"))
DECLARATION = """
name = "{name}"
question = "Which words?"
owner = "vectors"
version = {version}
{salt}
[incident]
kind = "late"
recurs = false
[factors]
wording = ["none", {levels}]
[allocation]
scheme = "{scheme}"
{keys}
weights = {{ {weights} }}
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "today"
[today]
wording = "template"
[[outcomes]]
name = "orders_28d"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""


def declared(row, scheme, keys):
    weights = ", ".join(f"{arm} = {weight}" for arm, weight in row["weights"].items())
    text = DECLARATION.format(
        name=row["name"],
        version=row.get("version", 1),
        salt=f'salt = "{row["salt"]}"' if row["salt"] else "",
        levels=", ".join(f'"{arm}"' for arm in row["weights"] if arm != "silence"),
        scheme=scheme,
        keys=keys,
        weights=weights,
    )
    if row.get("phase", 1) == 2:
        later = f"[[allocation.phases]]\nweights = {{ {weights} }}\n[otherwise]"
        text = text.replace("[otherwise]", later)
    return read(text, where=row["name"])


def test_the_file_is_what_the_generator_writes(tmp_path):
    spec = importlib.util.spec_from_file_location("scheme_vectors", HERE / "generate_schemes.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    generator.HERE = tmp_path
    generator.main()
    written = json.loads((tmp_path / "schemes.json").read_text())
    assert written == DOCUMENT, "run tests/vectors/generate_schemes.py and look at the change"


def test_permuted_blocks_reproduce_them():
    for row in DOCUMENT["blocks"]:
        size = "" if row["block_size"] is None else f"block_size = {row['block_size']}"
        place = compile_blocks(declared(row, "blocks", size), row["phase"])
        first = row["block"] * len(row["arms"])
        found = [place(row["stratum"], first + i) for i in range(len(row["arms"]))]
        assert [each.arm for each in found] == row["arms"]
        assert {each.block for each in found} == {row["block"]}


def test_coins_reproduce_them():
    for row in DOCUMENT["coins"]:
        keys = f'coin = {row["coin"]}\nstrata = ["country", "tier"]'
        placing = Assigner(declared(row, "minimisation", keys)).placing(1)
        answer = placing.by_coin(row["unit"], row["counts"])
        numerator, denominator = row["propensity"]
        assert (answer.arm, answer.propensity) == (row["arm"], numerator / denominator)
    assert len(DOCUMENT["coins"]) == 120


@pytest.mark.parametrize("stratum", ["", "country=US"])
def test_all_orders_of_a_block_are_equally_likely(stratum):
    """Six orders of 2:2 in 12,000 blocks; chi-square at 1e-4, so it fails once in 10,000 salts."""
    place = compile_blocks(declared(DOCUMENT["blocks"][0], "blocks", ""), 1)
    orders = Counter(
        tuple(place(stratum, 4 * block + i).arm for i in range(4)) for block in range(12_000)
    )
    assert len(orders) == 6
    assert stats.chisquare(list(orders.values())).pvalue > 1e-4
