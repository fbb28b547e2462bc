"""Write assignment.json: golden draws that every implementation must reproduce (R1).

This is the rule written out from its text in plain Python, with exact fractions and whole numbers,
on purpose without the package that it judges:

    .venv/bin/python tests/vectors/generate.py

The rule. A unit id is normalised by the declared rule (NFC composes, nfc_ascii_lower also lowers A
to Z) and refused if it is empty, longer than 255 characters, or holds a control character (Cc) or a
surrogate. A draw is SHA-256 over  prefix + unit in UTF-8.  The prefix of an experiment's draws is
``apologylab/1|`` and the netstrings of its name and of its salt, empty where none is declared; of
the holdout's ``apologylab/1/holdout|`` and the netstring of its salt; of the layer's
``apologylab/1/layer|`` and the netstring of its name. Word k of the digest is its k-th 64 bits as a
big-endian number: word 0 enters, word 1 draws the arm, word 2 the shadow delay of silence; holdout
and layer use word 0 of theirs. A share s succeeds below floor(2^64 s). Arm i takes the words from
floor(2^64 W(i-1)/W) up to floor(2^64 W(i)/W), where W(i) adds up the weights: silence first (where
a cell is empty), then the cells, the last factor's levels running fastest; factors of messages stand before those of
compensation, then timing, each group by name. The last arm with a positive weight has no upper
bound.
Order: id; never, eligibility; overrides; holdout; layer; entry; arm.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import tomllib
import unicodedata
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
SHIPPED = HERE.parent.parent / "experiments"
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
CONSENTS = ["none", "service", "marketing"]


class RefusedIdError(Exception):
    pass


# ── the rule ────────────────────────────────────────────────────────────────────────────────────
def normalise(unit, rule):
    if rule != "exact":
        unit = unicodedata.normalize("NFC", unit)
    if rule == "nfc_ascii_lower":
        unit = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in unit)
    if not 1 <= len(unit) <= 255:
        raise RefusedIdError
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in unit):
        raise RefusedIdError
    return unit


def netstring(text):
    body = text.encode("utf-8")
    return str(len(body)).encode() + b":" + body + b","


def words(prefix, unit):
    digest = hashlib.sha256(prefix + unit.encode("utf-8")).digest()
    return [int.from_bytes(digest[8 * k : 8 * k + 8], "big") for k in range(4)]


def below(word, share):
    return word < int(share * 2**64)


def pick(word, weights):
    """weights: [(item, weight)] in declared order."""
    total = sum(weight for _, weight in weights)
    upto = 0
    positive = [(item, weight) for item, weight in weights if weight > 0]
    for item, weight in positive[:-1]:
        upto += weight
        if below(word, Fraction(upto, total)):
            return item
    return positive[-1][0]


def seconds(level):
    number = level.rstrip("smindh")
    return int(number) * SECONDS[level[len(number) :]]


def rank(doc, factor, levels):
    """Factors of messages stand first, then those of compensation, then timing."""
    if factor == "timing":
        return 2
    return int(any(level in doc.get("compensation", {}) for level in levels))


def arms(doc):
    """Names of the arms and their delays in seconds, silence first."""
    factors = dict(sorted(doc["factors"].items(), key=lambda one: (rank(doc, *one), one[0])))
    silence, found = [], []
    for levels in itertools.product(*factors.values()):
        cell = dict(zip(factors, levels, strict=True))
        delay = cell.pop("timing", None)
        if all(level == "none" for level in cell.values()):
            silence = [("silence", None)]  # once, however many cells are empty
            continue
        name = "+".join(cell.values()) + (f"@{delay}" if delay else "")
        found.append((name, seconds(delay) if delay else None))
    return silence + found


def weighted(declared, names):
    if declared == "equal":
        return [(name, 1) for name in names]
    return [(name, declared.get(name, declared.get("*", 0))) for name in names]


def ineligible(doc, context):  # noqa: PLR0911 - one return a rule, as the text has them
    incident = doc.get("incident", {})
    if context.get("kind") in doc.get("never", {}).get("incidents", []):
        return True
    if context.get("kind") != incident.get("kind"):
        return True
    if any(context.get(f) not in values for f, values in incident.get("where", {}).items()):
        return True
    rules = doc.get("eligibility", {})
    needed = CONSENTS.index(rules.get("consent", "none"))
    given = context.get("consent")
    if needed and (given not in CONSENTS or CONSENTS.index(given) < needed):
        return True
    severity = incident.get("severity")
    if severity:
        value = context.get(severity["field"])
        if value is None or isinstance(value, str):
            return True
        if value < severity.get("at_least", value) or value > severity.get("at_most", value):
            return True
    return any(context.get(flag) for flag in rules.get("exclude", []))


def answer(doc, unit, context, phase):  # noqa: C901 - the order of judging, from top to bottom
    rule = doc.get("unit_id", "nfc")
    unit = normalise(unit, rule)
    otherwise = {"HOLDOUT": "silence"} | doc["otherwise"]
    phases = [doc.get("allocation", {}), *doc.get("allocation", {}).get("phases", [])]
    allocation = phases[phase - 1]

    def not_drawn(reason):
        return {
            "unit": unit,
            "arm": otherwise[reason],
            "reason": reason,
            "propensity": None,
            "delay_s": None,
        }

    if ineligible(doc, context):
        return not_drawn("INELIGIBLE")

    names = [name for name, _ in arms(doc)]
    delays = dict(arms(doc))
    timing = weighted(
        doc.get("allocation", {}).get("timing") or "equal", doc["factors"].get("timing", [])
    )
    overrides = {normalise(u, rule): arm for u, arm in doc.get("overrides", {}).items()}
    if unit in overrides:
        arm = overrides[unit]
        first = next((level for level, weight in timing if weight > 0), None)
        delay = seconds(first) if arm == "silence" and first else delays[arm]
        return {
            "unit": unit,
            "arm": arm,
            "reason": "OVERRIDE",
            "propensity": None,
            "delay_s": delay,
        }

    if "holdout" in doc:
        prefix = b"apologylab/1/holdout|" + netstring(doc["holdout"]["salt"])
        if below(words(prefix, unit)[0], Fraction(doc["holdout"]["share"])):
            return not_drawn("HOLDOUT")
    if "layer" in doc:
        word = words(b"apologylab/1/layer|" + netstring(doc["layer"]["name"]), unit)[0]
        start, end = Fraction(doc["layer"]["start"]), Fraction(doc["layer"]["end"])
        if below(word, start) or not (end == 1 or below(word, end)):
            return not_drawn("INELIGIBLE")

    word = words(b"apologylab/1|" + netstring(doc["name"]) + netstring(doc.get("salt", "")), unit)
    entry = Fraction(allocation.get("entry", 1))
    if entry < 1 and not below(word[0], entry):
        return not_drawn("INELIGIBLE")
    weights = weighted(allocation.get("weights", "equal"), names)
    arm = pick(word[1], weights)
    delay = delays[arm]
    if arm == "silence" and timing:
        delay = seconds(pick(word[2], timing))
    propensity = Fraction(dict(weights)[arm], sum(weight for _, weight in weights))
    return {
        "unit": unit,
        "arm": arm,
        "reason": "RANDOMISED",
        "propensity": [propensity.numerator, propensity.denominator],
        "delay_s": delay,
    }


# ── what is asked ───────────────────────────────────────────────────────────────────────────────
BASE = """
question = "Which words?"
owner = "vectors"
{extra}
[incident]
kind = "late"
recurs = false
[factors]
{factors}
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
{tables}
"""
WORDS = 'wording = ["none", "basic", "status", "commitment"]'


def declared(name, factors, extra="", tables=""):
    return f'name = "{name}"' + BASE.format(factors=factors, extra=extra, tables=tables)


LIGHT = """
name = "late_ride_light"
question = "The Uber design without what needs a ledger, and with a holdout: what benchmarks time"
owner = "vectors"
[incident]
kind = "late_ride"
severity = { field = "minutes_late", at_least = 10 }
where = { country = ["US"] }
[eligibility]
consent = "service"
exclude = ["already_refunded", "abuse_flag"]
[repeats]
next_incident = "first_only"
[factors]
wording = ["none", "basic", "status", "commitment"]
coupon = ["none", "usd5"]
timing = ["1h"]
[compensation.usd5]
kind = "coupon"
value = "5.00 USD"
expires_days = 28
[holdout]
share = 0.05
salt = "programme_2026"
[never]
incidents = ["injury", "threat", "discrimination"]
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "today"
[today]
wording = "agent_template"
[[outcomes]]
name = "orders_28d"
fact = "order"
measure = "count"
window_days = 28
role = "primary"
"""


def synthetic():
    sixty = ", ".join(f'"w{i:02}"' for i in range(59))
    unequal = ", ".join(f"w{i:02} = {(7 * i) % 13}" for i in range(59))
    return [
        declared(
            "two_arms",
            'wording = ["none", "basic"]',
            tables="[allocation]\nweights = { silence = 1, basic = 3 }",
        ),
        declared(
            "sixty_arms",
            f'wording = ["none", {sixty}]',
            tables=f"[allocation]\nweights = {{ silence = 11, {unequal} }}",
        ),
        declared(
            "salted.and-layered",
            WORDS,
            'salt = "second.draw"\nunit_id = "nfc_ascii_lower"',
            '[allocation]\nentry = 0.35\n[holdout]\nshare = 0.1\nsalt = "programme_2026"\n'
            '[layer]\nname = "late"\nstart = 0.1\nend = 0.7',
        ),
        declared("upper_slice", WORDS, tables='[layer]\nname = "late"\nstart = 0.7\nend = 1.0'),
        declared(
            "lower_slice",
            WORDS,
            'unit_id = "exact"',
            '[layer]\nname = "late"\nstart = 0.0\nend = 0.1',
        ),
        declared(
            "timed",
            WORDS + '\ntiming = ["15min", "4h", "2d"]',
            tables='[allocation]\nweights = { silence = 12, "*" = 1 }\ntiming = { 15min = 2, 4h = 0, 2d = 1 }',
        ),
        declared(
            "never_silent",
            'wording = ["plain", "sorry"]\ntiming = ["1h", "1d"]',
            tables='[arms]\nreference = "plain@1h"',
        ),
        declared(
            "reordered",
            'timing = ["1h", "1d"]\nvoucher = ["none", "eur3"]\nwording = ["none", "sorry"]\nsignature = ["none", "ceo"]',
            tables='[compensation.eur3]\nkind = "coupon"\nvalue = "3.00 EUR"\nexpires_days = 14',
        ),
        declared(
            "phased",
            WORDS,
            'unit_id = "exact"',
            '[overrides]\n"qa:1" = "status"\n"qa 2" = "silence"\n[allocation]\nweights = { silence = 9, "*" = 1 }\n'
            "entry = 0.05\n[[allocation.phases]]\nweights = { silence = 1, status = 1 }\nentry = 0.6",
        ),
    ]


E_ACUTE, E_COMBINED = "\u00e9", "e\u0301"
UNITS = [
    "customer-1",
    "1",
    "0001",
    "007",
    "-1",
    "1e3",
    "NULL",
    "null",
    "None",
    "true",
    "nan",
    "customer-1 ",
    " customer-1",
    "a b",
    "Customer-1",
    "CUSTOMER-1",
    "qa:1",
    "qa 2",
    "17:late_ride_apology,",
    "a:b,c",
    "apologylab/1|",
    ",",
    ":",
    "0:,",
    "3:abc,",
    "'; DROP TABLE u; --",
    "' OR '1'='1",
    '"quoted"',
    "it''s",
    "back\\slash",
    "%s{}$1?",
    "<b>&amp;",
    "caf" + E_ACUTE,
    "caf" + E_COMBINED,
    "CAF\u00c9",
    "CAFE\u0301",
    "\u212b",
    "\u00c5",
    "A\u030a",
    "\u1e9b\u0323",
    "\ufb01",
    "\u0130stanbul",
    "\u1e9e",
    "\u017dygis-7",
    "\u0416\u0443\u043a",
    "\u5f20\u4f1f",
    "\ud55c\uae00",
    "\u1112\u1161\u11ab",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627",
    "a\u202eb",
    "a\u200bb",
    "\u00a0",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f600",
    "\U00010ffd",
    "\U0010fffd",
    "\ufeffid",
    "\u0344",
    "\u0958",
    "x" * 255,
    "\U0001f600" * 255,
    E_COMBINED * 255,
    "5f0c6f0e-6a3b-4b7e-9d53-0a5f3a8f2f10",
    "a" * 17,
    "a" * 18,
    "a" * 19,
    "a" * 64,
    "a" * 119,
    "a" * 120,
]
REFUSED = [
    "",
    "x" * 256,
    "\u0344" * 128,
    "a\nb",
    "a\tb",
    "a\x00b",
    "\x00",
    "\x7f",
    "a\x80",
    "\x9fb",
    "a\r",
    "\ud800",
    "a\udfffb",
    "\U0001f600" * 256,
    "\x1f" + E_COMBINED,
]
LATE = {"kind": "late"}
RIDE = {
    "kind": "late_ride",
    "minutes_late": 25,
    "country": "US",
    "consent": "service",
    "abuse_flag": False,
    "already_refunded": None,
}
RIDES = [
    RIDE,
    RIDE | {"minutes_late": 10},
    RIDE | {"minutes_late": 9.99},
    RIDE | {"minutes_late": None},
    RIDE | {"consent": "marketing"},
    RIDE | {"consent": "none"},
    RIDE | {"consent": None},
    RIDE | {"consent": "Service"},
    RIDE | {"country": "us"},
    RIDE | {"country": None},
    RIDE | {"abuse_flag": True},
    RIDE | {"already_refunded": True},
    RIDE | {"kind": "injury"},
    RIDE | {"kind": "early_ride"},
    RIDE | {"kind": None},
    RIDE | {"minutes_late": -5},
]
DELIVERY = {
    "kind": "late_delivery",
    "minutes_late": 40.5,
    "country": "LV",
    "consent": "marketing",
    "abuse_flag": None,
    "already_refunded": False,
}


def questions():
    """(experiment's name, declaration or None for a shipped one, unit, context, phase)."""
    for text in synthetic():
        name = tomllib.loads(text)["name"]
        for unit in UNITS + REFUSED:
            for phase in (1, 2) if name == "phased" else (1,):
                yield name, text, unit, LATE, phase
    for number in range(100):
        yield "late_ride_light", LIGHT, f"customer-{number}", RIDE, 1
    for number, unit in enumerate(UNITS + REFUSED):
        yield "late_ride_light", LIGHT, unit, RIDES[number % len(RIDES)], 1
        yield "late_ride_apology", None, unit, RIDE, 1
        yield "late_ride_apology", None, f"rider-{number}", RIDES[number % len(RIDES)], 1
        yield "delivery_timing", None, unit, DELIVERY, 1


def main():
    experiments, vectors = {}, []
    for name, text, unit, context, phase in questions():
        source = text or (SHIPPED / name / "experiment.toml").read_text(encoding="utf-8")
        doc = tomllib.loads(source, parse_float=Fraction)
        experiments[name] = text
        try:
            expected = answer(doc, unit, context, phase)
        except RefusedIdError:
            expected = None
        vectors.append(
            {
                "experiment": name,
                "unit": unit,
                "context": context,
                "phase": phase,
                "answer": expected,
            }
        )
    document = {
        "format": "apologylab.vectors/1",
        "about": "written by generate.py; a declaration of null is the shipped experiment",
        "declarations": experiments,
    }
    lines = ",\n".join("  " + json.dumps(vector) for vector in vectors)
    head = json.dumps(document, indent=1).removesuffix("\n}")
    (HERE / "assignment.json").write_text(f'{head},\n "vectors": [\n{lines}\n ]\n}}\n')


if __name__ == "__main__":
    main()
