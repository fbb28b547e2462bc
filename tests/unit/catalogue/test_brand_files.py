"""``brand.LOCALE.toml``: where it stands, what it changes, and what is wrong with it."""

import pytest

from apologylab.catalogue.folder import FolderCatalogue
from apologylab.cli.app import main
from apologylab.errors import DeclarationError, InputError
from apologylab.remedy.brands import read_brands
from apologylab.remedy.wording import Wording
from apologylab.service.start import start

BRAND = """
signature = "Your Acme team"
[use]
ride = ["sory*"]
[replace]
dollars = "Acme dollars"
[[avoid]]
term = "minutes"
why = "nobody counts them"
instead = "how long"
"""


@pytest.fixture
def home(tmp_path, loop):
    loop.write(tmp_path, loop.Declared())
    return tmp_path / "experiments" / loop.NAME


def catalogue(home):
    return FolderCatalogue(home.parent)


def own(home, loop):
    words = ("brand", "signature", "use", "replace", "avoid", "formality", "the file", "")
    found = catalogue(home).check(loop.NAME).findings
    return [
        each for each in found if "brand" in (each.file or "") + each.what or each.path in words
    ]


def said(home, loop):
    found = catalogue(home)
    experiment = found.experiment(loop.NAME)
    values = {"minutes_late": 12}
    return Wording(experiment, found.fragments(experiment)).text("none+usd5@1h", "en", values).text


def test_the_file_beside_the_declaration_stands_alone(home, loop):
    (home.parent / "brand.en.toml").write_text('signature = "Everybody"')
    assert said(home, loop) == "Here are 5 dollars.\n\nEverybody"
    (home / "brand.en.toml").write_text('replace = { dollars = "euros" }')
    assert said(home, loop) == "Here are 5 euros."


def test_a_country_has_the_brand_of_its_language(home, loop):
    declared = home / "experiment.toml"
    declared.write_text(declared.read_text().replace('["en", "lt"]', '["en-GB"]'))
    for file in sorted((home / "messages").glob("*/*.en.txt")):
        file.rename(file.with_name(file.name.replace(".en.", ".en-GB.")))
    (home.parent / "brand.en-GB.toml").write_text('signature = "Far"')
    (home / "brand.en.toml").write_text('signature = "Near"')
    found = catalogue(home)
    brands = read_brands(found.fragments(found.experiment(loop.NAME)))
    assert {locale: each.signature for locale, each in brands.items()} == {"en-GB": "Near"}


def test_terms_are_found_in_their_file_and_line(home, loop):
    (home / "brand.en.toml").write_text(BRAND.replace("sory*", "sorry"))
    found = {(each.file, each.line, each.value): each for each in own(home, loop)}
    assert set(found) == {
        (f"messages/wording/sorry{second}.en.txt", 1, words)
        for second in ("", ".2")
        for words in ("sorry", "minutes")
    }
    assert {each.severity for each in found.values()} == {"error"}
    one = found["messages/wording/sorry.en.txt", 1, "minutes"]
    assert one.what == "brand_term: is a term to avoid: nobody counts them (brand.en.toml)"
    assert one.do == "write 'how long'"


def test_start_refuses_a_text_against_the_brand(home, loop, ledger):
    (home / "brand.en.toml").write_text(BRAND)
    with pytest.raises(DeclarationError, match="brand_term"):
        start(ledger, catalogue(home), loop.NAME, now=loop.START)


@pytest.mark.parametrize(
    ("text", "path", "line", "what"),
    [
        ("usage = 1", "usage", 1, "is not a key known here"),
        ("\nuse = { ride = [] }", "use.ride", 2, "has 0 entries"),
        ('use = { ride = ["Ride"] }', "use.ride[0]", 1, "is the term itself"),
        ('replace = { a = "{{ b }}" }', "replace.a", 1, "holds a brace"),
        ('replace = { "ride*" = "trip" }', 'replace."ride*"', 1, "has an open ending"),
        ('avoid = [{ term = "*", why = "x" }]', "avoid[0].term", 1, "has no letter"),
        ('avoid = [{ term = "x" }]', "avoid[0].why", 1, "is missing"),
        ('\n\nformality = "thou"', "formality", 3, "is no form of address that the rules of en"),
        ("signature = ", "", 1, "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_told_at_its_line(home, loop, text, path, line, what):
    (home / "brand.en.toml").write_text(text)
    (one,) = catalogue(home).check(loop.NAME).findings
    assert (one.path, one.line, one.file, one.severity) == (path, line, "brand.en.toml", "error")
    assert what in one.what


def test_a_file_above_is_told_where_it_is(home, loop, capsys, monkeypatch):
    (home.parent / "brand.en.toml").write_text("usage = 1")
    monkeypatch.chdir(home.parent.parent)
    assert main(["check", loop.NAME]) == 3
    assert "/experiments/late_ride/../brand.en.toml:1\n  1 | usage = 1" in capsys.readouterr().out


def test_nothing_starts_with_a_file_that_cannot_be_read(home, loop, ledger):
    (home / "brand.en.toml").write_text("usage = 1")
    with pytest.raises(DeclarationError, match=r"brand\.en\.toml:1: usage is not a key"):
        start(ledger, catalogue(home), loop.NAME, now=loop.START)
    (home / "brand.en.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as text"):
        catalogue(home).check(loop.NAME)


def test_the_whole_brand_comes_with_the_texts(home, loop):
    (home / "brand.en.toml").write_text('formality = "you"\n' + BRAND)
    found = catalogue(home)
    brands = read_brands(found.fragments(found.experiment(loop.NAME)))
    assert set(brands) == {"en"}
    assert (brands["en"].formality, brands["en"].signature) == ("you", "Your Acme team")
    assert brands["en"].avoid[0].instead == "how long"


def test_an_experiment_like_another_has_its_brand(home, loop, monkeypatch):
    (home / "brand.en.toml").write_text('signature = "Yours"')
    monkeypatch.chdir(home.parent.parent)
    assert main(["new", "another", "--like", loop.NAME]) == 0
    assert (home.parent / "another" / "brand.en.toml").read_text() == 'signature = "Yours"'
