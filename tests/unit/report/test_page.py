"""The page: its order, its escapes, its marks, and what it may not need."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from apologylab.catalogue.folder import FolderCatalogue
from apologylab.decision.verdict import ArmValue, GuardrailReading, Verdict
from apologylab.design.contrasts import arm_contrasts
from apologylab.inference.results import Analysis, ArmFlow, Check, Estimate, Refusal
from apologylab.report.page import Dossier, page, panels, true_effect
from apologylab.report.summary import summary

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
HOSTILE = "<script>alert(1)</script>"
SECTIONS = ("verdict", "money", "wrong", "effects", "flow", "checks", "design")


def estimate(contrast, outcome="spend_84d", role="primary", unit="USD", point=0.4, **other):
    return Estimate(
        outcome=outcome,
        role=role,
        unit=unit,
        treatment=contrast.treatment,
        reference=contrast.reference,
        reference_mean=28.8,
        estimand="average effect of assignment",
        estimator=other.pop("estimator", "lin"),
        point=point,
        std_error=0.3,
        df=1e4,
        ci_low=point - 0.6,
        ci_high=point + 0.6,
        level=0.95,
        interval_kind="pointwise",
        p_value=0.18,
        p_adjusted=1.0,
        family="arms",
        look=0,
        phase="all",
        n_assigned=16_000,
        n_treatment=2_000,
        n_reference=2_000,
        smallest_detectable=0.84,
        kind="arm",
        name=contrast.name,
        cells=contrast.cells,
    )


@pytest.fixture(scope="module")
def experiment():
    return FolderCatalogue(EXPERIMENTS).experiment("late_ride_apology")


@pytest.fixture
def dossier(experiment):
    contrasts = arm_contrasts(experiment)
    arms = ["silence", *(each.treatment for each in contrasts)]
    analysis = Analysis(
        experiment=experiment.name,
        version=1,
        fingerprint="ab" * 32,
        as_of="2025-05-02T00:00:00+00:00",
        simulated=True,
        alpha=0.05,
        adjust="holm",
        checks=(
            Check(name="sample ratio", statistic=5.0, p_value=0.6, passed=True, says="agrees"),
            Check(name="balance", statistic=20.0, p_value=1e-5, passed=False, says="it is off"),
        ),
        estimates=tuple(
            [estimate(each) for each in contrasts]
            + [estimate(each, estimator="difference_in_means") for each in contrasts]
            + [estimate(contrasts[0], "returned_28d", "secondary", "share of customers", 0.021)]
        ),
        refusals=(
            Refusal(outcome="x", treatment="a", reference="b", estimator="lin", because="no rows"),
        ),
        flow=tuple(
            ArmFlow(arm=arm, assigned=2_000, delivered=1_960, mature=2_000, analysed=2_000)
            for arm in arms
        ),
        deviations_from_plan=("looked early",),
    )
    values = tuple(
        ArmValue(
            arm=arm,
            point=-1.1,
            std_error=0.1,
            ci_low=-1.4,
            ci_high=-0.8,
            level=0.95,
            interval_kind="simultaneous",
            n=2_000,
            break_even_margin=0.9,
        )
        for arm in arms[1:]
    )
    verdict = Verdict(
        experiment=experiment.name,
        version=1,
        as_of=analysis.as_of,
        simulated=True,
        verdict="do not ship",
        recommended_arm=None,
        reference="silence",
        unit="USD per affected customer",
        rule="lower(value_vs_reference) > 0",
        sentence="At best, `basic` is below 0.",
        reasons=("every interval is below 0",),
        values=values,
        guardrails=(
            GuardrailReading(
                outcome="complaints_28d",
                arm=arms[1],
                comparator="silence",
                bound=0.01,
                worse_by=0.02,
                ci_low=0.012,
                ci_high=0.03,
                state="broken",
                unit="share of customers",
            ),
        ),
    )
    truth = {"spend_84d": dict.fromkeys(arms, 28.0) | {arms[1]: 28.5}}
    return Dossier(
        experiment=experiment,
        analysis=analysis,
        verdict=verdict,
        truth=truth,
        funnel=(("incidents answered", 17_000),),
    )


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_sections_stand_in_the_order_a_head_of_product_reads(dossier):
    html = page(dossier)
    places = [html.index(f'id="{name}"') for name in SECTIONS]
    assert places == sorted(places)


def test_it_needs_no_network_and_no_script(dossier):
    html = page(dossier)
    assert "<script" not in html
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", html)


def test_simulated_stands_at_the_top_the_title_and_the_foot(dossier):
    html = page(dossier)
    assert html.count("SIMULATED") == 3
    real = replace(dossier, analysis=replace(dossier.analysis, simulated=False), truth={})
    assert "SIMULATED" not in page(real)


def test_texts_of_a_declaration_cannot_put_markup_in_it(dossier, experiment):
    hostile = replace(
        experiment,
        question=HOSTILE,
        owner=HOSTILE,
        arms=replace(experiment.arms, names={"none+usd5@1h": HOSTILE}),
    )
    verdict = replace(dossier.verdict, sentence=f"`{HOSTILE}`", reasons=(HOSTILE,))
    analysis = replace(dossier.analysis, notes=(HOSTILE,), deviations_from_plan=(HOSTILE,))
    made = page(replace(dossier, experiment=hostile, verdict=verdict, analysis=analysis))
    assert "<script" not in made
    assert made.count("&lt;script&gt;") >= 6


def test_only_the_plans_first_estimator_is_drawn_and_all_are_listed(dossier):
    primary, second = panels(dossier)
    assert (primary.outcome, second.outcome) == ("spend_84d", "returned_28d")
    drawn = [each for _, group in primary.groups for each in group]
    assert {each.estimator for each in drawn} == {"lin"}
    assert page(dossier).count("difference_in_means") == 7


def test_means_are_drawn_even_if_the_plan_leads_with_something_else(dossier):
    estimates = dossier.analysis.estimates
    cut = tuple(replace(each, estimator="winsorised(at=0.99)") for each in estimates[:3])
    led = replace(dossier, analysis=replace(dossier.analysis, estimates=(*cut, *estimates)))
    assert panels(led)[0].first.estimator == "lin"
    alone = replace(dossier, analysis=replace(dossier.analysis, estimates=cut))
    assert panels(alone)[0].first.estimator == "winsorised(at=0.99)"


def test_a_warning_is_among_what_could_be_wrong(dossier):
    warned = replace(dossier.analysis, notes=("WARNING: spend is so skewed", "feeds reach May"))
    found = text_of(page(replace(dossier, analysis=warned)))
    wrong = found[found.index("What could be wrong") :]
    assert "WARNING: spend is so skewed" in wrong


def test_truth_is_the_contrast_of_true_means(dossier):
    cells = (("none+usd5@1h", 1.0), ("silence", -1.0))
    assert true_effect(dossier, "spend_84d", cells) == pytest.approx(0.5)
    assert true_effect(dossier, "returned_28d", cells) is None
    assert "truth +0.50" in text_of(page(dossier))


def test_what_could_be_wrong_lists_the_grave_first(dossier):
    html = page(dossier)
    part = html[html.index('id="wrong"') : html.index('id="effects"')]
    assert part.count('class="grave"') == 4
    assert part.rindex('class="grave"') < part.index("Promptness was not varied here")
    assert "below 0.84 USD would be missed more than one time in five" in part
    for said in ("it is off", "looked early", "no rows", "Guardrail complaints_28d is broken"):
        assert said in part


@pytest.mark.parametrize(
    ("passed", "says", "shown"),
    [
        (True, "agrees", ("passed", "agrees")),
        (False, "is off", ("failed", "is off")),
        (None, "one unit moves its mean", ("look", "one unit moves its mean")),
        (None, "says nothing: too few", ("says nothing", "too few")),
    ],
)
def test_a_check_that_warns_does_not_say_nothing(dossier, passed, says, shown):
    check = Check(name="influence", statistic=1.0, p_value=None, passed=passed, says=says)
    html = page(replace(dossier, analysis=replace(dossier.analysis, checks=(check,))))
    word, text = shown
    assert re.search(rf"<b>{word}</b>\s*<span>influence: {text}</span>", html)


def test_what_nobody_confirmed_is_grave_beside_a_verdict_only(dossier):
    said = replace(dossier, assumed=("decision.margin = 0.25 is assumed",))
    assert '<li class="grave">decision.margin' in page(said)
    assert "decision.margin" not in page(replace(said, verdict=None))


def test_shares_are_read_in_percentage_points(dossier):
    assert "in percentage points" in page(dossier)
    assert "+2" in text_of(page(dossier)).split("percentage points")[1]


def test_money_has_the_digits_of_its_currency_whatever_the_error(dossier):
    values = [replace(each, std_error=0.0312) for each in dossier.verdict.values]
    verdict = replace(dossier.verdict, values=tuple(values))
    text = text_of(page(replace(dossier, verdict=verdict)))
    worth = text[text.index("What it is worth") : text.index("What could be wrong")]
    assert "−1.10" in worth
    assert "−1.40 to −0.80" in worth
    assert not re.search(r"\.\d{3}", worth)


def test_an_estimate_without_a_standard_error_is_rounded_by_its_interval(dossier):
    bare = [replace(each, std_error=None) for each in dossier.analysis.estimates]
    analysis = replace(dossier.analysis, estimates=tuple(bare))
    text = text_of(page(replace(dossier, analysis=analysis)))
    assert "+0.40" in text
    assert "−0.20 to +1.00" in text


def test_where_nothing_breaks_even_it_says_so(dossier):
    assert "Where it would break even" in page(dossier)
    values = tuple(replace(each, break_even_margin=None) for each in dossier.verdict.values)
    made = page(replace(dossier, verdict=replace(dossier.verdict, values=values)))
    assert "Where it would break even" not in made
    assert "Nowhere does an arm break even" in made
    free = tuple(replace(each, break_even_margin=0.0) for each in dossier.verdict.values)
    made = page(replace(dossier, verdict=replace(dossier.verdict, values=free)))
    assert "break even" not in made


def test_without_estimates_it_says_so(dossier):
    made = page(replace(dossier, analysis=replace(dossier.analysis, estimates=())))
    assert "Effects are not shown yet" in made
    assert "Every estimate" not in made
    assert "Effects are not shown yet" not in page(dossier)


def test_the_words_works_and_no_effect_never_appear(dossier):
    assert not re.search(r"\bworks?\b|no effect", text_of(page(dossier)), re.IGNORECASE)


def test_a_page_without_verdict_says_so(dossier):
    html = page(replace(dossier, verdict=None))
    assert "No verdict" in html
    assert 'id="money"' not in html


def test_the_summary_states_size_money_and_truth(dossier):
    said = summary(dossier, redeemed=12_345.0)
    assert "DO NOT SHIP" in said
    assert "What the test was worth, in USD, against silence" in said
    assert re.search(r"coupons used +12,345$", said, re.MULTILINE)
    # 7 arms of 2,000 at -1.1 each.
    assert re.search(r"net value, as estimated +−15,400$", said, re.MULTILINE)
    # 0.84 of 28.8 is 2.92%; 16,000 units; (2.92 / 1)^2 times as many for 1%.
    assert "2.9%" in said
    assert "136,112" in said
