"""The tutorial, typed in: every block of shell in order, in one folder, and what each is said to print."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, blocks
from tests.docs.shell import typed

if TYPE_CHECKING:
    from pathlib import Path

TUTORIAL = ROOT / "docs/tutorial.md"
CONTRACT = "jobs/contracts/gold/feature_store.json"
COPIED = ("jobs", "docs")  # it adds a feature: to a copy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like the repository's, that may be changed."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    program = tmp_path / ".venv/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return tmp_path


@pytest.mark.timeout(600)
def test_every_block_of_the_tutorial_runs_and_prints_what_it_is_said_to(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    said = ""
    for block in blocks(TUTORIAL):
        if block.kind == "sh":
            said = typed(block.text, folder, environment)
        elif block.kind == "output":
            assert missing(block.text, said) is None, f"line {block.line}: not printed, in this order, by\n{said}"
    before, after = ((at / CONTRACT).read_text().splitlines() for at in (ROOT, folder))
    assert len(list(difflib.unified_diff(before, after, n=0))) < 30, "the column, and what names it: an editor's diff"


def test_a_line_that_is_not_printed_or_not_in_this_order_is_missed() -> None:
    assert missing("a …\nc\n", "x\na b\nc\n") is None
    assert missing("c\na …\n", "x\na b\nc\n") == "a …"
    assert missing("a\n", "a b\n") == "a"


def missing(expected: str, said: str) -> str | None:
    """The first line that was not printed after the one before it; … stands for anything."""
    lines = iter(said.splitlines())
    for wanted in expected.splitlines():
        pattern = re.compile(".*".join(map(re.escape, wanted.split("…"))))
        if not any(pattern.fullmatch(line.rstrip()) for line in lines):
            return wanted
    return None
