"""A file of finished outcomes: what is refused and why, what is reported, what is left alone."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from apologylab.errors import InputError, NotFoundError
from apologylab.inference.moments import Request, cell_means
from apologylab.service.table import Wanted
from apologylab.warehouse.panel_file import panel_file

ARMS = ("none", "note")


def wanted(**changed):
    given = {"what": "t.csv", "arm": "arm", "outcomes": {"spend": "spend"}, "arms": ARMS}
    return Wanted(**(given | changed))


@pytest.fixture
def write(tmp_path):
    def written(text, name="t.csv"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return written


GOOD = "arm,spend,history\nnone,1,5\nnote,2,6\nnone,3,7\nnote,,8\n"


def test_a_good_file_is_read_and_its_equal_rows_are_kept(write):
    panel = panel_file(write(GOOD + "none,1,5\n" * 3), wanted())
    (moments,) = panel.source.moments([Request("spend")])
    assert moments.n.tolist() == [5, 1]
    assert panel.flow().assigned == {1: {"none": 5, "note": 2}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("spend", "spent"), "lacks column 'spend'; near 'spent'"),
        (GOOD.replace("arm,spend", "group,total"), "lacks columns 'arm', 'spend'"),
        (GOOD.replace("history", "spend"), "has column 'spend' twice"),
        (GOOD.replace("3,7", "n/a,7"), "'spend' has 1 \\(such as 'n/a'\\)"),
        (GOOD.replace("3,7", "3 USD,7"), "'3 USD'"),
        (GOOD.replace("3,7", '"1,000",7'), "'1,000'"),
        ("", "is empty"),
        ("arm,spend\n", "no rows"),
        (b"\x00\xff\xfe,\x81\n\x00", "cannot be read|lacks column"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(write, text, says):
    with pytest.raises(InputError, match=says):
        panel_file(write(text), wanted()).flow()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("note,2", "Note,2"), r"'Note' \(1 rows; near 'note'\)"),
        (GOOD.replace("note", "none"), "no row of column 'arm' is in 'note'"),
        (GOOD.replace("note,2", ",2"), "1 rows have no arm"),
    ],
)
def test_arms_are_those_declared(write, text, says):
    with pytest.raises(InputError, match=says):
        panel_file(write(text), wanted()).flow()


def test_an_infinity_is_refused(write):
    panel = panel_file(write(GOOD.replace("3,7", "inf,7")), wanted())
    with pytest.raises(InputError, match="'spend' holds an infinity"):
        panel.source.moments([Request("spend")])


def test_not_a_number_is_missing_and_counts_as_assigned(write):
    panel = panel_file(write(GOOD.replace("3,7", "NaN,7")), wanted())
    (moments,) = panel.source.moments([Request("spend")])
    assert moments.n.tolist() == [1, 1]
    assert panel.flow().assigned == {1: {"none": 2, "note": 2}}


def test_a_unit_id_in_two_rows_is_refused_only_where_it_is_declared(write):
    text = "id,arm,spend\na,none,1\na,note,2\nb,none,1\nb,note,1\n,none,1\n"
    panel_file(write(text), wanted())
    with pytest.raises(InputError, match=r"empty \(1 rows\), a \(2 rows\), b \(2 rows\)|a \(2"):
        panel_file(write(text), wanted(unit="id"))


def rows_lacking(lacks):
    """40 rows of two arms; ``lacks`` says which lack the covariate, which else is 1, 2, ... 40."""
    lines = [f"{'none' if i % 2 else 'note'},{i + 1},{'' if i in lacks else i + 1}"
             for i in range(40)]  # fmt: skip
    return "arm,spend,history\n" + "\n".join(lines) + "\n"


def test_a_covariate_that_many_lack_is_zero_beside_an_indicator(write):
    panel = panel_file(write(rows_lacking(range(20))), wanted(covariates=("history",)))
    assert panel.covariates == ("history", "history:missing")
    found = panel.source.moments([Request(name) for name in panel.covariates])
    history, missing = (cell_means(each)[:, 0].tolist() for each in found)
    assert (history, missing) == ([15.5, 15.0], [0.5, 0.5])
    assert panel.flow().notes == (
        "covariate 'history' is missing for 20 units: counted as 0 beside an indicator",
    )


@pytest.mark.parametrize("lacks", [(0,), range(19), [i for i in range(40) if i % 2]])
def test_a_covariate_that_few_of_an_arm_lack_is_the_others_mean(write, lacks):
    """An indicator would single out a unit, or be the same for all of an arm."""
    panel = panel_file(write(rows_lacking(lacks)), wanted(covariates=("history",)))
    assert panel.covariates == ("history",)
    (moments,) = panel.source.moments([Request("history")])
    mean = np.mean([i + 1 for i in range(40) if i not in lacks])
    assert moments.n.tolist() == [20, 20]
    assert cell_means(moments)[:, 0].mean() == pytest.approx(mean)
    assert panel.flow().notes[0].endswith("taken as the others' mean")


def test_v_is_what_outcomes_are_worth_less_the_arms_cost(write):
    text = "arm,bought,spend\nnone,1,10\nnone,0,\nnote,1,20\n"
    panel = panel_file(
        write(text),
        wanted(
            outcomes={"bought": "bought", "spend": "spend"},
            worth={"bought": 3.0, "spend": 0.5},
            arm_cost={"note": 0.15},
            value="value",
        ),
    )
    (moments,) = panel.source.moments([Request("value")])
    assert moments.n.tolist() == [1, 1]  # an outcome that is missing leaves v missing
    assert cell_means(moments)[:, 0].tolist() == [8.0, 12.85]


def test_true_and_false_are_one_and_zero(write):
    panel = panel_file(write("arm,spend\nnone,true\nnone,false\nnote,True\n"), wanted())
    (moments,) = panel.source.moments([Request("spend")])
    assert cell_means(moments)[:, 0].tolist() == [0.5, 1.0]


def test_parquet_is_read_with_its_own_types(tmp_path):
    file = tmp_path / "t.parquet"
    duckdb.execute(
        "COPY (SELECT * FROM (VALUES ('none', 1.5::DECIMAL(9,2), true), ('note', 2, false)) "
        f"t(arm, spend, bought)) TO '{file}' (FORMAT parquet)"
    )
    panel = panel_file(file, wanted(outcomes={"spend": "spend", "bought": "bought"}))
    spend, bought = panel.source.moments([Request("spend"), Request("bought")])
    assert cell_means(spend)[:, 0].tolist() == [1.5, 2.0]
    assert cell_means(bought)[:, 0].tolist() == [1.0, 0.0]


def test_a_date_is_not_a_number(tmp_path):
    file = tmp_path / "t.parquet"
    duckdb.execute(
        f"COPY (SELECT 'none' AS arm, DATE '2026-01-01' AS spend) TO '{file}' (FORMAT parquet)"
    )
    with pytest.raises(InputError, match="'spend' is DATE"):
        panel_file(file, wanted())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFoundError, match=r"gone\.csv"):
        panel_file(tmp_path / "gone.csv", wanted())


def test_two_panels_open_at_once_do_not_meet(write):
    first = panel_file(write(GOOD, "a.csv"), wanted())
    second = panel_file(write("arm,spend\nnone,100\nnote,200\n", "b.csv"), wanted())
    sums = [
        each.source.moments([Request("spend")])[0].sums[:, 0].tolist() for each in (first, second)
    ]
    assert sums == [[4.0, 2.0], [100.0, 200.0]]


@pytest.mark.parametrize("name", ['we"ird', "spend; DROP", "dépense"])
def test_names_of_columns_are_only_names(write, name):
    quoted = '"' + name.replace('"', '""') + '"'
    text = GOOD.replace("spend", quoted)
    panel = panel_file(write(text), wanted(outcomes={name: name}))
    (moments,) = panel.source.moments([Request(name)])
    assert moments.sums[:, 0].tolist() == [4.0, 2.0]
