"""Writes schemes.json: golden permuted blocks and minimised coins, from the rules' text alone.

Nothing of apologylab is imported, so the file also shows another language what to do.
"""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from math import gcd
from pathlib import Path

HERE = Path(__file__).parent


def netstring(text):
    body = text.encode()
    return str(len(body)).encode() + b":" + body + b","


# ── permuted blocks ─────────────────────────────────────────────────────────────────────────────
def block(case, stratum, number):
    """The arms of one block in their order: places sorted by the first 64 bits of their hashes."""
    weights = {arm: weight for arm, weight in case["weights"].items() if weight}
    divisor = gcd(*weights.values())
    smallest = sum(weights.values()) // divisor
    size = case["block_size"] or smallest * (1 if min(weights.values()) > divisor else 2)
    held = [
        arm for arm, weight in weights.items() for _ in range(weight // divisor * size // smallest)
    ]
    parts = [case["name"], case["salt"], str(case["version"]), str(case["phase"]), stratum]
    head = b"apologylab/1/block|" + b"".join(netstring(part) for part in (*parts, str(number)))
    words = [
        int.from_bytes(hashlib.sha256(head + netstring(str(place))).digest()[:8])
        for place in range(size)
    ]
    return [held[place] for place in sorted(range(size), key=lambda place: (words[place], place))]


# ── minimisation ────────────────────────────────────────────────────────────────────────────────
def coin(case, unit, counts):
    """The arm of a unit and its probability, as a fraction."""
    arms = [arm for arm, weight in case["weights"].items() if weight]
    weights = [Fraction(case["weights"][arm]) for arm in arms]
    total = sum(weights)

    def imbalance(joined):
        found = Fraction(0)
        for alike in counts:
            n = [alike.get(arm, 0) + (i == joined) for i, arm in enumerate(arms)]
            found += sum(w * (m / w - sum(n) / total) ** 2 for m, w in zip(n, weights, strict=True))
        return found

    distances = [imbalance(i) for i in range(len(arms))]
    best = [i for i, distance in enumerate(distances) if distance == min(distances)]
    blind = (1 - Fraction(case["coin"])) / (1 - min(weights) / total)
    among = sum(weights[i] for i in best)
    law = [
        blind * weight / total + (1 - blind) * (weight / among if i in best else 0)
        for i, weight in enumerate(weights)
    ]
    prefix = b"apologylab/1|" + netstring(case["name"]) + netstring(case["salt"])
    word = int.from_bytes(hashlib.sha256(prefix + unit.encode()).digest()[8:16])
    upto, drawn = Fraction(0), len(arms) - 1
    for i, share in enumerate(law[:-1]):
        upto += share
        if word < int(upto * 2**64):
            drawn = i
            break
    return arms[drawn], law[drawn]


BLOCKS = [
    {"name": "two", "salt": "", "version": 1, "phase": 1, "weights": {"silence": 1, "a": 1}, "block_size": None},
    {"name": "two", "salt": "", "version": 2, "phase": 1, "weights": {"silence": 1, "a": 1}, "block_size": None},
    {"name": "two", "salt": "again", "version": 1, "phase": 2, "weights": {"silence": 2, "a": 4}, "block_size": 9},
    {"name": "many", "salt": "s.1", "version": 1, "phase": 1, "weights": {"silence": 6, "a": 4, "b": 2, "c": 0}, "block_size": 36},
    {"name": "odd", "salt": "", "version": 1, "phase": 1, "weights": {"silence": 3, "a": 2}, "block_size": None},
]  # fmt: skip
STRATA = ["", "country=US,tier=gold", "country=?,tier=\\?", "city=Rīga\\, LV", "city=東京"]
COINS = [
    {"name": "min", "salt": "", "weights": {"silence": 1, "a": 1, "b": 1}, "coin": "0.8"},
    {"name": "min", "salt": "s", "weights": {"silence": 3, "a": 1, "b": 2}, "coin": "0.7"},
]
COUNTS = [
    [{}, {}],
    [{"silence": 2, "a": 1, "b": 1}, {"silence": 4, "a": 4, "b": 3}],
    [{"silence": 30, "a": 10, "b": 20}, {"silence": 3, "a": 1, "b": 2}],
    [{"silence": 31, "a": 12, "b": 20}, {"silence": 3, "a": 0, "b": 2}],
    [{"silence": 0, "a": 9, "b": 0}, {"a": 5}],
]


def main():
    blocks = [
        case | {"stratum": stratum, "block": number, "arms": block(case, stratum, number)}
        for case in BLOCKS
        for stratum in STRATA
        for number in (0, 1, 12_345)
    ]
    coins = []
    for case in COINS:
        for counts in COUNTS:
            for number in range(12):
                unit = f"customer-{number}" if number % 3 else f"Žygis-{number}"
                arm, share = coin(case, unit, counts)
                answer = {"arm": arm, "propensity": [share.numerator, share.denominator]}
                coins.append(case | {"unit": unit, "counts": counts} | answer)
    document = {
        "format": "apologylab.vectors/1",
        "about": "written by generate_schemes.py: blocks in their order, coins given counts",
    }
    body = json.dumps(document, indent=1).removesuffix("\n}")
    for name, rows in {"blocks": blocks, "coins": coins}.items():
        lines = ",\n".join("  " + json.dumps(row) for row in rows)
        body += f',\n "{name}": [\n{lines}\n ]'
    (HERE / "schemes.json").write_text(body + "\n}\n")


if __name__ == "__main__":
    main()
