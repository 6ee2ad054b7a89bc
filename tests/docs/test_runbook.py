"""Every failure that a command can tell of stands in the runbook, by its own words."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OF_CONTRACTS = ("contract.py", "contract_polars.py")  # for who writes one: docs/contracts.md
LEAST = 8  # letters: fewer are no words to look up


def failures(source: str) -> Iterator[str]:
    """The longest part that is always said of each failure that has a mend; none where all of it is put together."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args or "mend" not in {word.arg for word in node.keywords}:
            continue
        said = (part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
        words = max((text.strip(" :;,()") for text in said if isinstance(text, str)), key=len, default="")
        if len(words) >= LEAST:
            yield words


def sources() -> Iterator[Path]:
    yield from (path for path in sorted((ROOT / "jobs").rglob("*.py")) if path.name not in OF_CONTRACTS)


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT / "jobs"))) for path in sources()])
def test_every_failure_stands_in_the_runbook(path: Path) -> None:
    runbook = " ".join((ROOT / "docs/runbook.md").read_text("utf-8").split())
    assert [words for words in failures(path.read_text("utf-8")) if words not in runbook] == []


def test_failures_are_found_by_what_they_always_say() -> None:
    source = (
        "Broken(f'the file {name} is not as it was written', where=here, mend='x')\nBroken(what, mend='x')\nprint(1)"
    )
    assert list(failures(source)) == ["is not as it was written"]
