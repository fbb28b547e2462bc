"""Write the pinned requirements files from what is installed: ``make pins``.

Three files, each the closure of what ``pyproject.toml`` asks for, with the versions of the
environment that runs this: requirements.txt (to run), -dev (to check and test), -bench (the peers).
A file holds only what the one before it does not.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = {"requirements.txt": None, "requirements-dev.txt": "dev", "requirements-bench.txt": "bench"}


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    seen: set[str] = set()
    for file, extra in FILES.items():
        asked = project["optional-dependencies"][extra] if extra else project["dependencies"]
        found = closure([Requirement(text) for text in asked])
        lines = [f"{name}=={found[name]}" for name in sorted(found) if name not in seen]
        seen.update(found)
        head = f"# Written by `make pins`: {extra or 'what apologylab needs to run'}."
        (ROOT / file).write_text("\n".join([head, *lines, ""]))
        print(f"{file}: {len(lines)} packages")


def closure(asked: list[Requirement]) -> dict[str, str]:
    """Name -> installed version of everything that ``asked`` needs, on any system this runs on."""
    found: dict[str, str] = {}
    waiting = [(one, "") for one in asked]
    while waiting:
        one, extra = waiting.pop()
        if one.marker and not one.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(one.name)
        known = name in found
        installed = distribution(name)
        found[name] = installed.version
        for wanted in one.extras if known else ["", *one.extras]:
            waiting.extend((Requirement(text), wanted) for text in installed.requires or ())
    return found


if __name__ == "__main__":
    main()
