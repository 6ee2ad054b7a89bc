"""What the jobs run on, as a CycloneDX document: `python requirements/sbom.py`, with any Python and no other library.

Of the lock that `make` installs by: each version with its marker, and the hashes of which an installed file has one.
"""  # noqa: INP001 - a program beside the locks that it reads, not a package

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("run.txt")
_PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\\n]*?))? *((?:\\\n +--hash=sha256:[0-9a-f]{64} ?)+)$", re.MULTILINE
)


def bom(lock: str) -> dict[str, Any]:
    found = [_component(*pinned) for pinned in _PINNED.findall(lock)]
    about = {"component": {"type": "application", "name": "p2pcreditscore", "bom-ref": "p2pcreditscore"}}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": about, "components": found}


def _component(name: str, version: str, marker: str, hashes: str) -> dict[str, Any]:
    url = f"pkg:pypi/{name}@{version}"
    known = [{"alg": "SHA-256", "content": digest} for digest in re.findall("[0-9a-f]{64}", hashes)]
    where = {"properties": [{"name": "marker", "value": marker}]} if marker else {}
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url, "hashes": known} | where


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bom(LOCK.read_text("utf-8")), indent=2) + "\n")
