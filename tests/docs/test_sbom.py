"""The bill of materials names all that the lock of the jobs holds, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from typing import Any

from tests.docs.pages import ROOT

LOCK = (ROOT / "requirements/run.txt").read_text()


def told() -> dict[str, Any]:
    command = [sys.executable, "-I", "requirements/sbom.py"]
    found: dict[str, Any] = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return found


def test_every_line_of_the_lock_is_told_with_its_hashes() -> None:
    found = told()
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    pinned = [(one["name"], one["version"]) for one in found["components"]]
    assert pinned == re.findall(r"^([\w.-]+)==([\w.]+)", LOCK, re.MULTILINE)
    hashes = [each["content"] for one in found["components"] for each in one["hashes"]]
    assert hashes == re.findall(r"--hash=sha256:(\w{64})", LOCK)
    markers = [one["properties"][0]["value"] for one in found["components"] if "properties" in one]
    assert markers == re.findall(r" ; (.*?) \\$", LOCK, re.MULTILINE)
    assert len({one["purl"] for one in found["components"]}) == len(pinned)


def test_what_is_installed_is_told() -> None:
    assert f"pkg:pypi/polars@{metadata.version('polars')}" in {one["purl"] for one in told()["components"]}
