"""Words and registry are one: each name that can be written is carried out, as its words say."""

import re
from importlib import import_module

import pytest

from apologylab.design.estimators import ESTIMATORS, parse_estimator, refuse_misfit
from apologylab.errors import InputError
from apologylab.inference.answer import OfFits, OfMeans, OfPanel
from apologylab.inference.registry import TOPICS, find


def example(name):
    """The estimator with every option that must be given."""
    options = ESTIMATORS[name].options
    must = [key for key, option in options.items() if option.default is None]
    given = ", ".join(f"{key}={value(options[key])}" for key in must)
    return f"{name}({given})" if given else name


def value(option):
    if option.words:
        return option.words[0]
    return max(option.low, min(option.high, 1.0)) if option.number else "silence"


def test_words_and_registry_have_the_same_names():
    assert list(ESTIMATORS) == [each.name for each in ESTIMATORS.values()]
    assert set(TOPICS) == set(ESTIMATORS)
    for topic in set(TOPICS.values()):
        answers = import_module(f"apologylab.inference.answers.{topic}").ANSWERS
        assert set(answers) == {name for name, its in TOPICS.items() if its == topic}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_its_words_say_is_so(name):
    way = find(example(name))
    words = ESTIMATORS[name]
    assert isinstance(way.answer, OfMeans | OfFits | OfPanel)
    assert way.decides == words.decides
    if words.decides:
        assert isinstance(way.answer, OfMeans)
        assert way.answer.estimand(way.asked) == "mean"
    if isinstance(way.answer, OfFits):
        base = find(way.answer.base(way.asked))
        assert isinstance(base.answer, OfMeans)
        if "of" not in words.options:  # else its own words are held against the scheme
            assert set(words.schemes) <= set(ESTIMATORS[base.asked.name].schemes)
    assert words.about
    assert words.about[0] == words.about[0].lower() or words.about.split()[0] in NAMES
    assert not words.about.endswith(".")
    assert set(words.schemes) <= {"independent", "blocks", "minimisation", "clusters"}
    assert words.schemes


NAMES = ("Kaplan-Meier", "Cox", "Lee", "Aalen-Johansen", "Lin", "CUPED", "IPW", "AIPW")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_its_options_are_described_and_their_defaults_can_be_had(name):
    for key, option in ESTIMATORS[name].options.items():
        assert option.about, key
        assert not (option.number and option.words)
        if option.default is None:
            continue
        assert isinstance(option.default, float if option.number else str)
        if option.number:
            assert option.low <= option.default <= option.high
        elif option.words:
            assert option.default in option.words


@pytest.mark.parametrize("name", ESTIMATORS)
def test_its_shortest_spelling_reads_as_itself(name):
    asked = parse_estimator(example(name), ESTIMATORS)
    assert parse_estimator(asked.text, ESTIMATORS) == asked
    assert re.fullmatch(r"[a-z0-9_]+(\(.*\))?", asked.text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lim", "no estimator 'lim'; near 'lin'"),
        ("lin(", "is not an estimator"),
        ("lin(rrors=HC3)", "no option 'rrors'"),
        ("difference_in_means(a=1, a=2)", "is not one option"),
    ],
)
def test_what_cannot_be_read_is_refused(text, says):
    with pytest.raises(InputError, match=re.escape(says)):
        parse_estimator(text, ESTIMATORS)


def test_errors_of_another_scheme_are_refused():
    plain, between = (find(name).asked for name in ("difference_in_means", "clustered"))
    refuse_misfit(plain, "independent", covariates=False)
    refuse_misfit(between, "clusters", covariates=False)
    with pytest.raises(InputError, match="drawn by 'clusters'"):
        refuse_misfit(plain, "clusters", covariates=False)
    with pytest.raises(InputError, match="drawn by 'independent'"):
        refuse_misfit(between, "independent", covariates=False)
    with pytest.raises(InputError, match="needs covariates"):
        refuse_misfit(find("lin").asked, "independent", covariates=False)


def test_an_estimator_that_another_reads_must_fit_too():
    refuse_misfit(find("relative_lift(of=blocked)").asked, "blocks", covariates=False)
    with pytest.raises(InputError, match=r"difference_in_means: .* drawn by 'blocks'"):
        refuse_misfit(find("relative_lift").asked, "blocks", covariates=False)
    with pytest.raises(InputError, match="lin needs covariates"):
        refuse_misfit(find("relative_lift(of=lin)").asked, "independent", covariates=False)
