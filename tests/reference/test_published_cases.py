"""Numbers of papers and other programs: Hillstrom, Lin 2013's table, Starbucks, and others.

The tables lie in ../shared/data and are never copied here; the figures are facts with sources.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource, panel
from apologylab.inference.checks import sample_ratio
from apologylab.inference.many.p_values import bonferroni, holm
from apologylab.inference.moments import Request, cell_covariances, cell_means
from apologylab.inference.multiplicity import simultaneous
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.results import Estimate

ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")


def table(folder: Path, name: str) -> dict[str, list[str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {column: [row[column] for row in rows] for column in rows[0]}


@pytest.fixture(scope="module")
def hillstrom(real_data: Path) -> ArraySource:
    rows = table(real_data, "hillstrom_email_2008.csv")
    names = ("spend", "visit", "conversion", "history", "recency")
    return panel({name: np.array(rows[name], dtype=float) for name in names}, arm=rows["segment"])


def ask(source: ArraySource, outcomes: tuple[str, ...]) -> dict[tuple[str, str, str], Estimate]:
    asked = Question(
        outcomes=tuple(Measured(name=name, role="primary", unit="") for name in outcomes),
        arm_contrasts=against(ARMS, "No E-Mail"),
        weights={1: dict.fromkeys(ARMS, 1)},
        assigned=dict.fromkeys(ARMS, 0),
        covariates=("history", "recency"),
        estimators=("lin", "difference_in_means"),
    )
    found, refused = estimates(fit(source, asked), asked)
    assert refused == ()
    return {(e.outcome, e.treatment.split()[0], e.estimator): e for e in found}


@pytest.mark.parametrize(
    ("outcome", "arm", "point", "error", "p"),
    [
        ("spend", "Mens", "0.7698271559", "0.1452465602", "1.1638e-07"),
        ("spend", "Womens", "0.4244122159", "0.1303328585", "1.13e-03"),
        ("visit", "Mens", "0.0765895637", "0.0033858878", "1.4e-112"),
        ("conversion", "Mens", "0.0068050065", "0.0009208728", "1.5e-13"),
        ("visit", "Womens", "0.0452331066", "0.0032344621", "2.4e-44"),
        ("conversion", "Womens", "0.0031110575", "0.0008226771", "1.56e-04"),
    ],
)
@pytest.mark.realdata
def test_hillstrom_welch(
    hillstrom: ArraySource, outcome: str, arm: str, point: str, error: str, p: str
) -> None:
    """To every digit that reference.md prints; it agrees with two public analyses."""
    found = ask(hillstrom, (outcome,))[outcome, arm, "difference_in_means"]
    assert f"{found.point:.10f}" == point
    assert f"{found.std_error:.10f}" == error
    digits = len(p.split("e", maxsplit=1)[0].replace(".", "")) - 1
    assert f"{found.p_value:.{digits}e}" == p


@pytest.mark.parametrize(
    ("arm", "point", "error"),
    [("Mens", "0.7692624984", "0.14520400"), ("Womens", "0.4240399024", "0.13027611")],
)
@pytest.mark.realdata
def test_hillstrom_lin_centred_over_all_arms(
    hillstrom: ArraySource, arm: str, point: str, error: str
) -> None:
    found = ask(hillstrom, ("spend",))["spend", arm, "lin"]
    assert f"{found.point:.10f}" == point
    assert f"{found.std_error:.8f}" == error


@pytest.mark.realdata
def test_hillstrom_lin_centred_over_the_pair(hillstrom: ArraySource) -> None:
    """The pair alone is another population: its own xbar."""
    keep = [i for i, cell in enumerate(hillstrom.cells) if cell.arm != "Womens E-Mail"]
    mine = np.isin(hillstrom.code, keep)
    labels = [hillstrom.cells[i].arm for i in hillstrom.code[mine]]
    pair = panel({k: v[mine] for k, v in hillstrom.columns.items()}, arm=labels)
    asked = Question(
        outcomes=(Measured(name="spend", role="primary", unit=""),),
        arm_contrasts=against(ARMS[:2], "No E-Mail"),
        weights={1: dict.fromkeys(ARMS[:2], 1)},
        assigned={},
        covariates=("history", "recency"),
        estimators=("lin",),
    )
    ((found,), _) = estimates(fit(pair, asked), asked)
    assert f"{found.point:.10f}" == "0.7690697437"
    assert f"{found.std_error:.10f}" == "0.1451888859"


@pytest.mark.realdata
def test_hillstrom_means(hillstrom: ArraySource) -> None:
    moments = hillstrom.moments([Request("spend")])[0]
    assert [cell.arm for cell in moments.cells] == sorted(ARMS)
    assert moments.n.tolist() == [21_307, 21_306, 21_387]
    assert [f"{m:.10f}" for m in cell_means(moments)[:, 0]] == [
        "1.4226165110", "0.6527893551", "1.0772015710",
    ]  # fmt: skip
    assert [f"{v**0.5:.10f}" for v in cell_covariances(moments)[:, 0, 0]] == [
        "17.7542051037", "11.5881996813", "15.1161064707",
    ]  # fmt: skip


def test_hillstrom_sample_ratio() -> None:
    counts = dict(zip(ARMS, (21_306, 21_307, 21_387), strict=True))
    check = sample_ratio("sample ratio", {1: counts}, {1: dict.fromkeys(ARMS, 1)})
    assert f"{check.statistic:.5f}" == "0.20253"
    assert f"{check.p_value:.5f}" == "0.90369"
    assert check.passed is True


def test_sample_ratio_of_lukas_vermeers_example() -> None:
    """Documentation of lukasvermeer/srm: 9463 against 7681 where halves were planned."""
    check = sample_ratio("srm", {1: {"a": 9_463, "b": 7_681}}, {1: {"a": 1, "b": 1}})
    assert check.statistic == pytest.approx(185.22655156322912, rel=1e-12)
    assert check.p_value is not None
    assert check.p_value < 2.2e-16
    assert check.passed is False


@pytest.mark.realdata
def test_starbucks_promotion_wins_purchases_and_loses_money(real_data: Path) -> None:
    rows = table(real_data, "starbucks_promo_training.csv")
    bought = np.array(rows["purchase"], dtype=float)
    given = np.array(rows["Promotion"]) == "Yes"
    source = panel({"value": 10 * bought - 0.15 * given, "bought": bought}, arm=rows["Promotion"])
    asked = Question(
        outcomes=(
            Measured(name="bought", role="primary", unit="share"),
            Measured(name="value", role="primary", unit="USD"),
        ),
        arm_contrasts=against(("Yes", "No"), "No"),
        weights={1: {"Yes": 1, "No": 1}},
        assigned={"Yes": 42_364, "No": 42_170},
    )
    fits = fit(source, asked)
    (purchases, value), _ = estimates(fits, asked)
    assert f"{purchases.point:.10f}" == "0.0094545478"
    assert round(purchases.point / purchases.std_error, 1) == 12.5
    assert f"{value.point:.7f}" == "-0.0554545"
    assert f"{value.std_error:.7f}" == "0.0075693"
    means = fits.of("value", "difference_in_means")
    (interval,) = simultaneous(means, asked.arm_contrasts, alpha=0.05, of=1)
    assert (f"{interval.low:.4f}", f"{interval.high:.4f}") == ("-0.0703", "-0.0406")


@pytest.mark.realdata
def test_lin_2013_table_2(real_data: Path) -> None:
    """Lin 2013 with HC2, digits from estimatr 1.0.0: Angrist, Lang and Oreopoulos, men."""
    rows = table(real_data, "alo_star_men.csv")
    known = [i for i, y in enumerate(rows["GPA_year1"]) if y not in {"", "NA"}]
    arm = ["treated" if float(rows["sfsp"][i]) else "control" for i in known]
    columns = {
        "y": np.array([float(rows["GPA_year1"][i]) for i in known]),
        "x": np.array([float(rows["gpa0"][i]) for i in known]),
    }
    asked = Question(
        outcomes=(Measured(name="y", role="primary", unit="grade points"),),
        arm_contrasts=against(("treated", "control"), "control"),
        weights={1: {"treated": 1, "control": 1}},
        assigned={},
        covariates=("x",),
        estimators=("difference_in_means", "lin"),
    )
    (plain, adjusted), _ = estimates(fit(panel(columns, arm=arm), asked), asked)
    assert plain.point == pytest.approx(-0.0361319968963, abs=1e-12)
    assert plain.std_error == pytest.approx(0.158697818078, abs=1e-12)
    assert adjusted.point == pytest.approx(-0.0812197974908, abs=1e-12)
    assert adjusted.std_error == pytest.approx(0.14786805469, abs=1e-11)


def test_adjusted_p_values_of_r_multtest() -> None:
    """R multtest::mt.rawp2adjp, as statsmodels' own tests cite it."""
    p = [
        0.838541367553, 0.642193923795, 0.680845947633, 0.967833824309, 0.71626938238,
        0.177096952723, 5.23656777208e-05, 0.0202732688798, 0.00028140506198, 0.0149877310796,
    ]  # fmt: skip
    expected_holm = [0.000523656777208, 0.00253264555782, 0.1199018486368, 0.1419128821586] + [
        1
    ] * 6
    expected_bonferroni = [0.000523656777208, 0.0028140506198, 0.149877310796, 0.202732688798] + [
        1
    ] * 6
    np.testing.assert_allclose(np.sort(holm(p)), expected_holm, rtol=1e-12)
    np.testing.assert_allclose(np.sort(bonferroni(p)), expected_bonferroni, rtol=1e-12)
    assert holm(p)[6] == min(holm(p))
