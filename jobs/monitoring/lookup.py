"""Looking things up in evidence, by paths: what is not there, or is no number, is None. Pure."""

from __future__ import annotations

import math
from typing import Any

from jobs.monitoring.terms import DECIDING
from jobs.protocol.strict_json import Json


def part(evidence: Json, name: str) -> Json | None:
    """A section of the evidence, if it could be computed."""
    found = evidence.get(name)
    return found if isinstance(found, dict) and "unknown" not in found else None


def at(of: object, path: str) -> Any:  # noqa: ANN401 - whatever evidence holds there
    """The value at a dotted path of names and list positions; None if there is none."""
    for key in path.split("."):
        if isinstance(of, list | tuple):
            place = int(key) if key.removeprefix("-").isdecimal() else len(of)
            of = of[place] if -len(of) <= place < len(of) else None
        else:
            of = of.get(key) if isinstance(of, dict) else None
    return of


def number(of: object, path: str) -> float | None:
    """The finite number at a path (of a measure, its value); None if there is none."""
    found = at(of, path)
    if isinstance(found, dict):
        found = found.get("value")
    sound = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return found if sound else None


def count(of: object, path: str) -> int | None:
    rows = number(of, path)
    return None if rows is None else int(rows)


def unknown(evidence: Json) -> list[str]:
    """The sections that failed, and deciding sections that are missing."""
    broken = {name for name, found in evidence.items() if isinstance(found, dict) and "unknown" in found}
    return sorted(broken | {name for name in DECIDING if part(evidence, name) is None})
