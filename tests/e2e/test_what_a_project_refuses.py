"""A declaration that is right by itself and wrong in its project: its currency, its issuers."""

from __future__ import annotations

import json

import pytest

from apologylab.cli import exits
from apologylab.cli.app import main
from apologylab.errors import DeclarationError

REFUSED = exits.CODES[DeclarationError]
MARKETS = '\n[markets]\nfield = "country"\nrates = { EUR = 160.0 }\n'
ISSUER = """
[issuers.shop]
kind = "{}"
url = "https://shop.example/codes"
"""
COUPONS = 'coupons = { eur5 = "co_9xKq" }\n'
SHARE = 'share = 0.25\nof = "order_minor"\nat_most = "5.00 EUR"'
BY_MARKET = 'by_market = { DE = "5.00 EUR", PL = "20.00 PLN" }'
IN_ZLOTY = '\n[markets]\nfield = "country"\nrates = { PLN = 0.23 }\n'


@pytest.fixture
def late(tmp_path, monkeypatch, capsys):
    """``late(amount)`` is the declaration of an experiment in a project that counts in euros."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--currency", "EUR", "--time-zone", "UTC"]) == 0

    def scaffolded(amount):
        """`new` refuses what this project would, so another that may have it writes it."""
        file, currency = tmp_path / "apologylab.toml", amount[-3:]
        ours = file.read_text()
        file.write_text(ours.replace('"EUR"', f'"{currency}"'))
        words = ["new", "late", "--library", "late_ride", "--coupon", f"none,{amount}"]
        assert main([*words, "--wording", "none,basic", "--timing", "1h"]) == 0
        file.write_text(ours)
        capsys.readouterr()
        return tmp_path / "experiments/late/experiment.toml"

    return scaffolded


def found(capsys):
    """What ``check`` says is wrong, and ``start``'s exit code and words."""
    checked = main(["check", "late", "--json"])
    wrong = [
        each
        for each in json.loads(capsys.readouterr().out)["findings"]
        if each["severity"] == "error"
    ]
    started = main(["start", "late"])
    assert (checked == 0) == (not wrong)
    return wrong, started, capsys.readouterr().err


def test_money_that_the_project_does_not_count_in_is_refused(late, capsys):
    late("500JPY")
    (wrong,), started, said = found(capsys)
    assert (wrong["path"], wrong["value"]) == ("budget.total", "5000000 JPY")
    assert wrong["line"] is not None
    assert "is in JPY, and the project counts in EUR" in wrong["what"]
    assert "rates = { EUR = RATE }" in wrong["do"]
    assert started == REFUSED
    assert "the project counts in EUR" in said


def test_the_projects_own_currency_and_a_declared_rate_pass(late, capsys):
    file = late("500JPY")
    file.write_text(file.read_text() + MARKETS)
    assert found(capsys)[:2] == ([], 0)


def test_in_its_own_currency_nothing_is_wrong(late, capsys):
    late("5.00EUR")
    assert found(capsys)[:2] == ([], 0)


@pytest.mark.parametrize(
    ("given", "more", "why"),
    [(SHARE, "", "a share of the order"), (BY_MARKET, IN_ZLOTY, "other amounts in other markets")],
)
def test_promotion_codes_have_one_worth(late, capsys, given, more, why):
    """Neither needs the issuer's token, which a laptop that checks does not have."""
    file = late("5.00EUR")
    issued = f'{given}\nissuer = "shop"'
    file.write_text(file.read_text().replace('value = "5.00 EUR"', issued) + more)
    project = file.parents[2] / "apologylab.toml"
    plain = project.read_text()
    project.write_text(plain + ISSUER.format("promotion_code") + COUPONS)
    (wrong,), started, said = found(capsys)
    assert (wrong["path"], wrong["value"]) == ("compensation.eur5.issuer", "shop")
    assert why in wrong["what"]
    assert 'kind "http"' in wrong["do"]
    assert (started, "one worth in the shop" in said) == (REFUSED, True)
    project.write_text(plain + ISSUER.format("http"))
    assert found(capsys)[:2] == ([], 0)


def test_promotion_codes_of_one_value_pass(late, capsys):
    file = late("5.00EUR")
    value = 'value = "5.00 EUR"'
    file.write_text(file.read_text().replace(value, f'{value}\nissuer = "shop"'))
    project = file.parents[2] / "apologylab.toml"
    project.write_text(project.read_text() + ISSUER.format("promotion_code") + COUPONS)
    assert found(capsys)[:2] == ([], 0)
