"""The Markdown pages of the repository, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HIDDEN = re.compile(r"\.|node_modules|demo$")
FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code, by the line on which it begins."""

    line: int
    kind: str
    text: str


def pages() -> Iterator[Path]:
    """Every page that is ours: nothing in environments, caches or the demo's data."""
    for path in sorted(ROOT.rglob("*.md")):
        if not any(HIDDEN.match(part) for part in path.relative_to(ROOT).parts):
            yield path


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(text.count("\n", 0, found.start()) + 1, found["kind"], found["text"]) for found in FENCE.finditer(text)
    ]


def without_code(page: Path) -> str:
    """The prose: what stands in code is no link."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text("utf-8")))
