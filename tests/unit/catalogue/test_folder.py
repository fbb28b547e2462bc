"""NAME is a name, a folder or a file; what is hostile is not there."""

from __future__ import annotations

import shutil
from errno import ENOSPC
from pathlib import Path

import pytest

from apologylab.catalogue.folder import FolderCatalogue
from apologylab.errors import DeclarationError, InputError, NotFoundError, StateError

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.fixture
def catalogue(tmp_path):
    shutil.copytree(EXPERIMENTS, tmp_path / "experiments")
    return FolderCatalogue(tmp_path / "experiments")


def test_a_name_a_folder_and_a_file_mean_the_same(catalogue):
    folder = catalogue.folder / "hillstrom"
    for name in ("hillstrom", str(folder), f"{folder}/", str(folder / "experiment.toml")):
        assert catalogue.experiment(name).name == "hillstrom"
    assert catalogue.names() == (
        "damaged_item_choice",
        "delivery_timing",
        "hillstrom",
        "late_delivery_parts",
        "late_ride_apology",
        "starbucks_promo",
    )


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../../etc/passwd", "/etc/passwd", "a\x00b", "a\nb", "x" * 5000, "~", "nobody"],
)
def test_what_is_no_experiment_is_not_found(catalogue, name):
    with pytest.raises(NotFoundError):
        catalogue.experiment(name)


def test_a_file_that_is_not_text_is_refused(catalogue, tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"name = \xff\xfe")
    with pytest.raises(InputError, match="cannot be read as text"):
        catalogue.experiment(str(file))


def test_a_message_that_is_not_text_is_refused_by_name(catalogue):
    file = catalogue.folder / "late_ride_apology/messages/wording/status.en.txt"
    file.write_bytes(b"we are \xff")
    with pytest.raises(InputError, match=r"status\.en\.txt cannot be read as text"):
        catalogue.check("late_ride_apology")


def test_a_byte_order_mark_is_no_mistake(catalogue):
    before = catalogue.check("late_ride_apology")
    texts = catalogue.fragments(before.experiment)
    for file in (catalogue.folder / "late_ride_apology").rglob("*.t*"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert catalogue.check("late_ride_apology") == before
    assert catalogue.fragments(before.experiment) == texts


def test_fragments_of_an_experiment_elsewhere_are_found(catalogue, tmp_path):
    shutil.move(catalogue.folder / "delivery_timing", tmp_path / "delivery_timing")
    experiment = catalogue.experiment(str(tmp_path / "delivery_timing"))
    fragments = catalogue.fragments(experiment)
    assert {key[2] for key in fragments} == {"en", "lt"}
    assert "sorry" in fragments["wording", "sorry", "en"]


def test_a_second_text_keeps_its_number(catalogue):
    fragments = catalogue.fragments(catalogue.experiment("late_ride_apology"))
    assert ("wording", "basic.2", "en") in fragments


def paths(catalogue, name):
    return {(each.path, each.severity) for each in catalogue.check(name).findings}


@pytest.mark.parametrize("name", ["late_ride_apology", "delivery_timing", "hillstrom"])
def test_the_shipped_experiments_pass(catalogue, name):
    checked = catalogue.check(name)
    assert checked.findings == ()
    assert not checked.has_errors


def test_a_missing_fragment_is_reported_at_its_level(catalogue):
    (catalogue.folder / "late_ride_apology/messages/wording/status.en.txt").unlink()
    (found,) = catalogue.check("late_ride_apology").findings
    assert found.path == "factors.wording[2]"
    assert "messages/wording/status.en.txt" in found.what
    assert found.line == 1 + catalogue.source("late_ride_apology")[
        : catalogue.source("late_ride_apology").index("wording = [")
    ].count("\n")


def test_a_fragment_with_code_is_refused_in_its_file(catalogue):
    file = catalogue.folder / "late_ride_apology/messages/wording/status.en.txt"
    file.write_text("{{ first_name.__class__ }}", encoding="utf-8")
    (found,) = catalogue.check("late_ride_apology").findings
    where = "messages/wording/status.en.txt"
    assert (found.path, found.file, found.line) == (where, where, 1)


def test_a_fragment_that_nobody_says_is_a_warning(catalogue):
    home = catalogue.folder / "late_ride_apology/messages/wording"
    (home / "warm.en.txt").write_text("We are sorry.", encoding="utf-8")
    assert paths(catalogue, "late_ride_apology") == {("messages/wording/warm.en.txt", "warning")}


def test_a_name_other_than_the_folders_is_reported(catalogue):
    (catalogue.folder / "hillstrom").rename(catalogue.folder / "mailing")
    assert paths(catalogue, "mailing") == {("name", "error")}


def twin(catalogue, layer, other_layer):
    """``late_ride_apology`` and a copy of it, each with a layer or none."""
    first = catalogue.folder / "late_ride_apology"
    shutil.copytree(first, catalogue.folder / "twin")
    for folder, text in ((first, layer), (catalogue.folder / "twin", other_layer)):
        file = folder / "experiment.toml"
        declared = file.read_text(encoding="utf-8").replace("late_ride_apology", folder.name)
        file.write_text(declared.replace("[budget]", f"{text}\n[budget]", 1), encoding="utf-8")


def layer(start, end, name="rides"):
    return f'[layer]\nname = "{name}"\nstart = {start}\nend = {end}'


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("", "", {("layer", "warning")}),
        (layer(0, 0.5), layer(0.5, 1), set()),
        (layer(0, 0.6), layer(0.5, 1), {("layer.start", "error")}),
        (layer(0, 0.5), "", {("layer.start", "warning")}),
        (layer(0, 0.5), layer(0.5, 1, "other"), {("layer.start", "warning")}),
    ],
)
def test_two_experiments_on_one_incident_are_kept_apart(catalogue, ours, theirs, expected):
    twin(catalogue, ours, theirs)
    assert paths(catalogue, "late_ride_apology") == expected


def test_experiments_on_other_countries_do_not_meet(catalogue):
    twin(catalogue, "", "")
    file = catalogue.folder / "twin/experiment.toml"
    file.write_text(file.read_text("utf-8").replace('["US"]', '["CA"]'), encoding="utf-8")
    assert paths(catalogue, "late_ride_apology") == set()


def test_writing_refuses_names_that_leave_the_folder(catalogue):
    for name in ("../x", "a/b", "", "A", "."):
        with pytest.raises(InputError):
            catalogue.write(name, {})
    with pytest.raises(StateError):
        catalogue.write("hillstrom", {})


def test_writing_a_declaration_with_mistakes_writes_nothing(catalogue):
    with pytest.raises(DeclarationError):
        catalogue.write("fresh", {"experiment.toml": 'name = "fresh"\n'})
    assert not (catalogue.folder / "fresh").exists()


def test_writing_is_all_or_none_though_the_disk_is_full(catalogue, monkeypatch):
    texts = {"experiment.toml": catalogue.source("hillstrom"), "README.md": "read me"}
    before = sorted(catalogue.folder.rglob("*"))
    written = Path.write_text

    def full(self, text, **how):
        if self.name == "README.md":
            raise OSError(ENOSPC, "No space left on device")
        return written(self, text, **how)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        catalogue.write("another", texts)
    assert sorted(catalogue.folder.rglob("*")) == before
