"""What import-linter cannot say: which parts of Qt a package may use."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parent


@pytest.mark.parametrize("package", ["session", "backend", "language", "cli"])
def test_a_package_below_the_widgets_imports_none(package: str) -> None:
    imported = {
        module
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for module in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in getattr(node, "names", [])]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported, "the package is gone: mend this test"
    assert "PySide6.QtWidgets" not in imported
