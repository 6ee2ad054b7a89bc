"""What CONTRIBUTING.md says of the length of things."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

OF_A_FILE, OF_A_FUNCTION = 250, 40


@pytest.mark.parametrize(
    "folder", sorted(path for path in (ROOT / "jobs").iterdir() if path.is_dir()), ids=lambda path: path.name
)
def test_files_and_functions_can_be_read_at_one_sitting(folder: Path) -> None:
    texts = {path.name: path.read_text("utf-8") for path in folder.rglob("*.py")}
    lengths = {
        f"{name}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name for name, text in texts.items() if len(text.splitlines()) > OF_A_FILE} == set()
    assert {name for name, length in lengths.items() if length > OF_A_FUNCTION} == set()
