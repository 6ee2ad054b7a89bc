"""The lines by which operations.md copies a root and puts it back."""

from __future__ import annotations

import os
import re
import shutil
from textwrap import dedent
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT
from tests.docs.shell import typed

if TYPE_CHECKING:
    from pathlib import Path

FENCED = re.compile(r"^ *```bash\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LIKE_RSYNC = """#!/bin/sh
# For a machine without rsync: what is asked of it here, and no more.
for into; do from=$last last=$into; done
case $1 in
  -aR) of=. ;;
  -a) of=$from from=. ;;
esac
case $2 in --exclude=*) without=$2 ;; *) without=--exclude=- ;; esac
mkdir -p "$into" && tar -C "$of" "$without" -cf - "$from" | tar -C "$into" -xf -
"""


def printed() -> tuple[str, str]:
    """What the page says to type, from `R` to `B` and back."""
    text = (ROOT / "docs/operations.md").read_text("utf-8")
    copy, restore = (dedent(found) for found in FENCED.findall(text[text.index("## Backup and restore") :]))
    return copy, restore


def copied(root: Path, backup: Path) -> None:
    backup.mkdir(exist_ok=True)
    _typed(printed()[0].replace("cd R\n", f"cd '{root}'\n").replace(" B/", f" '{backup}/'"), backup)


def restored(backup: Path, root: Path, lines: str) -> None:
    """By these lines: those that the page prints, some of them, or others."""
    _typed(f"cd '{backup}'\n" + lines.replace("cd B\n", "").replace(" R/", f" '{root}'/"), backup)


def _typed(script: str, beside: Path) -> None:
    path = os.environ["PATH"]
    if not shutil.which("rsync"):
        program = beside.parent / "bin/rsync"
        program.parent.mkdir(exist_ok=True)
        program.write_text(LIKE_RSYNC)
        program.chmod(0o755)
        path = f"{program.parent}:{path}"
    typed(script, beside, os.environ | {"PATH": path})
