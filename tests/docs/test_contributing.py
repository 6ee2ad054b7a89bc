"""What CONTRIBUTING.md says of the length of things."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

OF_A_FILE, OF_A_FUNCTION = 250, 40
OF_JOBS = 19_363
FOLDERS = sorted(path for name in ("jobs", "tests") for path in ROOT.joinpath(name).glob("[a-z]*/"))


@pytest.mark.parametrize(
    "folder", [*FOLDERS, *map(ROOT.joinpath, ("dags", "benchmarks"))], ids=lambda path: str(path.relative_to(ROOT))
)
def test_files_and_functions_can_be_read_at_one_sitting(folder: Path) -> None:
    texts = {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*.py")}
    lengths = {
        f"{name}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name for name, text in texts.items() if len(text.splitlines()) > OF_A_FILE} == set()
    assert {name for name, length in lengths.items() if length > OF_A_FUNCTION} == set()


def test_jobs_only_become_shorter() -> None:
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in ROOT.joinpath("jobs").rglob("*.py"))
    assert lines <= OF_JOBS, "take as many lines out elsewhere in jobs/, or say in the commit why the number rises"
