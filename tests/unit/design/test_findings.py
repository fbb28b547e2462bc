"""Each rule across keys: one edit of a shipped declaration, the path and line it is reported at."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from apologylab.design.findings import at
from apologylab.errors import DeclarationError
from apologylab.wire.declaration import check, read

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


def text(name: str) -> str:
    return (EXPERIMENTS / name / "experiment.toml").read_text(encoding="utf-8")


def edited(name: str, old: str, new: str) -> str:
    declared = text(name)
    assert declared.count(old) >= 1, old
    return declared.replace(old, new, 1)


def line(declared: str, marker: str) -> int:
    return 1 + declared[: declared.index(marker)].count("\n")


RIDE, FOOD, MAIL, PROMO = "late_ride_apology", "delivery_timing", "hillstrom", "starbucks_promo"
PANEL_CLAIM = 'unit = "customer"\n[holdout]\nshare = 0.1\nsalt = "h"\n'
CAP = """per_period = {{ {period} }}
[budget.per_arm]
{arm}
[today] """

CASES = [
    # when it is due
    (FOOD, '"24h"]', '"soon"]', "factors.timing[2]"),
    (FOOD, "[arms]", '[timing.visit]\nafter = "next_visit"\nwithin = "7d"\n[arms]', "timing.visit"),
    (FOOD, "[arms]", '[timing.24h]\nafter = "incident"\n[arms]', "timing.24h"),
    (FOOD, '"24h"]\n', '"v"]\n[timing.v]\nafter = "next_visit"\n', "timing.v.within"),
    (FOOD, '"24h"]\n', '"v"]\n[timing.v]\nafter = "resolution"\nwithin = "7d"\nfield = "f"\n', "timing.v.field"),
    (FOOD, '"24h"]\n', '"v"]\n[timing.v]\nafter = "incident"\nwithin = "7d"\n', "timing.v.within"),
    (FOOD, '"24h"]\n', '"v"]\n[timing.v]\nafter = "expected"\nwithin = "1d"\n', "timing.v.field"),
    (FOOD, '"24h"]\n', '"v"]\n[timing.v]\nafter = "expected"\nfield = "f"\nwithin = "1h"\ndelay = "1h"\n', "timing.v.within"),
    (FOOD, '"24h"]\n', '"v"]\n[timing.v]\nafter = "next_visit"\nwithin = "13d"\ndelay = "25h"\n', "outcomes[1].window_days"),
    (FOOD, 'end = "08:00"\n', "", "delivery.quiet.end"),
    (FOOD, 'begin = "21:00"\n', "", "delivery.quiet.begin"),
    (FOOD, 'end = "08:00"', 'end = "21:00"', "delivery.quiet.end"),
    (FOOD, 'begin = "21:00"', 'begin = "08:30"', "delivery.quiet.begin"),
    (FOOD, 'begin = "21:00"\nend = "08:00"\n', "", "delivery.quiet"),
    (FOOD, 'drop_after = "24h"', 'drop_after = "0s"', "delivery.drop_after"),
    (FOOD, 'by = "apologylab"', 'by = "caller"', "delivery.drop_after"),
    (FOOD, '"24h"]\n', '"24h", "v"]\n[timing.v]\nafter = "next_visit"\nwithin = "14d"\n', "outcomes[1].window_days"),
    # arms and weights
    (RIDE, '"none+usd5@1h" =', '"none+usd9@1h" =', 'arms.names."none+usd9@1h"'),
    (RIDE, '"basic apology, words only"', '"coupon only"', 'arms.names."basic+none@1h"'),
    (RIDE, "coupon=usd5 vs", "cupon=usd5 vs", "plan.contrasts.costly"),
    (RIDE, "[plan]", "[plan]\nmargins = { cupon = { usd5 = 1 } }", "plan.margins.cupon"),
    (RIDE, "[plan]", "[plan]\nmargins = { coupon = { usd5 = 1 } }", "plan.margins.coupon"),
    (RIDE, "[plan]", "[plan]\nsuperiority = { spend = 0 }", "plan.superiority.spend"),
    (RIDE, "[plan]", "[plan]\nequivalence = { complaints = 0.1 }", "plan.equivalence.complaints"),
    (RIDE, "[plan]", '[plan]\nreturns = { first = "back", full_price = "returned_28d" }', "plan.returns.first"),
    (RIDE, "[plan]", '[plan]\nreturns = { first = "returned_28d", full_price = "full_price_57_84d" }', "plan.returns.full_price"),
    (RIDE, "[plan]", '[plan]\nreturns = { first = "returned_28d", full_price = "spend_84d" }', "plan.returns.full_price"),
    (RIDE, 'reference = "silence"', 'reference = "quiet"', "arms.reference"),
    (RIDE, '["none", "basic",', '["basic",', "arms.reference"),
    (RIDE, 'weights = "equal"', "weights = { silence = 0 }", "allocation.weights"),
    (RIDE, 'weights = "equal"', 'weights = { "*" = 0 }', "allocation.weights"),
    (FOOD, "silence = 3", "silence = 0", "allocation.weights.silence"),
    (FOOD, "silence = 3", '"sorry+eur9@4h" = 3', 'allocation.weights."sorry+eur9@4h"'),
    (FOOD, "[compensation.eur3]", "timing = { 5min = 1 }\n[compensation.eur3]", "allocation.timing.5min"),
    (FOOD, "[compensation.eur3]", "timing = { 4h = 0 }\n[compensation.eur3]", "allocation.timing"),
    (FOOD, "[compensation.eur3]", "[[allocation.phases]]\nweights = { silence = 1 }\n[compensation.eur3]", "allocation.phases[0].weights"),
    (FOOD, "[compensation.eur3]", "[[allocation.phases]]\nweights = { quiet = 1 }\n[compensation.eur3]", "allocation.phases[0].weights.quiet"),
    (RIDE, '["1h"]', '["soon"]', "factors.timing[0]"),
    (RIDE, '"basic", "status"', '"silence", "status"', "factors.wording[1]"),
    (RIDE, '["none", "usd5"]', '["none", "usd5", "flowers"]', "factors.coupon[2]"),
    (RIDE, "[budget]", '[overrides]\nqa_1 = "basic"\n[budget]', "overrides.qa_1"),
    # remedies and money
    (RIDE, '["none", "usd5"]', '["none", "gift"]', "compensation.usd5"),
    (RIDE, '"600000.00 USD"', '"4.00 USD"', "compensation.usd5.value"),
    (RIDE, '"10.00 USD"', '"4.00 USD"', "compensation.usd5.value"),
    (RIDE, '"10.00 USD"', '"10.00 EUR"', "budget.per_customer.amount"),
    (RIDE, "[today] ", CAP.format(period='amount = "4.00 USD", days = 7', arm='"none+usd5@1h" = { uses = 9 }'), "compensation.usd5.value"),
    (RIDE, "[today] ", CAP.format(period='amount = "9.00 EUR", days = 7', arm='"none+usd5@1h" = { uses = 9 }'), "budget.per_period.amount"),
    (RIDE, "[today] ", CAP.format(period="days = 7", arm='"none+usd5@1h" = { uses = 9 }'), "budget.per_period.uses"),
    (RIDE, "[today] ", CAP.format(period="uses = 7, days = 7", arm='"none+usd5@1h" = {}'), 'budget.per_arm."none+usd5@1h".uses'),
    (RIDE, "[today] ", CAP.format(period="uses = 7, days = 7", arm='"none+usd9@1h" = { uses = 1 }'), 'budget.per_arm."none+usd9@1h"'),
    (RIDE, "[today] ", CAP.format(period="uses = 7, days = 7", arm='"basic+none@1h" = { uses = 1 }'), 'budget.per_arm."basic+none@1h"'),
    (RIDE, "[today] ", CAP.format(period="uses = 7, days = 7", arm="silence = { uses = 1 }"), "budget.per_arm.silence"),
    (RIDE, "[today] ", CAP.format(period="uses = 7, days = 7", arm='"none+usd5@1h" = { amount = "4.99 USD" }'), 'budget.per_arm."none+usd5@1h".amount'),
    (RIDE, "[today] ", CAP.format(period="uses = 7, days = 7", arm='"none+usd5@1h" = { amount = "9.00 EUR" }'), 'budget.per_arm."none+usd5@1h".amount'),
    (RIDE, 'amount = "10.00 USD", days', "days", "budget.per_customer.uses"),
    (RIDE, 'weights = "equal"', "units_per_day = 0", "allocation.units_per_day"),
    (FOOD, "expires_days = 28", "expires_days = 60", "compensation.eur3.expires_days"),
    (FOOD, "expires_days = 28", "# expires_days", "compensation.eur3.expires_days"),
    (RIDE, '["wording", "coupon"]', '["wording", "timing"]', "messages.order[1]"),
    (RIDE, '["wording", "coupon"]', '["wording"]', "messages.order"),
    # who
    (RIDE, '["injury",', '["late_ride",', "incident.kind"),
    (RIDE, 'next_incident = "sticky"', 'next_incident = "rerandomise"', "repeats.next_incident"),
    (RIDE, 'unit = "customer"', 'unit = "incident"', "unit"),
    (RIDE, "at_least = 10", "at_least = 10, at_most = 5", "incident.severity.at_least"),
    (RIDE, ", at_least = 10", "", "incident.severity.at_least"),
    (RIDE, "[budget]", '[layer]\nname = "a"\nstart = 0.5\nend = 0.5\n[budget]', "layer.end"),
    (RIDE, "[budget]", '[holdout]\nshare = 0.0\nsalt = "a"\n[budget]', "holdout.share"),
    (RIDE, 'wording = "agent_template"', 'words = "agent_template"', "today.words"),
    (RIDE, 'unit = "customer"', 'unit = "customer"\nunit_id = "nfc_ascii_lower"\noverrides = { A = "silence", a = "silence" }', "overrides.a"),
    # outcomes
    (RIDE, 'name = "returned_28d"', 'name = "value"', "outcomes[1].name"),
    (RIDE, "> 0", "> 0.10 EUR", "decision.ship_if"),
    (RIDE, 'name = "returned_28d"', 'name = "spend_84d"', "outcomes[1].name"),
    (RIDE, 'role = "primary"', 'role = "secondary"', "outcomes[0].role"),
    (RIDE, 'measure = "count"', 'measure = "sum(amount)"', "outcomes[3].measure"),
    (RIDE, 'fact = "order"\nmeasure = "sum', 'fact = "goodwill"\nmeasure = "sum', "outcomes[0].measure"),
    (RIDE, "sum(list_amount)", "sum(tip_amount)", "outcomes[0].measure"),
    (RIDE, "{ our_coupon = false }", "{ ours = false }", "outcomes[2].where.ours"),
    (RIDE, "{ our_coupon = false }", '{ our_coupon = "no" }', "outcomes[2].where.our_coupon"),
    (RIDE, "from_days = 56", "from_days = 84", "outcomes[2].from_days"),
    (RIDE, '["1h"]', '["28d"]', "outcomes[1].window_days"),
    (RIDE, "worse_by_at_most = 0.01", 'comparator = "silence"', "outcomes[3].worse_by_at_most"),
    (RIDE, "worse_by_at_most = 0.01", 'worse_by_at_most = 1\ncomparator = "quiet"', "outcomes[3].comparator"),
    (RIDE, 'role = "secondary"', 'role = "secondary"\nworse_by_at_most = 1', "outcomes[1].worse_by_at_most"),
    (RIDE, 'fact = "order"', 'column = "spend"\nfact = "order"', "outcomes[0].column"),
    # plan and value
    (RIDE, '["spend_84d:pre"]', '["spend_84d"]', "plan.covariates[0]"),
    (RIDE, '["spend_84d:pre"]', '["returned_28d:pre"]', "outcomes[1].pre_days"),
    (RIDE, "[plan]", '[plan]\nestimators = ["lim"]', "plan.estimators[0]"),
    (RIDE, "[plan]", '[plan]\nestimators = ["lin", "clustered"]', "plan.estimators[1]"),
    (RIDE, "[plan]", '[plan]\nestimators = ["difference_in_means", "lin", "lin()"]', "plan.estimators[2]"),
    (RIDE, 'covariates = ["spend_84d:pre"]', 'covariates = []\nestimators = ["lin"]', "plan.estimators[0]"),
    (RIDE, "[plan]", '[plan]\nestimators = ["lin", "log_rank"]', "plan.estimators[1]"),
    (RIDE, "[plan]", '[plan]\nestimators = ["lin", "subgroups"]', "plan.estimators[1]"),
    (RIDE, "[plan]", '[plan]\nestimators = ["lin", "by_week(weeks=cumulative)"]', "plan.estimators[1]"),
    (RIDE, "> 0", "< 0", "decision.ship_if"),
    (RIDE, "lower(value_vs_reference)", "lower(value)", "decision.ship_if"),
    (RIDE, 'sales = "spend_84d"', 'sales = "spent"', "decision.sales"),
    (RIDE, 'sales = "spend_84d"', 'sales = "returned_28d"', "outcomes[1].measure"),
    (RIDE, "margin = 0.25", "", "decision.margin"),
    (RIDE, "sum(list_amount)", "sum(paid_amount)", "outcomes[0].measure"),
    (RIDE, "[decision]", '[decision]\nworth = { spend_84d = "1 USD" }', "decision.worth.spend_84d"),
    (RIDE, "[decision]", '[decision]\nworth = { gone = "1 USD" }', "decision.worth.gone"),
    (PROMO, '"10.00 USD"', '"10.00 EUR"', "decision.worth.purchase"),
    # files of finished outcomes
    (MAIL, "[arms]", '[panel.levels]\n"No Mail" = { sent = "no" }\n[arms]', 'panel.levels."No Mail"'),
    (MAIL, "[arms]", '[panel.levels]\n"No E-Mail" = { sent = "no" }\n"Mens E-Mail" = { send = "yes" }\n[arms]', 'panel.levels."Mens E-Mail"'),
    (MAIL, "[plan]", '[panel.levels]\n"No E-Mail" = { sent = "no" }\n[plan]\nmargins = { sent = { no = 1, yes = 1 } }', "plan.margins.sent"),
    (MAIL, "[panel]", '[holdout]\nshare = 0.1\nsalt = "h"\n[panel]', "holdout"),
    (MAIL, "[panel]", '[incident]\nkind = "late"\n[panel]', "incident"),
    (MAIL, "[panel]", '[budget]\ntotal = "1 USD"\n[panel]', "budget"),
    (MAIL, "[allocation]", "[allocation]\nunits_per_day = 9", "allocation.units_per_day"),
    (MAIL, "[panel]", '[repeats]\nnext_incident = "sticky"\n[panel]', "repeats"),
    (MAIL, "[panel]", '[factors]\nwording = ["none", "a"]\n[panel]', "factors"),
    (MAIL, "[panel]", '[delivery]\nby = "caller"\n[panel]', "delivery"),
    (MAIL, 'column = "visit"', 'column = "visit"\nfact = "order"', "outcomes[1].fact"),
    (MAIL, 'column = "visit"', 'column = "visit"\nwindow_days = 14', "outcomes[1].window_days"),
    (MAIL, 'column = "visit"', "", "outcomes[1].column"),
    (MAIL, 'unit = "USD"', 'unit = "coins"', "outcomes[0].unit"),
    (MAIL, '["history", "recency"]   #', '["history", "spend"]   #', "panel.covariates[1]"),
    (MAIL, 'column = "visit"', 'column = "segment"', "outcomes[1].column"),
    (MAIL, 'reference = "No E-Mail"', 'reference = "Nobody"', "arms.reference"),
    (MAIL, '{ "No E-Mail" = 1,', '{ "No E-Mial" = 1,', "arms.reference"),
    (PROMO, "{ Yes =", "{ Sure =", "panel.arm_cost.Sure"),
    (PROMO, 'unit = "ID"', 'unit = "Promotion"', "panel.unit"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "path"), CASES)
def test_a_rule_reports_its_path(name, old, new, path):
    found = check(edited(name, old, new), where=name)
    assert path in {each.path for each in found if each.severity == "error"}, found


@pytest.mark.parametrize(
    ("name", "table", "path"),
    [
        (RIDE, "otherwise", "otherwise"),
        (RIDE, "repeats", "repeats"),
        (RIDE, "incident", "incident"),
        (RIDE, "factors", "factors"),
        (MAIL, "allocation", "allocation.weights"),
    ],
)
def test_a_table_that_must_be_there_is_missed(name, table, path):
    declared = text(name)
    start = declared.index(f"[{table}]")
    end = declared.index("\n[", start)
    found = check(declared[:start] + declared[end + 1 :], where=name)
    assert path in {each.path for each in found}


def test_money_without_a_budget_is_a_warning():
    declared = text(RIDE)
    start = declared.index("[budget]")
    found = check(declared[:start] + declared[declared.index("[today]") :], where=RIDE)
    assert [(each.path, each.severity) for each in found] == [("budget", "warning")]


def test_what_belongs_to_a_later_version_is_called_so():
    (found,) = check(edited(RIDE, '"sticky"', '"rerandomise"'), where=RIDE)
    assert "not carried out yet" in found.what
    (found,) = check(edited(RIDE, "[plan]", "[plan]\nclusters = 5"), where=RIDE)
    assert found.path == "plan.clusters"
    assert "not carried out yet" in found.what
    (instead,) = re.findall(r'"(by_cause.*?)"', found.do)
    declared = f'[plan]\nestimators = ["lin", "{instead}"]'
    assert check(edited(RIDE, "[plan]", declared), where=RIDE) == ()


def test_an_adjustment_without_a_proof_is_refused():
    for word, instead in (("hochberg", "max_t"), ("benjamini_hochberg", "benjamini_yekutieli")):
        (found,) = check(edited(RIDE, '"holm"', f'"{word}"'), where=RIDE)
        assert (found.path, found.severity) == ("plan.adjust", "error")
        assert "no proof over several secondary outcomes" in found.what
        assert instead in found.do
    for word in ("max_t", "dunnett", "bonferroni", "romano_wolf", "list_shaikh_xu"):
        assert check(edited(RIDE, '"holm"', f'"{word}"'), where=RIDE) == ()


def test_resamples_take_units_as_they_were_drawn():
    in_blocks = edited(RIDE, "[plan]", "[plan]").replace(
        "[allocation]\n", '[allocation]\nscheme = "blocks"\n', 1
    )
    for word in ("romano_wolf", "westfall_young", "list_shaikh_xu"):
        found = check(in_blocks.replace('"holm"', f'"{word}"'), where=RIDE)
        assert "redraws units one by one" in {each.path: each.what for each in found}["plan.adjust"]


def test_lines_are_those_of_the_text():
    declared = edited(RIDE, "window_days = 28", "window_dayz = 28")
    (found,) = check(declared, where=RIDE)
    assert (found.path, found.line) == ("outcomes[1].window_dayz", line(declared, "window_dayz"))
    assert found.do == "did you mean window_days?"


def test_a_line_that_is_not_toml_is_named():
    declared = edited(RIDE, "alpha = 0.05", "alpha = = 0.05")
    (found,) = check(declared, where=RIDE)
    assert found.line == line(declared, "alpha = =")


def test_reading_raises_with_every_finding():
    declared = edited(RIDE, "alpha = 0.05", "alpha = 5").replace("margin = 0.25", "margin = 2")
    with pytest.raises(DeclarationError, match=r"plan\.alpha.*1 more") as caught:
        read(declared, where=RIDE)
    assert [each.path for each in caught.value.findings] == ["plan.alpha", "decision.margin"]


def test_paths_quote_what_toml_quotes():
    assert at("a b", 'say "x"', 0, "c.d") == '"a b"."say \\"x\\""[0]."c.d"'


def test_a_huge_factorial_is_refused_at_once():
    levels = ", ".join(f'"l{place}"' for place in range(400))
    wide = edited(RIDE, '["1h"]', f'["1h"]\ntone = [{levels}]\nvoice = [{levels}]')
    assert "factors" in {each.path for each in check(wide, where=RIDE)}


def test_the_sketch_of_the_design_passes():
    """Design, section 5: no sales, no better, a floor; everything said there can be said."""
    sketch = edited(RIDE, 'sales = "spend_84d"\n', "").replace('better = "lower"\n', "")
    sketch = sketch.replace("[otherwise]", '[floor]\nmissing_item = "refund_full"\n[otherwise]')
    assert check(sketch, where=RIDE) == ()


def test_a_table_that_is_none_is_reported_once():
    declared = text(RIDE)
    start, end = declared.index("[factors]"), declared.index("[arms]")
    found = check("factors = []\n" + declared[:start] + declared[end:], where=RIDE)
    assert [(each.path, each.line, each.what) for each in found] == [
        ("factors", 1, "is not a table")
    ]


def test_a_text_that_ends_too_early_is_reported_at_its_end():
    (found,) = check("name = 'a'\nx = [", where=RIDE)
    assert found.line == 2


def test_no_mistake_needs_no_parser_of_positions():
    """The hook reads declarations with the standard library alone."""
    program = (
        "import sys; from apologylab.wire.declaration import read; "
        f"read(open({str(EXPERIMENTS / RIDE / 'experiment.toml')!r}).read(), where=''); "
        "print([name for name in ('tree_sitter', 'numpy', 'babel') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("scheme", "found"),
    [
        ("independent", set()),
        ("blocks", {"budget.per_period"}),
        ("minimisation", {"budget.per_period"}),
    ],
)
def test_a_period_is_not_ended_by_what_arms_give_where_the_next_makes_up_for_it(scheme, found):
    fields = 'strata = ["country"]' if found else "units_per_day = 9"
    declared = edited(RIDE, 'weights = "equal"', f'scheme = "{scheme}"\n{fields}')
    declared = declared.replace("[today]", CAP.format(period="uses = 7, days = 7", arm=""), 1)
    errors = {each.path for each in check(declared, where="x") if each.severity == "error"}
    assert errors & {"budget.per_period"} == found
