"""Hillstrom and Starbucks, from file to verdict, beside the figures of shared/reference.md."""

from __future__ import annotations

import json

import pytest

import apologylab
from apologylab.cli.app import main

pytestmark = pytest.mark.realdata
HILLSTROM, STARBUCKS = "hillstrom_email_2008.csv", "starbucks_promo_training.csv"
MEANS = [
    ("Mens E-Mail", 21_307, "visit", 0.1827568405, None),
    ("Mens E-Mail", 21_307, "conversion", 0.0125310931, None),
    ("Mens E-Mail", 21_307, "spend", 1.4226165110, 17.7542051037),
    ("Womens E-Mail", 21_387, "visit", 0.1514003834, None),
    ("Womens E-Mail", 21_387, "conversion", 0.0088371441, None),
    ("Womens E-Mail", 21_387, "spend", 1.0772015710, 15.1161064707),
    ("No E-Mail", 21_306, "visit", 0.1061672768, None),
    ("No E-Mail", 21_306, "conversion", 0.0057260865, None),
    ("No E-Mail", 21_306, "spend", 0.6527893551, 11.5881996813),
]
WELCH = [
    ("Mens E-Mail", "spend", 0.7698271559, 0.1452465602, "1.1638e-07"),
    ("Womens E-Mail", "spend", 0.4244122159, 0.1303328585, "1.13e-03"),
    ("Mens E-Mail", "visit", 0.0765895637, 0.0033858878, "1.4e-112"),
    ("Mens E-Mail", "conversion", 0.0068050065, 0.0009208728, "1.5e-13"),
    ("Womens E-Mail", "visit", 0.0452331066, 0.0032344621, "2.4e-44"),
    ("Womens E-Mail", "conversion", 0.0031110575, 0.0008226771, "1.56e-04"),
]
LIN = [
    ("Mens E-Mail", 0.7692624984, 0.14520400),
    ("Womens E-Mail", 0.4240399024, 0.13027611),
]
HALF_A_DIGIT = 0.6e-10


@pytest.fixture(scope="module")
def run(root):
    def ran(*args):
        import contextlib
        import io

        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            assert main([*args, "--json"]) == 0
        return json.loads(printed.getvalue())

    return ran


@pytest.fixture(scope="module")
def hillstrom(run, root, real_data):
    return run(
        "analyse", str(root / "experiments" / "hillstrom"), "--panel", str(real_data / HILLSTROM)
    )


def one(found, treatment, outcome, estimator):
    (estimate,) = (
        each
        for each in found["estimates"]
        if (each["treatment"], each["outcome"], each["estimator"])
        == (treatment, outcome, estimator)
    )
    return estimate


@pytest.mark.parametrize(("arm", "n", "outcome", "mean", "sd"), MEANS)
def test_means_by_arm(hillstrom, arm, n, outcome, mean, sd):
    (found,) = (
        each for each in hillstrom["means"] if (each["arm"], each["outcome"]) == (arm, outcome)
    )
    assert found["n"] == n
    assert found["mean"] == pytest.approx(mean, rel=0, abs=HALF_A_DIGIT)
    if sd is not None:
        assert found["sd"] == pytest.approx(sd, rel=0, abs=HALF_A_DIGIT)


@pytest.mark.parametrize(("arm", "outcome", "point", "std_error", "p"), WELCH)
def test_welch(hillstrom, arm, outcome, point, std_error, p):
    found = one(hillstrom, arm, outcome, "difference_in_means")
    assert found["point"] == pytest.approx(point, rel=0, abs=HALF_A_DIGIT)
    assert found["std_error"] == pytest.approx(std_error, rel=0, abs=HALF_A_DIGIT)
    digits = len(p.split("e")[0]) - 2
    assert f"{found['p_value']:.{digits}e}" == p


@pytest.mark.parametrize(("arm", "point", "std_error"), LIN)
def test_lin_centred_over_all_three_arms(hillstrom, arm, point, std_error):
    found = one(hillstrom, arm, "spend", "lin")
    assert found["point"] == pytest.approx(point, rel=0, abs=HALF_A_DIGIT)
    assert found["std_error"] == pytest.approx(std_error, rel=0, abs=0.6e-8)


def test_sample_ratio(hillstrom):
    for check in hillstrom["checks"][:2]:
        assert check["name"].startswith("sample ratio")
        assert f"{check['statistic']:.5f}" == "0.20253"
        assert f"{check['p_value']:.5f}" == "0.90369"
        assert check["passed"] is True


def test_a_data_frame_gives_the_same_results(hillstrom, real_data):
    import pandas as pd

    found = apologylab.analyse(
        pd.read_csv(real_data / HILLSTROM),
        arm="segment",
        reference="No E-Mail",
        outcomes=["spend"],
        covariates=["history"],
    )
    assert [each.estimator for each in found.estimates[:2]] == ["lin", "difference_in_means"]
    theirs = one(hillstrom, "Mens E-Mail", "spend", "difference_in_means")
    (ours,) = (
        each
        for each in found.estimates
        if (each.treatment, each.estimator) == ("Mens E-Mail", "difference_in_means")
    )
    assert ours.point == pytest.approx(theirs["point"], rel=1e-12)
    assert ours.std_error == pytest.approx(theirs["std_error"], rel=1e-12)
    assert pd.DataFrame(found.rows()).shape[0] == len(found.estimates) == 4
    assert "Mens E-Mail" in str(found)
    assert "<table>" in found._repr_html_()


def test_starbucks_loses_money_while_it_wins_purchases(run, root, real_data):
    found = run(
        "decide",
        str(root / "experiments" / "starbucks_promo"),
        "--panel",
        str(real_data / STARBUCKS),
    )
    assert found["verdict"] == "do not ship"
    assert found["recommended_arm"] is None
    (value,) = found["values"]
    assert f"{value['point']:.7f}" == "-0.0554545"
    assert f"{value['std_error']:.7f}" == "0.0075693"
    assert f"{value['ci_low']:.4f}" == "-0.0703"
    assert f"{value['ci_high']:.4f}" == "-0.0406"
    assert value["interval_kind"] == "pointwise"
    assert any(
        "changed purchase by +0.945 percentage points" in reason for reason in found["reasons"]
    )
    assert value["break_even_compensation"] == pytest.approx(0.15 - 0.0554545, abs=1e-7)
