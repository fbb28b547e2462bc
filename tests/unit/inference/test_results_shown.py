"""One results type: what it prints, and what it is as rows, frame, JSON, picture, and joined."""

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.errors import InputError
from apologylab.inference.grouping import groups
from apologylab.inference.results import INFORMATION, SHARE
from apologylab.inference.sentence import sentence
from apologylab.inference.width import width
from apologylab.wire.results import analysis_document

SEED = 7


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(SEED)
    n = 600
    arm = np.array(["none", "<note>", "gift"])[rng.integers(0, 3, n)]
    before = rng.exponential(20, n)
    spend = 0.5 * before + rng.exponential(10, n) + 5 * (arm == "gift")
    return pa.table({"arm": arm, "before": before, "spend": spend})


@pytest.fixture(scope="module")
def analysis(table):
    return apologylab.analyse(
        table, arm="arm", reference="none", outcomes=["spend"], covariates=["before"]
    )


@pytest.fixture(scope="module")
def odd(analysis):
    """The same with an open interval, something that one estimator alone says, and a look."""
    first, *others = analysis.estimates
    strange = replace(
        first,
        estimator="relative_lift",
        estimand="relative change of the mean of spend over all enrolled units, intention to treat",
        ci_high=math.inf,
        look=3,
        details=(("path", "leverage series"), ("largest leverage", 0.0042)),
    )
    return replace(analysis, estimates=(strange, *others))


def test_a_frame_has_a_row_an_estimate_in_numbers(analysis):
    frame = analysis.to_frame()
    assert list(frame["estimator"]) == [each.estimator for each in analysis.estimates]
    assert frame["point"].tolist() == [each.point for each in analysis.estimates]
    assert str(frame["p_value"].dtype) == "float64"
    assert "readings" not in frame


def test_details_are_columns_of_their_own(odd):
    frame = odd.to_frame()
    assert frame["details.path"][0] == "leverage series"
    assert frame["details.largest leverage"][0] == 0.0042
    assert frame["details.largest leverage"].isna().tolist() == [False, True, True, True]


def test_a_detail_that_is_text_here_and_a_number_there_is_text(odd):
    first, second, *others = odd.estimates
    second = replace(second, details=(("path", 2.0),))
    frame = replace(odd, estimates=(first, second, *others)).to_frame()
    assert frame["details.path"].tolist()[:2] == ["leverage series", "2.0"]


def test_json_is_that_of_the_command_and_open_ends_are_null(odd):
    document = json.loads(odd.to_json(), parse_constant=pytest.fail)
    assert document == analysis_document(odd)
    assert document["estimates"][0]["ci_high"] is None
    assert document["estimates"][0]["details"] == {
        "path": "leverage series",
        "largest leverage": 0.0042,
    }


def test_print_says_how_each_interval_and_p_came_about(odd):
    said = str(odd)
    assert "relative_lift: pointwise 95%" in said
    assert "2 tests, Holm, look 3" in said
    assert "path leverage series; largest leverage 0.0042" in said
    assert "to +inf" in said
    for each in odd.estimates:
        assert each.interval_kind in said
        assert each.family in said


def test_what_is_said_of_every_contrast_alike_stands_once(analysis):
    alike = [replace(each, details=(("threshold", 9.0),)) for each in analysis.estimates]
    lines = str(replace(analysis, estimates=tuple(alike))).splitlines()
    assert [line.strip(" -") for line in lines if "threshold" in line] == [
        "spend, lin: threshold 9.000",
        "spend, difference_in_means: threshold 9.000",
    ]
    one = replace(analysis, estimates=(alike[0], *analysis.estimates[1:]))
    assert f"spend, {alike[0].treatment}, lin: threshold 9.000" in str(one)


def test_what_is_not_a_mean_stands_under_a_head_of_its_own_and_is_no_headline(odd):
    said = str(odd)
    heads = [line for line in said.splitlines() if line.startswith(("spend, ", "relative change"))]
    assert len(heads) == 2
    words = said[said.index("In words") :]
    assert words.count("sending `") == 2
    assert "inf" not in words


def test_a_notebook_shows_refusals_departures_and_how_escaped(odd):
    html = replace(odd, deviations_from_plan=("<looked>",))._repr_html_()
    assert "&lt;note&gt;" in html
    assert "<note>" not in html
    assert "Departure from the plan: &lt;looked&gt;" in html
    assert "look 3" in html


def test_a_picture_is_a_well_formed_svg_with_a_dot_an_estimate(odd):
    picture = odd.plot()
    root = ET.fromstring(str(picture))
    assert picture._repr_svg_() == str(picture)
    dots = [each for each in root.iter() if each.get("class") == "dot"]
    assert len(dots) == len(odd.estimates)
    lines = [each for each in root.iter() if each.get("class") == "low"]
    assert all(float(each.get("x1")) < float(each.get("x2")) for each in lines)
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert {"<note>, relative_lift", "gift, lin"} <= set(texts)


def test_a_long_label_is_cut_and_stands_whole_in_its_title(analysis):
    long = replace(analysis.estimates[0], treatment="a" * 80, estimator="winsorised(at=0.95)")
    root = ET.fromstring(str(replace(analysis, estimates=(long,)).plot()))
    (title,) = root.iter("{http://www.w3.org/2000/svg}title")
    assert title.text == f"{'a' * 80}, winsorised(at=0.95)"
    assert title.tail == f"{'a' * 32}…{'a' * 10}, winsorised(at=0.95)"


def test_numbers_stand_under_each_other_beside_wide_characters(analysis):
    first, *others = analysis.estimates
    listed = (replace(first, treatment="お詫び+5€"), *others)
    rows = str(replace(analysis, estimates=listed)).splitlines()
    rows = [row for row in rows if " to " in row]
    wide = next(row for row in rows if row.startswith("  お詫び+5€"))
    narrow = next(row for row in rows if row.startswith(f"  {others[0].treatment} "))
    assert width(wide) == width(narrow)


def test_reference_means_that_differ_name_their_estimators(analysis):
    plain = [each for each in analysis.estimates if each.estimator == "difference_in_means"]
    lin = [replace(each, estimator="lin", reference_mean=1.25) for each in plain]
    alike = [replace(each, reference_mean=1.5) for each in plain]
    apart = [replace(each, reference_mean=1.0 + i) for i, each in enumerate(plain)]
    captions = [groups(rows)[0].caption for rows in (alike, [*alike, *lin], apart)]
    assert captions[0].endswith("against none (mean 1.500)")
    assert captions[1].endswith("against none (mean 1.500 plain, 1.250 Lin)")
    assert captions[2].endswith("against none")


def test_a_named_contrast_is_called_by_its_name(analysis):
    named = replace(analysis.estimates[0], kind="contrast", name="costly")
    assert sentence(named, alpha=0.05).startswith(f"costly (`{named.treatment}` against `none`)")


def test_of_an_outcome_without_a_unit_its_name_is_not_said_twice(analysis):
    bare = replace(analysis.estimates[0], unit="spend")
    assert " per customer" in sentence(bare, alpha=0.05)
    assert "spend per customer" not in sentence(bare, alpha=0.05)


def test_analyses_join_keep_their_families_and_say_so(table, analysis):
    plain = apologylab.analyse(table, arm="arm", reference="none", outcomes=["spend"])
    joined = analysis.join(plain)
    assert len(joined.rows()) == len(analysis.estimates) + len(plain.estimates)
    assert list(joined.to_frame().columns[:3]) == ["experiment", "version", "as_of"]
    assert [each["format"] for each in json.loads(joined.to_json())] == [
        "apologylab.analysis/1"
    ] * 2
    assert str(joined).endswith("adjusted within each analysis, not over all of them")
    assert str(joined.plot()).count('class="dot"') == 6
    assert "not over all of them" in joined._repr_html_()
    third = replace(plain, experiment="other")
    assert [each.experiment for each in joined.join(third).analyses] == ["table", "table", "other"]


def test_what_does_not_join_is_refused(analysis):
    with pytest.raises(InputError, match="joins nothing"):
        analysis.join()
    with pytest.raises(InputError, match="joined with itself"):
        analysis.join(analysis)
    with pytest.raises(InputError, match=r"alpha 0\.05 and 0\.1 do not join"):
        analysis.join(replace(analysis, alpha=0.1))


def test_an_analysis_that_shows_nothing_still_has_all_its_forms(analysis):
    empty = replace(analysis, estimates=())
    assert empty.rows() == []
    assert len(empty.to_frame()) == 0
    assert "dot" not in str(empty.plot()).split("</style>")[1]
    assert json.loads(empty.to_json())["estimates"] == []


def test_a_reason_stands_once_with_all_that_it_holds_for():
    """Two outcomes of nothing but zeros, two arms each: one line, not four."""
    arm = ["none", "note", "gift"] * 4
    zeros = pa.table({"arm": arm, "spend": [0.0] * 12, "visit": [0.0] * 12})
    found = apologylab.analyse(zeros, arm="arm", reference="none", outcomes=["spend", "visit"])
    assert len(found.refusals) == 4
    lines = [line for line in str(found).splitlines() if "does not vary" in line]
    (line,) = lines
    assert line.startswith("  - spend and visit, gift and note against none, plain: ")


def test_the_words_of_the_table_are_explained(analysis):
    text = str(analysis)
    assert "  - plain (difference_in_means): pointwise 95%" in text
    assert "could see: a true effect of this size passes one test at 5% in 80 of 100" in text
    looked = replace(analysis, estimates=(replace(analysis.estimates[0], look=1),))
    assert "passes its test at this look, all looks and tests together at 5%" in str(looked)


def test_a_note_of_two_estimators_stands_once(table):
    days = table.append_column("days", pa.array(np.arange(1.0, 601.0)))
    days = days.append_column("end", pa.array([1, 2, 0] * 200))
    found = apologylab.analyse(
        days, arm="arm", reference="none", outcomes=["spend"], times={"days": "end"},
        estimators=["log_rank", "cox"],
    )  # fmt: skip
    assert any("ended otherwise" in note for note in found.notes)
    assert len(set(found.notes)) == len(found.notes)


def test_the_information_of_a_look_is_data_and_no_line_a_row(analysis):
    first, *others = analysis.estimates
    at_look = replace(first, details=((INFORMATION, 4.0), (SHARE, 0.25)))
    shown = replace(analysis, estimates=(at_look, *others))
    assert "final information" not in str(shown)
    assert dict(shown.estimates[0].details)[SHARE] == 0.25


def test_a_bound_is_no_headline(table):
    """The lower bound of an effect is not the effect, though it is a mean in the same unit."""
    bounds = apologylab.analyse(
        table, arm="arm", reference="none", outcomes=["spend"], estimators=["lee_bounds"]
    )
    assert [each.smallest_detectable for each in bounds.estimates] == [None] * 4
    assert "In words" not in str(bounds)


def test_levels_that_are_sizes_may_be_asked_for_as_numbers(table):
    levels = {arm: {"coupon": size} for arm, size in (("none", 0), ("<note>", 2.5), ("gift", 5))}
    found = apologylab.analyse(
        table, arm="arm", reference="none", outcomes=["spend"], levels=levels
    )
    (by_number,) = found.contrast({"coupon": 5}).estimates
    (by_text,) = found.contrast({"coupon": "5"}).estimates
    assert by_number == by_text
    (of_two,) = found.contrast({"coupon": [2.5, 5]}).estimates
    assert dict(of_two.cells) == {"none": -1, "<note>": 0.5, "gift": 0.5}


@pytest.mark.parametrize(("levels", "notes"), [(["a", "b"], 0), (["a", "b", "c"], 2)])
def test_the_test_of_all_subgroups_is_a_note_where_the_differences_do_not_say_it(
    table, levels, notes
):
    kind = pa.array(np.resize(["a", "b", "c"], table.num_rows))
    found = apologylab.analyse(
        table.append_column("kind", kind), arm="arm", reference="none", outcomes=["spend"],
        estimators=["subgroups"], subgroups={"kind": levels},
    )  # fmt: skip
    assert sum("effects agree in all" in note for note in found.notes) == notes
    tested = [each for each in found.estimates if each.p_value is not None]
    assert all("Welch's F" in dict(each.details) for each in tested)
