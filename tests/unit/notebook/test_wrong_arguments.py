"""``apologylab.analyse`` with an argument that is wrong: what, which value, what to do."""

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.errors import InputError

N = 240
ARMS = ("Kein Brief", "Entschuldigung für Verspätung", "お詫び+5€")
RNG = np.random.default_rng(8)


@pytest.fixture(scope="module")
def table():
    return pa.table(
        {
            "arm": np.array(ARMS)[np.arange(N) % 3],
            "spend": RNG.exponential(9, N),
            "sale": RNG.exponential(3, N),
            "w1": RNG.exponential(2, N),
            "before": RNG.exponential(7, N),
            "days": RNG.integers(1, 90, N),
            "end": RNG.integers(0, 2, N),
            "city": np.array([f"city {i}" for i in range(60)])[np.arange(N) // 4],
            "country": np.array(["Österreich", "Česko"])[np.arange(N) // 2 % 2],
        }
    )


def ask(table, **changed):
    asked = {"arm": "arm", "reference": ARMS[0], "outcomes": ["spend"]}
    return apologylab.analyse(table, **asked | changed)


WRONG = [
    ({"arm": None}, "arm=None is not the name of a column"),
    ({"arm": ["arm"]}, "arm=['arm'] is not the name of a column"),
    ({"reference": None}, "reference=None is not the name of an arm"),
    ({"reference": ["Kein Brief"]}, "reference=['Kein Brief'] is not the name of an arm"),
    ({"outcomes": None}, 'outcomes=None is not a list of names: write outcomes=["spend"]'),
    ({"outcomes": 5}, "outcomes=5 is not a list of names"),
    ({"outcomes": {"spend"}}, "outcomes={'spend'} is not a list of names"),
    ({"covariates": "before"}, 'write covariates=["before"]'),
    ({"covariates": ["country"]}, "leave a missing covariate empty"),
    ({"outcomes": ["country"]}, "leave a missing outcome empty"),
    ({"estimators": "lin"}, 'write estimators=["lin"]'),
    ({"estimators": [None]}, "estimators=[None] is not a list of names"),
    ({"unit": 3}, "unit=3 is not the name of a column"),
    ({"cluster": ["city"]}, "cluster=['city'] is not the name of a column"),
    ({"strata": ["country"]}, "strata=['country'] is not the name of a column"),
    ({"cluster": "arm"}, "cluster='arm' is the column of the arm"),
    ({"strata": "arm"}, "strata='arm' is the column of the arm"),
    ({"alpha": "0.05"}, "alpha='0.05' is not a number: write alpha=0.05"),
    ({"alpha": None}, "alpha=None is not a number"),
    ({"adjust": ["holm"]}, "adjust=['holm'] is not one of none, bonferroni, holm"),
    ({"weights": [1, 1, 1]}, 'write weights={"silence": 9, "sorry": 1}'),
    ({"weights": "equal"}, "weights='equal' is not a dict of arms and their planned weights"),
    ({"weights": {"Kein Brief": "1"}}, "weights={'Kein Brief': '1'} is not a dict"),
    ({"weights": {}}, "weights are {}"),
    ({"weights": {"Kein Brief": 0.5}}, f"weights give none to {ARMS[1]!r}, {ARMS[2]!r}"),
    ({"weights": dict.fromkeys((*ARMS, "Brief"), 1)}, "weights name 'Brief', and no row"),
    ({"levels": ["coupon"]}, 'write levels={"silence": {"coupon": 0}'),
    ({"levels": {"Kein Brief": "none"}}, "levels={'Kein Brief': 'none'} is not a dict"),
    ({"levels": {"Kein Brief": {"coupon": None}}}, "level of each factor"),
    ({"times": ["days"]}, 'write times={"days": "ended"}'),
    ({"times": "days"}, "times='days' is not a dict of columns"),
    ({"times": {"days": 1}}, "times={'days': 1} is not a dict of columns"),
    ({"weeks": ["w1"]}, 'write weeks={"spend": ["week_1", "week_2"]}'),
    ({"weeks": {"spend": "w1"}}, 'write weeks={"spend": ["w1"]}'),
    ({"weeks": {"sale": ["w1"]}}, "weeks are given of 'sale', which is no outcome asked for"),
    ({"subgroups": ["country"]}, 'write subgroups={"country": ["Austria", "Spain"]}'),
    ({"subgroups": {"country": "Česko"}}, 'write subgroups={"country": ["Česko"]}'),
    ({"subgroups": {"country": ["Cesko"]}}, "no row has 'Cesko' in column 'country'; near 'Česko'"),
    ({"subgroups": {"country": []}}, "subgroups name no level of column 'country'"),
    ({"estimators": ["subgroups"]}, "subgroups needs subgroups, and none are given"),
    ({"estimators": ["by_week"]}, 'write weeks={"spend": ["week_1", "week_2"]}'),
    ({"estimators": ["kaplan_meier"]}, 'write times={"days": "ended"}'),
]


@pytest.mark.parametrize(("changed", "words"), WRONG, ids=lambda each: str(each)[:60])
def test_a_wrong_argument_is_named_with_its_value_and_what_to_do(table, changed, words):
    with pytest.raises(InputError) as refused:
        ask(table, **changed)
    assert words in str(refused.value)
    assert refused.value.do
    assert "[plan" not in str(refused.value)


@pytest.mark.parametrize("given", [[1, 2], {"arm": [1]}, None, 3, "/tmp"])
def test_what_is_no_table_is_called_what_it_is(given, tmp_path):
    with pytest.raises(InputError) as refused:
        ask(str(tmp_path) if given == "/tmp" else given)
    kind = "a folder" if given == "/tmp" else f"a {type(given).__name__} is not a table"
    assert kind in str(refused.value)
    assert "replacement scan" not in str(refused.value)


def test_none_is_an_argument_that_is_not_given(table):
    none = dict.fromkeys(
        ("covariates", "estimators", "levels", "times", "weeks", "subgroups", "weights")
    )
    assert ask(table, **none).estimates == ask(table).estimates


def test_lists_may_be_of_any_kind_that_has_an_order(table):
    given = {"outcomes": ("spend", "sale"), "covariates": np.array(["before"])}
    lists = {"outcomes": ["spend", "sale"], "covariates": ["before"]}
    once = given | {"outcomes": iter(given["outcomes"])}
    assert ask(table, **given).estimates == ask(table, **lists).estimates
    assert ask(table, **once).estimates == ask(table, **lists).estimates


def test_numbers_are_levels_and_arms_as_their_text(table):
    asked = {"estimators": ["subgroups"]}
    found = ask(table, **asked, subgroups={"end": [0, 1]})
    assert found.estimates == ask(table, **asked, subgroups={"end": ["0", "1"]}).estimates
    arms = {"arm": "end", "weights": {0: 1, 1: 1}}
    assert ask(table, **arms, reference=0).estimates == ask(table, **arms, reference="0").estimates


def test_a_level_that_no_row_has_costs_no_other(table):
    right = {"country": ["Österreich", "Česko"]}
    slip = {"country": ["Österreich", "Česko", "Osterreich"]}
    asked = {"estimators": ["subgroups"]}
    found = ask(table, **asked, subgroups=slip)
    assert "no row has 'Osterreich' in column 'country'; near 'Österreich'" in found.notes
    assert found.estimates
    assert found.estimates == ask(table, **asked, subgroups=right).estimates


def test_of_clusters_the_plain_effect_leads_and_the_adjusted_stands_beside_it():
    """Whole cities are drawn, by their number."""
    city = np.arange(N) % 40
    before = RNG.normal(size=40)[city] * 5
    rows = {
        "arm": np.where(city % 2 == 0, "silence", "sorry"),
        "spend": before + RNG.normal(size=N),
        "before": before,
        "city": city,
    }
    asked = {"reference": "silence", "cluster": "city"}
    plain, adjusted = ask(pa.table(rows), **asked, covariates=["before"]).estimates
    assert (plain.estimator, adjusted.estimator) == ("clustered", "clustered_cuped")
    assert adjusted.std_error < 0.5 * plain.std_error
    (alone,) = ask(pa.table(rows), **asked).estimates
    assert alone.point == plain.point
