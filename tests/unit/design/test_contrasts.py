"""The contrast grammar: which cells a question averages, and why it is refused (R10)."""

from __future__ import annotations

import random
from itertools import product
from types import SimpleNamespace

import pytest

from apologylab.design.aliases import aliases
from apologylab.design.contrasts import (
    Contrast,
    against,
    alias_notes,
    arm_contrasts,
    level_means,
    main_effects,
    parse_contrast,
)
from apologylab.design.layout import layout, table_layout
from apologylab.errors import InputError

COUPON = {"usd5": SimpleNamespace(value=5, cost="money")}


def experiment(
    factors: dict[str, tuple[str, ...]],
    *,
    weights: object = "equal",
    later: tuple[object, ...] = (),
    reference: str = "silence",
    panel: object = None,
    margins: object = None,
) -> SimpleNamespace:
    """What contrasts read of an experiment; the declaration's own rules are tested elsewhere."""
    phases = tuple(SimpleNamespace(weights=one) for one in later)
    return SimpleNamespace(
        factors=factors,
        timing={},
        wording={},
        incident=None,
        compensation=COUPON,
        arms=SimpleNamespace(reference=reference),
        allocation=SimpleNamespace(weights=weights, phases=phases),
        panel=panel,
        plan=SimpleNamespace(margins=margins or {}, negligible=None),
    )


UBER = experiment(
    {
        "wording": ("none", "basic", "status", "commitment"),
        "coupon": ("none", "usd5"),
        "timing": ("1h",),
    }
)
TIMED = experiment(
    {"wording": ("none", "sorry"), "coupon": ("none", "usd5"), "timing": ("15min", "4h")}
)
PANEL = experiment(
    {},
    weights={"Mens E-Mail": 1, "Womens E-Mail": 1, "No E-Mail": 1},
    reference="No E-Mail",
    panel=SimpleNamespace(levels={}),
)


def cells(text: str, of: SimpleNamespace = UBER) -> dict[str, float]:
    return dict(parse_contrast("c", text, of).cells)


def test_a_main_effect_matches_the_words_and_leaves_silence_out() -> None:
    third, minus = pytest.approx(1 / 3), pytest.approx(-1 / 3)
    assert cells("coupon=usd5 vs coupon=none") == {
        "basic+none@1h": minus, "basic+usd5@1h": third,
        "status+none@1h": minus, "status+usd5@1h": third,
        "commitment+none@1h": minus, "commitment+usd5@1h": third,
    }  # fmt: skip


def test_words_are_compared_with_none_only_under_the_coupon() -> None:
    """Without a coupon, no words is silence, so only the coupon's cells can be matched."""
    third = pytest.approx(1 / 3)
    assert cells("wording!=none vs wording=none") == {
        "none+usd5@1h": -1.0,
        "basic+usd5@1h": third,
        "status+usd5@1h": third,
        "commitment+usd5@1h": third,
    }


def test_combinations_weigh_the_same_and_so_do_cells_within_one() -> None:
    assert cells("wording=basic|status vs wording=commitment") == {
        "basic+none@1h": 0.25, "basic+usd5@1h": 0.25,
        "status+none@1h": 0.25, "status+usd5@1h": 0.25,
        "commitment+none@1h": -0.5, "commitment+usd5@1h": -0.5,
    }  # fmt: skip


def test_conditions_are_joined() -> None:
    assert cells("wording=basic & coupon=usd5 vs wording=status & coupon=none") == {
        "basic+usd5@1h": 1.0,
        "status+none@1h": -1.0,
    }


def test_a_factor_that_one_side_mentions_is_not_matched_on() -> None:
    """The other side averages over its levels, equally over cells."""
    assert cells("wording=basic & coupon=usd5 vs wording=status") == {
        "basic+usd5@1h": 1.0,
        "status+none@1h": -0.5,
        "status+usd5@1h": -0.5,
    }


def test_promptness_acts_wherever_something_is_sent() -> None:
    third, minus = pytest.approx(1 / 3), pytest.approx(-1 / 3)
    assert cells("timing=15min vs timing=4h", TIMED) == {
        "none+usd5@15min": third, "none+usd5@4h": minus,
        "sorry+none@15min": third, "sorry+none@4h": minus,
        "sorry+usd5@15min": third, "sorry+usd5@4h": minus,
    }  # fmt: skip


def test_conditions_may_come_twice_on_one_factor() -> None:
    assert cells("wording!=none & wording!=basic vs wording=basic") == cells(
        "wording=status|commitment vs wording=basic"
    )


def test_arms_are_compared_by_name_and_silence_only_by_name() -> None:
    assert cells("basic+usd5@1h vs silence") == {"silence": -1.0, "basic+usd5@1h": 1.0}
    named = cells("coupon=usd5 vs silence")
    assert named["silence"] == -1.0
    assert {weight for arm, weight in named.items() if arm != "silence"} == {0.25}


def test_arms_of_a_panel_are_named_with_their_blanks() -> None:
    assert cells("Mens E-Mail|Womens E-Mail vs No E-Mail", PANEL) == {
        "Mens E-Mail": 0.5,
        "Womens E-Mail": 0.5,
        "No E-Mail": -1.0,
    }


def test_arms_that_a_phase_does_not_draw_take_no_part() -> None:
    fewer = experiment(UBER.factors, weights={"*": 1, "status+usd5@1h": 0})
    assert cells("coupon=usd5 vs coupon=none", fewer) == {
        "basic+none@1h": -0.5, "basic+usd5@1h": 0.5,
        "commitment+none@1h": -0.5, "commitment+usd5@1h": 0.5,
    }  # fmt: skip
    closed_later = experiment(UBER.factors, later=({"*": 1, "status+usd5@1h": 0},))
    assert cells("coupon=usd5 vs coupon=none", closed_later) == cells(
        "coupon=usd5 vs coupon=none", fewer
    )


def test_arm_contrasts_name_what_some_phase_draws() -> None:
    closed = experiment(
        {"wording": ("none", "a", "b", "c")},
        weights={"*": 1, "c": 0},
        later=({"*": 1, "b": 0, "c": 0},),
    )
    assert [contrast.treatment for contrast in arm_contrasts(closed)] == ["a", "b"]


def test_the_reference_may_be_an_arm() -> None:
    to_basic = experiment({"wording": ("none", "basic", "status")}, reference="basic")
    assert [contrast.name for contrast in arm_contrasts(to_basic)] == [
        "silence vs basic",
        "status vs basic",
    ]


def test_main_effects_are_each_level_against_its_baseline() -> None:
    assert [contrast.name for contrast in main_effects(UBER)] == [
        "wording=basic vs wording=none",
        "wording=status vs wording=none",
        "wording=commitment vs wording=none",
        "coupon=usd5 vs coupon=none",
    ]
    assert [c.name for c in main_effects(TIMED)][-1] == "timing=4h vs timing=15min"


def test_a_lone_factor_has_no_main_effect_beside_its_arms() -> None:
    assert main_effects(experiment({"wording": ("none", "basic", "status")})) == ()
    assert main_effects(PANEL) == ()


@pytest.mark.parametrize("text", [c.name for c in (*main_effects(UBER), *main_effects(TIMED))])
def test_each_side_sums_to_one(text: str) -> None:
    of = TIMED if "timing" in text or "sorry" in text else UBER
    weights = cells(text, of).values()
    assert sum(w for w in weights if w > 0) == pytest.approx(1, abs=1e-12)
    assert sum(w for w in weights if w < 0) == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("silence", "two sides"),
        ("wording", "has 4 levels.*"),
        ("coupon=usd5 vs coupon=none x silence vs basic+none@1h", "two sides|by name have neither"),
        ("coupon=usd5 vs silence at timing=1h", "by name have neither"),
        ("a vs b vs c", "two sides"),
        (" vs silence", "two sides"),
        ("coupn=usd5 vs coupon=none", "no factor 'coupn'.*wording, coupon"),
        ("coupon=usd6 vs coupon=none", "no level 'usd6'.*none, usd5"),
        ("coupon=usd5 vs coupon!=none", "on both sides"),
        ("silence vs silence", "on both sides"),
        ("grovel@1h vs silence", "neither an arm .* nor a condition"),
        ("wording=none & coupon=none vs wording=basic", "no arm that every phase draws"),
        ("wording=basic & wording=status vs silence", "no arm that every phase draws"),
        ("coupon=usd5 & wording=none vs coupon=none & wording=none", "no arm that"),
    ],
)
def test_refusals_say_what_exists(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_contrast("c", text, UBER)


def test_nothing_matches() -> None:
    split = experiment(
        {"wording": ("none", "basic"), "timing": ("1h", "4h")},
        weights={"silence": 1, "basic@1h": 1, "basic@4h": 1},
    )
    lopsided = experiment(
        {"wording": ("a", "b"), "timing": ("1h", "4h")}, weights={"*": 0, "a@1h": 1, "b@4h": 1}
    )
    assert parse_contrast("c", "timing=1h vs timing=4h", split).cells
    with pytest.raises(InputError, match=r"cannot be told from timing.*a@1h, b@4h"):
        parse_contrast("c", "wording=a vs wording=b", lopsided)


@pytest.mark.parametrize(
    "weights",
    [(("a", 1.0),), (("a", 1.0), ("b", -0.5)), (("a", 0.5), ("a", 0.5), ("b", -1.0)), ()],
)
def test_a_contrast_is_a_difference_of_two_means(weights: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(InputError, match="weights"):
        Contrast(name="c", treatment="a", reference="b", cells=weights)


def test_a_contrast_prints_its_cells_and_weights() -> None:
    printed = str(parse_contrast("words", "wording!=none vs wording=none", UBER))
    assert printed == (
        "words: wording!=none minus wording=none (none+usd5@1h -1, basic+usd5@1h +0.3333, "
        "status+usd5@1h +0.3333, commitment+usd5@1h +0.3333)"
    )


def test_the_reference_is_never_a_contrast_with_itself() -> None:
    assert [c.name for c in against(["a", "b"], "b")] == ["a vs b"]


FULL = experiment(
    {"wording": ("plain", "warm"), "coupon": ("usd3", "usd5"), "timing": ("1h", "4h")}
)


def test_a_simple_effect_is_taken_under_its_conditions() -> None:
    assert cells("coupon at timing=15min", TIMED) == cells(
        "coupon=usd5 & timing=15min vs coupon=none & timing=15min", TIMED
    )


def test_an_interaction_is_a_difference_of_differences() -> None:
    """Only words that both coupons have under both delays are matched: no words, no coupon is
    silence."""
    assert cells("coupon x timing", TIMED) == {
        "sorry+usd5@4h": 1.0, "sorry+none@4h": -1.0,
        "sorry+usd5@15min": -1.0, "sorry+none@15min": 1.0,
    }  # fmt: skip


def test_an_interaction_of_three_factors_has_eight_corners() -> None:
    found = parse_contrast("c", "wording x coupon=usd5 vs coupon=usd3 x timing", FULL_COUPONS)
    assert found.order == 3
    assert sorted(weight for _, weight in found.cells) == [-1.0] * 4 + [1.0] * 4
    assert (
        found.treatment
        == "(wording=warm vs wording=plain x coupon=usd5 vs coupon=usd3) at timing=4h"
    )


def test_margins_weigh_the_factors_averaged_over_and_the_sides_of_alternatives() -> None:
    weighed = experiment(TIMED.factors, margins={"timing": {"15min": 3, "4h": 1}})
    found = cells("coupon=usd5 vs coupon=none", weighed)
    assert found["sorry+usd5@15min"] == 0.75
    assert found["sorry+none@4h"] == -0.25
    mixed = cells("timing=15min|4h vs silence", weighed)
    assert mixed["sorry+none@15min"] == 0.25


FULL_COUPONS = experiment(FULL.factors)
FULL_COUPONS.compensation = {
    "usd3": SimpleNamespace(value=3, cost="money"),
    "usd5": SimpleNamespace(value=5, cost="money"),
}
HALF = experiment(
    FULL.factors,
    weights={
        "plain+usd3@4h": 1, "warm+usd3@1h": 1, "plain+usd5@1h": 1, "warm+usd5@4h": 1, "*": 0,
    },
)  # fmt: skip
HALF.compensation = FULL_COUPONS.compensation


def test_a_half_fraction_aliases_each_effect_with_the_interaction_of_the_others() -> None:
    assert aliases(layout(HALF)) == (
        ("wording", ("coupon x timing",)),
        ("coupon", ("wording x timing",)),
        ("timing", ("wording x coupon",)),
        ("wording x coupon", ("timing",)),
        ("wording x timing", ("coupon",)),
        ("coupon x timing", ("wording",)),
    )
    assert aliases(layout(FULL_COUPONS)) == ()
    assert aliases(layout(UBER)) == ()


def test_an_aliased_contrast_is_refused_and_says_with_what() -> None:
    with pytest.raises(InputError, match="cannot be told from coupon x timing:"):
        parse_contrast("c", "wording=warm vs wording=plain", HALF)
    with pytest.raises(InputError, match=r"cannot be told|no arm that every phase draws"):
        parse_contrast("c", "wording x coupon", HALF)


def test_level_means_are_over_the_same_cells_of_the_others() -> None:
    """Without words the coupon's absence is silence, so only words are averaged over."""
    none, usd5 = level_means(layout(UBER), "coupon")
    third = pytest.approx(1 / 3)
    assert dict(none.cells) == {f"{w}+none@1h": third for w in ("basic", "status", "commitment")}
    assert dict(usd5.cells) == {f"{w}+usd5@1h": third for w in ("basic", "status", "commitment")}


def test_levels_that_are_numbers_or_sums_or_delays_have_sizes() -> None:
    assert layout(TIMED).values == {
        "coupon": {"none": 0.0, "usd5": 5.0},
        "timing": {"15min": 0.25, "4h": 4.0},
    }
    assert table_layout({"x": {"dose": 2.5}, "y": {"dose": 0}, "silence": {}}).values == {
        "dose": {"2.5": 2.5, "0": 0.0}
    }
    with pytest.raises(InputError, match="has levels of coupon"):
        table_layout({"x": {"dose": 2.5}, "y": {"coupon": 0}})


def test_the_guide_s_contrasts_read() -> None:
    """docs/how-to/factors-doses-delays.md, whose TOML is not run."""
    four = experiment(
        {"wording": ("none", "sorry"), "coupon": ("none", "usd5"), "timing": ("1h", "4h")}
    )
    simple = cells("coupon=usd5 at timing=1h", four)
    assert simple == {"sorry+none@1h": -1.0, "sorry+usd5@1h": 1.0}
    synergy = cells("coupon=usd5 x timing=1h vs timing=4h", four)
    assert synergy["sorry+usd5@1h"] == 1.0
    assert synergy["sorry+none@1h"] == -1.0


def test_arms_of_a_file_may_have_levels() -> None:
    """The least size is the baseline, whatever the order; "No E-Mail" lies outside."""
    levels = {
        "Mens E-Mail": {"off": "10", "for": "men"},
        "Womens E-Mail": {"off": "2.5", "for": "men"},
    }
    mail = experiment(
        {}, weights=PANEL.allocation.weights, reference="No E-Mail",
        panel=SimpleNamespace(levels=levels),
    )  # fmt: skip
    assert layout(mail).values == {"off": {"2.5": 2.5, "10": 10.0}}
    assert cells("off", mail) == {"Mens E-Mail": 1.0, "Womens E-Mail": -1.0}
    assert cells("for=men vs No E-Mail", mail)["Mens E-Mail"] == 0.5
    assert [c.name for c in main_effects(mail)] == ["off=10 vs off=2.5"]


FIVE = {name: ("none", name) for name in "abcde"}


def of_fraction(negligible: int | None, even: int = 0) -> SimpleNamespace:
    """Half of the 32 cells: those with an even number of changes, or an odd one."""
    names = {
        "+".join(name if bit else "none" for name, bit in zip("abcde", bits, strict=True)): 1
        for bits in product((0, 1), repeat=5)
        if sum(bits) % 2 == even and any(bits)
    }
    found = experiment(FIVE, weights={**names, "silence": 0, "*": 0})
    found.compensation, found.plan.negligible = {}, negligible
    return found


def response(levels: dict[str, str], chance: random.Random) -> float:
    """A mean with effects of each factor and of each pair, and of none of three."""
    signs = {name: 1 if level == name else -1 for name, level in levels.items()}
    pairs = [(a, b) for a in signs for b in signs if a < b]
    effects = {name: chance.uniform(-1, 1) for name in (*signs, *pairs)}
    return sum(effects[n] * signs[n] for n in signs) + sum(
        effects[a, b] * signs[a] * signs[b] for a, b in pairs
    )


@pytest.mark.parametrize(
    "text", ["a=a vs a=none", "c=c", "d=d x e=e", "a=a & b=b vs a=none & b=none"]
)
def test_a_fraction_finds_what_the_whole_factorial_would(text: str) -> None:
    """If the interactions that are declared to be nothing are nothing."""
    whole = experiment(
        {name: (f"no_{name}", name) for name in FIVE}, reference="no_a+no_b+no_c+no_d+no_e"
    )
    whole.compensation = {}
    half = of_fraction(3, even=1)
    written = text.replace("none", "{}")
    full = cells(written.format("no_a", "no_b") if "none" in text else text, whole)
    means = {arm.name: response(dict(arm.levels), random.Random(4)) for arm in layout(whole).arms}
    fraction = {arm.name: response(dict(arm.levels), random.Random(4)) for arm in layout(half).arms}
    one = sum(weight * means[arm] for arm, weight in full.items())
    other = sum(weight * fraction[arm] for arm, weight in cells(text, half).items())
    assert other == pytest.approx(one, abs=1e-12)


def test_a_fraction_answers_only_what_is_declared() -> None:
    with pytest.raises(InputError, match="no cell of one side meets"):
        parse_contrast("c", "a=a vs a=none", of_fraction(None, even=1))
    with pytest.raises(InputError, match="cannot be told from c x d x e"):
        parse_contrast("c", "a=a x b=b", of_fraction(4, even=1))
    assert len(main_effects(of_fraction(3, even=1))) == 5
    assert main_effects(of_fraction(None, even=1)) == ()


def test_what_is_assumed_of_a_fraction_is_said() -> None:
    (said,) = alias_notes(layout(of_fraction(3, even=1)))
    assert said.startswith("assumed and not tested: interactions of 3 and more factors are nothing")
    assert not aliases(layout(of_fraction(3, even=1)))
    assert alias_notes(layout(of_fraction(None, even=1)))[0].startswith("aliases in this fraction")
