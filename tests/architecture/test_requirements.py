"""The pinned lists say what ``pyproject.toml`` asks for, and nothing about where it comes from."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILES = {"requirements.txt": None, "requirements-dev.txt": "dev", "requirements-bench.txt": "bench"}


def pins(root, file):
    lines = (root / file).read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("file", FILES)
def test_lines_are_plain_pins(root, file):
    lines = [line for line in (root / file).read_text().splitlines() if not line.startswith("#")]
    assert list(pins(root, file)) == sorted(pins(root, file))
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []


def test_no_package_is_pinned_twice(root):
    names = [name for file in FILES for name in pins(root, file)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("file", "extra"), FILES.items())
def test_what_is_asked_for_is_pinned_within_its_bounds(root, file, extra):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    asked = project["optional-dependencies"][extra] if extra else project["dependencies"]
    files = list(FILES)[: list(FILES).index(file) + 1]
    pinned = {name: version for earlier in files for name, version in pins(root, earlier).items()}
    for text in asked:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), text
