"""Commands as a reader types them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def typed(text: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What the shell prints of it, in that folder; any line that fails ends it, and the test."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\nexit code {done.returncode}\n{done.stdout}"
    return done.stdout
