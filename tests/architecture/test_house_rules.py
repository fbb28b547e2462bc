"""Rules about the text of the code itself."""

import ast
import statistics
import subprocess

import pytest

LONGEST_FILE = 400
NINETIETH = 25
ASSERTING = ("raises", "warns", "fail", "check_schema", "validate")


def functions(tree):
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function):
    """Lines from ``def`` to the end, the docstring left out."""
    first = function.body[0]
    docstring = ast.get_docstring(function, clean=False) is not None
    lines = function.end_lineno - function.lineno + 1
    return lines - (first.end_lineno - first.lineno + 1 if docstring else 0)


def sources(root, folder):
    return {
        file: file.read_text(encoding="utf-8") for file in sorted((root / folder).rglob("*.py"))
    }


def tracked(root):
    ran = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if ran.returncode:
        pytest.skip("not a git checkout")
    return [root / name for name in ran.stdout.decode().split("\0") if name]


def test_functions_are_short(root):
    lengths = sorted(
        (length(function), f"{file.relative_to(root)}:{function.lineno} {function.name}")
        for file, text in sources(root, "src").items()
        for function in functions(ast.parse(text))
    )
    numbers = [lines for lines, _ in lengths]
    ninetieth = statistics.quantiles(numbers, n=10)[-1]
    print(f"\n{len(numbers)} functions: median {statistics.median(numbers)}, 90th {ninetieth}")
    print("longest:", *(f"  {lines} {where}" for lines, where in lengths[:-6:-1]), sep="\n")
    assert ninetieth <= NINETIETH


def test_files_are_one_idea_long(root):
    lines = {file: text.count("\n") for file, text in sources(root, "src").items()}
    assert [str(file) for file, count in lines.items() if count > LONGEST_FILE] == []


def test_no_drawer_for_odds_and_ends(root):
    drawers = {"utils", "util", "helpers", "common", "manager", "misc"}
    assert [file for file in sources(root, "src") if file.stem in drawers] == []


def asserts(function):
    nodes = list(ast.walk(function))
    called = [n.func for n in nodes if isinstance(n, ast.Call)]
    names = [getattr(call, "attr", getattr(call, "id", "")) for call in called]
    said = any(name in ASSERTING or name.lstrip("_").startswith("assert") for name in names)
    return said or any(isinstance(node, ast.Assert) for node in nodes)


def silent_tests(text):
    tree = ast.parse(text)
    helpers = {f.name for f in functions(tree) if not f.name.startswith("test") and asserts(f)}

    def speaks(function):
        names = {
            n.func.id
            for n in ast.walk(function)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        return asserts(function) or bool(names & helpers)

    return [f.name for f in functions(tree) if f.name.startswith("test_") and not speaks(f)]


def test_every_test_can_fail(root):
    silent = {
        str(file.relative_to(root)): names
        for file, text in sources(root, "tests").items()
        if (names := silent_tests(text))
    }
    assert silent == {}


def test_a_silent_test_is_found():
    assert silent_tests("def test_x():\n    f()") == ["test_x"]
    assert silent_tests("def test_x():\n    assert f()") == []


def test_no_package_host_is_named(root):
    hosts = [
        "py" + "pi.org",
        "python" + "hosted",
        "npm" + "js.",
        "crates" + ".io",
        "index" + "-url",
    ]
    named = [
        (str(file.relative_to(root)), host)
        for file in tracked(root)
        if file.is_file()
        for host in hosts
        if host.encode() in file.read_bytes()
    ]
    assert named == []


def test_no_half_finished_marks(root):
    marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
    found = [
        (str(file.relative_to(root)), mark)
        for folder in ("src", "tests", "tools", "benchmarks")
        for file, text in sources(root, folder).items()
        for mark in marks
        if mark in text
    ]
    assert found == []
