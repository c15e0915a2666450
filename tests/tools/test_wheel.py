"""The wheel holds what the program opens, and nothing else; `make wheel` installs and tries it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tools import wheel

ROOT = Path(wheel.__file__).parents[1]
#: Packages by the names under which they, and what they are built on, are imported.
IMPORTED_AS = {
    "PySide6-Essentials": {"PySide6", "shiboken6"},
    "numba": {"numba", "llvmlite"},
    "pillow": {"PIL"},
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return wheel.contents(wheel.build(tmp_path_factory.mktemp("wheel")))


def test_all_files_of_the_packages_are_in_it_and_no_others(names: set[str]) -> None:
    assert names == wheel.sources()
    for part in ("samples/cat.png", "models/photo.safetensors", "translations/de.json"):
        assert f"resources/{part}" in names
    assert not any(name.startswith(("tools/", "tests/", "docs/")) for name in names)


def test_every_import_is_of_a_package_that_it_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = {re.split(r"[<>=!~ ;\[]", line)[0] for line in project["dependencies"]}
    known = {name for one in required for name in IMPORTED_AS.get(one, {one})}
    imported = {
        module.partition(".")[0]: path.name
        for package in wheel.PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for module in _modules(node)
    }
    own = {*wheel.PACKAGES, *sys.stdlib_module_names}
    assert {m: p for m, p in imported.items() if m not in known and m not in own} == {}


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
