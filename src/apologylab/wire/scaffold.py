"""The files of a new experiment, as text; each passes ``check`` as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from apologylab.design.arms import arm_name
from apologylab.design.duration import parse_duration
from apologylab.design.experiment import NONE, SILENCE, TIMING
from apologylab.design.findings import at
from apologylab.design.money import Money
from apologylab.errors import InputError
from apologylab.service.scaffold_panel import Guess
from apologylab.wire.assumed import NOTE

Files = Mapping[str, str]
"""Path inside the experiment's folder -> text."""
HEAD = "#:schema ../experiment.schema.json\n"
CUSTOMERS = 10_000
_GREETING = "[greeting]\nHello{% if first_name %} {{ first_name }}{% endif %},\n\n"
_WHAT = "[acknowledge]\nYour {incident} cost you time, and it should not have.\n"
_REGRET = "[regret]\nWe are sorry for it, and for the trouble that you had with it.\n"
_TEXTS: Mapping[str, str] = {
    "notice": "[notice]\nYour {incident} is known to us, and we want you to hear that from us, "
    "not to wonder whether anybody noticed.\n",
    "status": f"{_WHAT}{_REGRET}[responsibility]\nWhat we told you was wrong, and the mistake was "
    "ours.\n",
    "commitment": f"{_WHAT}{_REGRET}[promise]\nWithin four weeks we will have mended what made it "
    "go wrong.\n",
}
_PROMISE = (
    'promise = { what = "what made it go wrong is mended", keeper = "your team", within = "28d" }'
)
_SORRY = (
    f"{_WHAT}{_REGRET}",
    (
        "[acknowledge]\nThe {incident} should not have happened to you.\n"
        "[regret]\nWe are sorry that it did.\n"
    ),
    (
        "[acknowledge]\nWe let you down with the {incident}.\n"
        "[regret]\nWe are sorry for the trouble that it has made for you.\n"
    ),
    (
        "[acknowledge]\nThe {incident} cost you time that was yours.\n"
        "[regret]\nWe are sorry for it: you trusted us, and we fell short.\n"
    ),
    (
        "[acknowledge]\nYou counted on us, and then came the {incident}.\n"
        "[regret]\nWe apologise for it, and for what it cost you.\n"
    ),
    (
        "[acknowledge]\nYou had every right to expect better than the {incident}.\n"
        "[regret]\nWe apologise to you for it.\n"
    ),
)
"""Wordings of the same parts, for levels of the author's choosing."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the arms say: ``files`` by path, ``tables`` of the levels, keys of ``[messages]``."""

    levels: Sequence[str]
    files: Files
    tables: Sequence[str]
    messages: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Live:
    """What the flags of ``new`` say of a live experiment."""

    name: str
    incident: str
    wording: Sequence[str] = ()
    coupon: Sequence[str] = ()
    timing: Sequence[str] = ()
    words: Words | None = None


def live(flags: Live) -> Files:
    """The files of a live experiment.

    Raises:
        InputError: a coupon or a delay cannot be read, or there is nothing to compare.
    """
    amounts = {level_of(each): amount_of(each) for each in flags.coupon if each != NONE}
    coupon = [NONE if each == NONE else level_of(each) for each in flags.coupon]
    named = {"wording": list(flags.wording), "coupon": coupon}
    said = {factor: levels for factor, levels in named.items() if set(levels) - {NONE}}
    factors = said | ({TIMING: list(flags.timing)} if flags.timing else {})
    _refuse_nothing(said)
    longest = max((parse_duration(each) for each in flags.timing), default=timedelta(0))
    words = flags.words or _plain(flags, said, amounts)
    text = _live_toml(flags, factors, amounts, words, ceil(longest / timedelta(days=1)))
    return {
        "experiment.toml": text,
        "README.md": _readme(flags.name, f"What wins customers back after a {_spoken(flags)}?"),
        **words.files,
    }


def _refuse_nothing(said: Mapping[str, Sequence[str]]) -> None:
    if not said:
        raise InputError(
            "nothing is said or given", do="name levels, like --wording none,sorry --coupon 3EUR"
        )
    if all(len(levels) == 1 for levels in said.values()):
        raise InputError(
            "there is one thing to say or give and nothing to compare it with",
            do='put "none" beside it, like --wording none,sorry',
        )


def amount_of(text: str) -> Money:
    """``3.00EUR`` or ``3 EUR``."""
    return Money.parse(re.sub(r"\s*([A-Za-z]{3})$", lambda found: f" {found[1].upper()}", text))


def level_of(text: str) -> str:
    """A level's name for an amount.

    >>> level_of("3.00EUR"), level_of("2.50 usd")
    ('eur3', 'usd2_50')
    """
    money = amount_of(text)
    written = str(money.amount)
    return money.currency.lower() + re.sub(r"\.0+$", "", written).replace(".", "_")


def _spoken(flags: Live) -> str:
    return re.sub(r"[_.-]+", " ", flags.incident).strip() or flags.incident


def _live_toml(
    flags: Live,
    factors: Mapping[str, list[str]],
    amounts: Mapping[str, Money],
    words: Words,
    delay_days: int,
) -> str:
    said = [factor for factor in factors if factor != TIMING]
    silent = all(NONE in factors[factor] for factor in said)
    first = arm_name({factor: levels[0] for factor, levels in factors.items()})
    window = 56 + delay_days
    parts = [
        *_who(flags, consent="marketing" if amounts else "service"),
        "\n[factors]",
        *(f"{factor} = {_quoted(levels)}" for factor, levels in factors.items()),
        f"\n[arms]\nreference = {_quoted(SILENCE if silent else first)}",
        '\n[allocation]\nweights = "equal"',
        *words.tables,
        *(_compensation(level, money) for level, money in amounts.items()),
        *_budget(amounts),
        '\n[otherwise]\nINELIGIBLE = "today"\nCLOSED = "today"\nFALLBACK = "today"',
        'HOLDOUT = "silence"',
        '\n[never]\nincidents = ["injury", "threat", "discrimination"]',
        f"\n[messages]\norder = {_quoted(said)}",
        *words.messages,
        *_measured(window),
    ]
    return "\n".join(parts) + "\n"


def _who(flags: Live, *, consent: str) -> tuple[str, ...]:
    return (
        HEAD.rstrip(),
        f"name = {_quoted(flags.name)}",
        f"question = {_quoted(f'What wins customers back after a {_spoken(flags)}?')}",
        'owner = "your team"',
        f"\n[incident]\nkind = {_quoted(flags.incident)}",
        f'\n[eligibility]\nconsent = "{consent}"',
        'cooldown_days = 90\nexclude = ["already_refunded", "abuse_flag"]',
        '\n[repeats]\nnext_incident = "first_only"',
    )


def _measured(window: int) -> tuple[str, ...]:
    """Outcomes over ``window`` days, the plan and the decision."""
    return (
        _outcome(f"spend_{window}d", "order", "sum(list_amount)", window, "primary")
        + f"\nsettle_days = 3\npre_days = {window}",
        _outcome(f"ordered_{window}d", "order", "any", window, "secondary"),
        _outcome(f"contacts_{window}d", "contact", "count", window, "guardrail")
        + '\nbetter = "lower"\nworse_by_at_most = 0.02',
        f'\n[plan]\nalpha = 0.05\nadjust = "holm"\ncovariates = ["spend_{window}d:pre"]',
        f"expected_customers = {CUSTOMERS}\nenrol_days = 30",
        "\n[decision]\nmargin = 0.25  # an assumption: write yours",
        f'sales = "spend_{window}d"\nship_if = "lower(value_vs_reference) > 0"',
    )


def _compensation(level: str, money: Money) -> str:
    return f'\n[{at("compensation", level)}]\nkind = "coupon"\nvalue = "{money}"\nexpires_days = 28'


def _budget(amounts: Mapping[str, Money]) -> tuple[str, ...]:
    """Enough for the dearest arm to every customer expected."""
    if not amounts:
        return ()
    dearest = max(amounts.values(), key=lambda money: money.amount)
    total = Money(dearest.minor * CUSTOMERS, dearest.currency)
    cap = Money(dearest.minor * 2, dearest.currency)
    return (f'\n[budget]\ntotal = "{total}"\nper_customer = {{ amount = "{cap}", days = 180 }}',)


def _outcome(name: str, fact: str, measure: str, days: int, role: str) -> str:
    return (
        f'\n[[outcomes]]\nname = "{name}"\nfact = "{fact}"\nmeasure = "{measure}"\n'
        f'window_days = {days}\nrole = "{role}"'
    )


def _texts(flags: Live, said: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Level of the wording -> its text."""
    plain = iter(_SORRY)
    levels = [level for level in said.get("wording", ()) if level != NONE]
    found = {level: _TEXTS.get(level) or next(plain, "") for level in levels}
    if "" in found.values():
        raise InputError(
            f"there is no text left for {list(found)[list(found.values()).index('')]!r}",
            do=f"name at most {len(_SORRY)} new ones",
        )
    return {level: text.replace("{incident}", _spoken(flags)) for level, text in found.items()}


def _plain(flags: Live, said: Mapping[str, Sequence[str]], amounts: Mapping[str, Money]) -> Words:
    return Words(
        levels=flags.wording,
        files=_fragments(flags, said, amounts),
        tables=tuple(_wordings(flags, said)),
        messages=('locales = ["en"]', 'placeholders = ["first_name"]'),
    )


def _wordings(flags: Live, said: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What each wording says, and what is meant to differ beside it."""
    for level, text in _texts(flags, said).items():
        tags = re.findall(r"^\[(\w+)\]$", text, re.MULTILINE)
        yield f"\n[{at('wording', level)}]\nparts = {_quoted(tags)}"
        same = ["length"] if level in _TEXTS else ["acknowledge", "regret", "length"]
        yield f"differs = {_quoted(same)}"
        if "promise" in tags:
            yield _PROMISE


def _fragments(
    flags: Live, said: Mapping[str, Sequence[str]], amounts: Mapping[str, Money]
) -> dict[str, str]:
    found = {
        f"messages/wording/{level}.en.txt": _GREETING + text
        for level, text in _texts(flags, said).items()
    }
    for level, money in amounts.items():
        found[f"messages/coupon/{level}.en.txt"] = (
            f"{_GREETING}[repair]\n"
            f"Your next order is {money} cheaper: the credit is in your account for 28 days.\n"
        )
    return found


def panel(name: str, file: str, found: Guess, currency: str) -> Files:
    """The files of an experiment that was run elsewhere."""
    question = f"What did each arm change, compared with {found.reference}?"
    value = _worth(found, currency)
    parts = [
        HEAD.rstrip(),
        f"name = {_quoted(name)}",
        f"question = {_quoted(question)}",
        'owner = "your team"',
        f"\n[panel]\narm = {_quoted(found.arm)}",
        *((f"unit = {_quoted(found.unit)}",) if found.unit else ()),
        "covariates = []  # columns measured before the draw",
        f"\n[arms]\nreference = {_quoted(found.reference)}",
        "\n[allocation.weights]  # as planned: guessed from the counts",
        *(f"{_quoted(arm)} = {weight}" for arm, weight in found.weights.items()),
        *(_column(each, found, currency, place) for place, each in enumerate(found.outcomes)),
        '\n[plan]\nalpha = 0.05\nadjust = "holm"',
        f'\n[decision]\n{value}\nship_if = "lower(value_vs_reference) > 0"',
    ]
    guesses = "\n".join(f"- {each}" for each in found.said)
    readme = f"{_readme(name, question)}\nFrom `{file}`. Guessed, so look at it:\n\n{guesses}\n"
    return {"experiment.toml": "\n".join(parts) + "\n", "README.md": readme}


def _worth(found: Guess, currency: str) -> str:
    """What an outcome earns: a margin on money, else a price on the first outcome."""
    if found.money:
        return f'margin = 0.25  # {NOTE}\nsales = "{_slug(found.money)}"'
    first = _quoted(_slug(found.outcomes[0]))
    return f'worth = {{ {first} = "1.00 {currency}" }}  # {NOTE}'


def _column(column: str, found: Guess, currency: str, place: int) -> str:
    unit = f"\nunit = {_quoted(currency)}" if column == found.money else ""
    role = "secondary" if place else "primary"
    return (
        f"\n[[outcomes]]\nname = {_quoted(_slug(column))}\ncolumn = {_quoted(column)}{unit}"
        f'\nrole = "{role}"'
    )


def _slug(column: str | None) -> str:
    """A column's name as an outcome is named.

    >>> _slug("Total Spend")
    'total_spend'
    """
    made = re.sub(r"[^a-z0-9_.-]+", "_", (column or "").lower()).strip("_.-")
    return made[:64] or "outcome"


def like(text: str, name: str) -> str:
    """A declaration under another name: its first version, and in no layer.

    The other's slice of a layer is taken; which one is free is not known here.

    Raises:
        InputError: the declaration has no line that names it.
    """
    renamed, found = re.subn(r"(?m)^name\s*=\s*.*$", f"name = {_quoted(name)}", text, count=1)
    if not found:
        raise InputError("the declaration has no line `name = ...`", do="copy its folder by hand")
    first = re.sub(r"(?m)^version\s*=.*\n", "", renamed, count=1)
    return re.sub(r"(?m)^\[layer\][^\n]*\n(?:(?!\[).*\n)*", "", first, count=1)


def _readme(name: str, question: str) -> str:
    return f"# {name}\n\n**Question.** {question}\n\n**Owner.** your team\n"


def _quoted(value: object) -> str:
    """A text or a list of texts as TOML."""
    return json.dumps(value, ensure_ascii=False)
