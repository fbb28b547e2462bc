"""``check``, ``schema`` and ``new`` as they are typed."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest

from apologylab.cli.app import main
from apologylab.wire.assumed import NOTE
from apologylab.wire.json_schema import json_schema

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
GRID = list(
    itertools.product(
        ["none,sorry", "none,notice,sorry", "basic,status,commitment", "none,a,b,c,d", ""],
        ["", "none,3.00EUR", "none,2.50 usd", "none,1USD,2USD"],
        ["", "1h", "15min,4h", "30s,2d,60d"],
    )
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LEDGER_URL", "EXPERIMENTS", "CURRENCY"):
        monkeypatch.delenv(f"APOLOGYLAB_{name}", raising=False)
    return tmp_path


@pytest.fixture
def shipped(here):
    shutil.copytree(EXPERIMENTS, here / "experiments")
    return here


@pytest.mark.parametrize("name", ["late_ride_apology", "delivery_timing", "hillstrom"])
def test_check_passes_what_is_shipped(shipped, capsys, name):
    assert main(["check", name]) == 0
    assert capsys.readouterr().out.endswith(f"{name}: no mistakes\n")


def test_check_reads_the_design_back(shipped, capsys):
    main(["check", "late_ride_apology"])
    out = capsys.readouterr().out
    assert "six hundred thousand US dollars" in out
    assert "closes enrolment after about 239,999 customers" in out
    assert "200,000 expected: enough" in out
    row = next(line for line in out.splitlines() if line.startswith("silence"))
    assert row.split() == ["silence", "(reference)", "1", "0.1250"]


def test_check_lists_only_arms_that_can_be_drawn(shipped, capsys):
    """Half of the 32 cells of a fraction; a later phase may draw what the first does not."""
    main(["check", "late_delivery_parts"])
    out = capsys.readouterr().out
    listed = [line.split() for line in out.splitlines() if line.startswith("told+")]
    assert len(listed) == 16
    assert {row[-1] for row in listed} == {"0.0625"}
    assert "16 combinations of levels are never drawn and not listed." in out
    file = shipped / "experiments/late_delivery_parts/experiment.toml"
    file.write_text(file.read_text() + '\n[[allocation.phases]]\nweights = "equal"\n')
    main(["check", "late_delivery_parts", "--json"])
    document = json.loads(capsys.readouterr().out)
    weights = {each["arm"]: each["weight"] for each in document["arms"]}
    assert (len(weights), document["never_drawn"]) == (32, 0)
    assert weights["told+none+none+none+none+manager@1h"] == 0
    assert sum(each["probability"] for each in document["arms"]) == pytest.approx(1)


def test_check_prints_what_a_fraction_cannot_tell_apart(shipped, capsys):
    """Words and coupon are always drawn together, so neither has an effect of its own."""
    file = shipped / "experiments/late_ride_apology/experiment.toml"
    text = file.read_text(encoding="utf-8")
    some = '{ silence = 1, "basic+none@1h" = 1, "status+usd5@1h" = 1, "*" = 0 }'
    text = text.replace('weights = "equal"', f"weights = {some}")
    kept = [line for line in text.splitlines() if not line.startswith(("contrasts =", "names ="))]
    file.write_text("\n".join(kept), encoding="utf-8")
    assert main(["check", "late_ride_apology"]) == 0
    assert "refused as contrasts: wording with coupon" in capsys.readouterr().out
    main(["check", "late_ride_apology", "--json"])
    assert json.loads(capsys.readouterr().out)["aliases"]["wording"][0] == "coupon"
    file.write_text(
        "\n".join(kept).replace("[plan]", '[plan]\ncontrasts = { c = "coupon" }'), "utf-8"
    )
    assert main(["check", "late_ride_apology"]) != 0
    assert "it cannot be told from wording" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('sequential = "group_sequential"\nlooks = 4', ["2.014", "Looks cost 2% more customers"]),
        ('sequential = "confidence_sequence"', ["Looks cost at most 91% more customers"]),
    ],
)
def test_check_prices_looks_before_the_start(shipped, capsys, keys, said):
    file = shipped / "experiments/late_ride_apology/experiment.toml"
    text = file.read_text(encoding="utf-8").replace("[plan]\n", f"[plan]\n{keys}\n")
    file.write_text(text, encoding="utf-8")
    assert main(["check", "late_ride_apology"]) == 0
    out = capsys.readouterr().out
    assert all(each in out for each in said)
    assert main(["check", "late_ride_apology", "--json"]) == 0
    looks = json.loads(capsys.readouterr().out)["looks"]
    assert looks["first_look"] == 1000
    assert len(looks["looks"]) == (4 if "group" in keys else 0)


def break_it(shipped):
    file = shipped / "experiments/late_ride_apology/experiment.toml"
    text = file.read_text(encoding="utf-8")
    broken = text.replace("window_days = 28", "window_dayz = 28", 1).replace("0.05", "5")
    file.write_text(broken, encoding="utf-8")
    return broken.splitlines()


def test_check_shows_every_mistake_with_its_line(shipped, capsys):
    lines = break_it(shipped)
    assert main(["check", "late_ride_apology"]) == 3
    out = capsys.readouterr().out
    for marker in ("window_dayz = 28", "alpha = 5"):
        number = lines.index(marker) + 1
        assert f"experiment.toml:{number}\n  {number} | {marker}\n" in out
    assert "did you mean window_days?" in out
    assert out.rstrip().endswith("2 errors")


def test_check_json_is_one_document(shipped, capsys):
    lines = break_it(shipped)
    assert main(["check", "late_ride_apology", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert [(each["path"], each["line"], each["value"]) for each in document["findings"]] == [
        ("outcomes[1].window_dayz", lines.index("window_dayz = 28") + 1, 28),
        ("plan.alpha", lines.index("alpha = 5") + 1, 5),
    ]


def test_check_json_of_a_good_one_tells_arms_and_budget(shipped, capsys):
    assert main(["check", "delivery_timing", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is True
    assert sum(arm["probability"] for arm in document["arms"]) == pytest.approx(1)
    assert document["budget"]["mean_liability"] == 1.5
    assert {"path": "compensation.eur3.value", "amount": "3.00 EUR", "words": "three euros"} in (
        document["amounts"]
    )


@pytest.mark.parametrize("name", ["../../etc/passwd", "nobody", "", "\x1b[31m"])
def test_check_of_what_is_not_there(shipped, capsys, name):
    assert main(["check", name]) == 6
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err


def test_schema_prints_the_schema(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(json_schema()))


@pytest.mark.parametrize(("wording", "coupon", "timing"), GRID)
def test_what_new_writes_passes_check(here, capsys, wording, coupon, timing):
    flags = ["--wording", wording, "--coupon", coupon, "--timing", timing]
    code = main(["new", "fresh", "--incident", "late_delivery", *flags])
    said = capsys.readouterr()
    if not wording and not coupon:
        assert code == 5
        assert "nothing is said or given" in said.err
        assert not (here / "experiments/fresh").exists()
        return
    assert code == 0, said.err
    assert main(["check", "fresh"]) == 0
    assert capsys.readouterr().out.endswith("fresh: no mistakes\n")
    assert "Question" in (here / "experiments/fresh/README.md").read_text(encoding="utf-8")
    texts = [each.read_text("utf-8") for each in here.glob("experiments/fresh/messages/*/*.txt")]
    assert len(set(texts)) == len(texts)


def test_new_takes_every_incident_kind_or_says_why(here, capsys):
    assert main(["new", "a", "--incident", "injury"]) == 3
    assert "never randomised" in capsys.readouterr().err
    assert main(["new", "b", "--incident", "Late Ride"]) == 3
    assert main(["new", "c"]) == 5
    assert main(["new", "../d", "--incident", "late"]) == 5
    assert main(["new", "e", "--incident", "late", "--coupon", "cheap"]) == 5
    assert main(["new", "f", "--incident", "late", "--timing", "soon"]) == 5
    assert main(["new", "g", "--incident", "late", "--like", "h"]) == 5
    assert not (here / "experiments").exists()


def test_new_like_another_passes_check(shipped, capsys):
    for other in ("late_ride_apology", "hillstrom"):
        assert main(["new", f"my_{other}", "--like", other]) == 0
        assert main(["check", f"my_{other}", "--json"]) == 0
    assert main(["new", "hillstrom", "--like", "hillstrom"]) == 7
    ours = shipped / "experiments/my_late_ride_apology/messages/wording/basic.2.en.txt"
    assert ours.is_file()
    capsys.readouterr()


def test_new_from_a_finished_test_says_its_guesses(here, capsys):
    rows = [f"{n},{'No' if n % 3 else 'Yes'},{n % 2},{n * 1.5}" for n in range(60)]
    (here / "done.csv").write_text("\n".join(["id,promo,bought,revenue", *rows]), "utf-8")
    assert main(["new", "done", "--panel", "done.csv"]) == 0
    out = capsys.readouterr().out
    for guess in (
        "arm: column 'promo'",
        "reference: 'No'",
        "outcomes: revenue, bought",
        "No 2, Yes 1",
    ):
        assert guess in out
    assert main(["check", "done"]) == 0
    capsys.readouterr()
    assert main(["analyse", "done", "--panel", "done.csv", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {each["treatment"] for each in document["estimates"]} == {"Yes"}


def test_new_from_a_file_takes_what_is_named_and_refuses_to_guess_blindly(here, capsys):
    (here / "x.csv").write_text("g,y,z\na,1,2\nb,2,3\na,3,4\n", encoding="utf-8")
    assert main(["new", "x", "--panel", "x.csv"]) == 5
    assert main(["new", "x", "--panel", "x.csv", "--arm", "g", "--outcome", "y"]) == 5
    assert main(["new", "x", "--panel", "x.csv", "--arm", "h"]) == 5
    assert main(["new", "x", "--panel", "gone.csv"]) == 6
    named = ["--arm", "g", "--outcome", "z,y", "--reference", "a"]
    assert main(["new", "x", "--panel", "x.csv", *named]) == 0
    assert main(["check", "x"]) == 0
    declared = (here / "experiments/x/experiment.toml").read_text(encoding="utf-8")
    assert declared.index('name = "z"') < declared.index('name = "y"')
    capsys.readouterr()


@pytest.mark.realdata
def test_new_from_the_hillstrom_file(here, real_data, capsys):
    file = str(real_data / "hillstrom_email_2008.csv")
    assert main(["new", "mailing", "--panel", file]) == 0
    assert "arm: column 'segment'" in capsys.readouterr().out
    assert main(["check", "mailing"]) == 0
    capsys.readouterr()


FINISHED = "nummer,customer,arm,spend,bought,country\n" + "".join(
    f"k{n},{n // 2 if n < 4 else n},{('Kein Brief', 'お詫び+5€')[n % 3 == 0]},"
    f"{'' if n % 7 == 0 else n * 1.5},{n % 2},{('DE', 'AT')[n % 5 == 0]}\n"
    for n in range(60)
)
NAMED = ["--panel", "t.csv", "--arm", "arm", "--reference", "Kein Brief"]


@pytest.fixture
def finished(here):
    (here / "t.csv").write_text(FINISHED, encoding="utf-8")
    return here


def test_new_takes_lists_with_commas_and_by_repeating_the_option(finished, capsys):
    repeated = ["--outcome", "spend", "--outcome", "bought"]
    assert main(["new", "a", *NAMED, *repeated]) == 0
    assert main(["new", "b", *NAMED, "--outcome", "spend,bought"]) == 0
    texts = [(finished / f"experiments/{name}/experiment.toml").read_text("utf-8") for name in "ab"]
    assert texts[0].replace('name = "a"', 'name = "b"') == texts[1]
    assert texts[0].index('column = "spend"') < texts[0].index('column = "bought"')
    levels = ["--wording", "none", "--wording", "sorry", "--coupon", "none", "--coupon", "3EUR"]
    delays = ["--timing", "15min", "--timing", "4h"]
    assert main(["new", "c", "--incident", "late", *levels, *delays]) == 0
    live = (finished / "experiments/c/experiment.toml").read_text("utf-8")
    for line in ('wording = ["none", "sorry"]', 'coupon = ["none", "eur3"]', '["15min", "4h"]'):
        assert line in live
    capsys.readouterr()


def test_new_leaves_nothing_that_check_refuses_in_this_project(here, capsys):
    assert main(["init", "--currency", "EUR"]) == 0
    capsys.readouterr()
    before = set(here.rglob("*"))
    flags = ["--incident", "late_delivery", "--wording", "none,sorry", "--coupon", "none,3.00USD"]
    assert main(["new", "c", *flags]) == 3
    said = capsys.readouterr()
    assert "the project counts in EUR" in said.err
    assert "wrote" not in said.out
    assert set(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--outcome", "country"],
            "name columns of numbers, or of true and false: customer, spend",
        ),
        (["--unit", "customer"], "58 different values in 60 rows"),
        (["--unit", "gone"], "no column 'gone'"),
    ],
)
def test_new_refuses_columns_that_cannot_be_what_they_are_named(finished, capsys, flags, said):
    assert main(["new", "x", *NAMED, *flags]) == 5
    assert said in capsys.readouterr().err
    assert not (finished / "experiments").exists()


def test_new_says_which_column_was_nearly_the_id_and_takes_a_named_one(finished, capsys):
    assert main(["new", "x", *NAMED, "--outcome", "bought"]) == 0
    out = capsys.readouterr().out
    assert "'customer' looks like an id: it has 58 different values in 60 rows" in out
    assert main(["new", "y", *NAMED, "--outcome", "bought", "--unit", "nummer"]) == 0
    assert "unit: 'nummer'" in capsys.readouterr().out


def test_what_new_assumed_is_said_until_its_note_is_deleted(finished, capsys):
    assert main(["new", "x", *NAMED, "--outcome", "bought"]) == 0
    file = finished / "experiments/x/experiment.toml"
    capsys.readouterr()
    for confirmed in (False, True):
        if confirmed:
            text = file.read_text("utf-8")
            file.write_text(text.replace(f"  # {NOTE}", ""), encoding="utf-8")
        assert main(["check", "x"]) == 0
        assert main(["decide", "x", "--panel", "t.csv"]) == 0
        assert main(["report", "x", "--panel", "t.csv", "-o", "x.html"]) == 0
        out, page = capsys.readouterr().out, (finished / "x.html").read_text("utf-8")
        assert ("x: no mistakes" in out) is confirmed
        assert ("warning: decision.worth is what `new` assumed" in out) is not confirmed
        assert ("Assumption: decision.worth = " in out) is not confirmed
        assert ("nobody has confirmed it" in page) is not confirmed
        assert "written before launch" not in page
        assert "less what the arm costs" not in page
