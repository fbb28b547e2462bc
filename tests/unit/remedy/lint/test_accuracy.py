"""The blind corpora: wordings that were written without a look at the rules, per language.

``-s`` prints precision, recall and every miss. docs/lint.md keeps what the first look gave.
"""

import json
from pathlib import Path

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

CORPORA = Path(__file__).parents[1]
ENOUGH = {"wordings": 60, "wordings_held_out": 25}
"""Folder -> how many bad ones and good ones it has of each language."""
AT_LEAST = {
    "en": (0.95, 0.95),
    "ko": (0.95, 0.95),
    "ru": (0.95, 0.95),
    "lt": (0.95, 0.95),
    "de": (0.95, 0.95),
    "ja": (0.95, 0.95),
    "es": (0.95, 0.95),
}
"""Locale -> precision and recall below which it has become worse."""
LOCALES = sorted(file.name.split(".")[0] for file in (CORPORA / "wordings").glob("*.bad.jsonl"))


def wordings(folder, locale, kind):
    lines = (CORPORA / folder / f"{locale}.{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def flagged(folder, locale, kind):
    """Id -> the rules that it breaks, of each wording of that kind."""
    rules = language(locale)
    return {
        each["id"]: [f.rule for f in lint(each["text"], rules)]
        for each in wordings(folder, locale, kind)
    }


@pytest.mark.parametrize("folder", ENOUGH)
@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_bad_is_flagged_and_what_is_good_is_not(locale, folder):
    bad, good = flagged(folder, locale, "bad"), flagged(folder, locale, "good")
    found = [name for name, rules in bad.items() if rules]
    wrong = {name: rules for name, rules in good.items() if rules}
    missed = [name for name, rules in bad.items() if not rules]
    precision, recall = len(found) / (len(found) + len(wrong)), len(found) / len(bad)
    many = f"of {len(bad)} and {len(good)} {folder}"
    print(f"\n{locale}: precision {precision:.3f}, recall {recall:.3f} {many}")
    print(f"  missed: {missed}\n  false alarms: {wrong}")
    least = AT_LEAST[locale]
    assert min(len(bad), len(good)) >= ENOUGH[folder]
    assert precision >= least[0]
    assert recall >= least[1]
