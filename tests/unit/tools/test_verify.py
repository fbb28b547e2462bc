import importlib.util

import pytest


@pytest.fixture(scope="module")
def verify(root):
    spec = importlib.util.spec_from_file_location("verify_tool", root / "tools" / "verify.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def meaning(verify, tmp_path):
    def of(text):
        file = tmp_path / "code.py"
        file.write_text(text)
        return verify._meaning(file)

    return of


def test_layout_comments_and_docstrings_do_not_stale_a_verification(meaning):
    assert meaning('def f(x):\n    """Old."""\n    return x+1\n') == meaning(
        'def f(x):  # why\n    """New."""\n\n    return x + 1\n'
    )


def test_a_changed_formula_does(meaning):
    assert meaning("def f(x):\n    return x + 1\n") != meaning("def f(x):\n    return x - 1\n")


def test_a_changed_entry_is_named(verify, capsys):
    file = "tests/unit/tools/test_verify.py"
    kept = {file: {"digest": verify.digest(file), "commit": "c" * 40}}
    assert verify.check(kept) == 0
    kept[file]["digest"] = "other"
    assert verify.check(kept) == 1
    assert "run `make verify`" in capsys.readouterr().out


def test_seeds_and_counts_are_read_from_the_report(verify, tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="test_x" time="1.6"><properties>'
        '<property name="seed" value="7"/><property name="count" value="4000"/>'
        "</properties></testcase></testsuite></testsuites>"
    )
    assert verify.shown(report) == {"test_x": {"seconds": 2, "seed": "7", "count": "4000"}}


def test_a_slow_test_runs_in_full_and_its_count_is_kept(verify, root, tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    for name in ("pyproject.toml", "tests/conftest.py"):
        (tmp_path / name).write_text((root / name).read_text(encoding="utf-8"), encoding="utf-8")
    file = "tests/test_one.py"
    # Spelt with spaces, so that this file is not taken for one that holds slow tests.
    (tmp_path / file).write_text(
        "from pytest import mark\n@mark . slow\ndef test_one(counts):\n    assert counts(1, 2) == 2\n"
    )
    monkeypatch.setattr(verify, "ROOT", tmp_path)
    monkeypatch.setattr(verify, "_git", lambda *words: "" if "status" in words else "c" * 40)
    entry = verify.run(file)
    assert entry["passed"]
    assert entry["tests"]["test_one"]["count"] == "2"


def test_every_module_that_a_verification_stands_for_is_there(verify):
    places = {name for names in verify.STANDS_FOR.values() for name in names}
    source = verify.ROOT / "src" / "apologylab"
    assert [name for name in places if not (source / name).exists()] == []
