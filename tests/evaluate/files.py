"""Scored files for the tests of the tool, and ways to run it on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.evaluate.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

ENDS: Sequence[str] = ("--score", "pd", "--label", "y")


def scored(rows: int = 600, *, shift: float = 0.0, seed: int = 5) -> pl.DataFrame:
    """Calibrated scores with outcomes, and columns that go with them."""
    generator = np.random.default_rng(seed)
    risk = generator.normal(shift, 0.9, rows)
    pd = 1 / (1 + np.exp(1.5 - risk))
    return pl.DataFrame(
        {
            "id": np.arange(rows) + 1000 * seed,
            "pd": pd,
            "y": (generator.random(rows) < pd).astype(np.int8),
            "points": np.round(600 - 40 * risk, 3),
            "fico": np.round(700 - 25 * risk),
            "purpose": generator.choice(["car", "house", "other"], rows),
        }
    )


def write(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return path


def told(capsys: pytest.CaptureFixture[str], *argv: object) -> dict[str, Any]:
    assert main([*map(str, argv), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def refused(capsys: pytest.CaptureFixture[str], code: int, *argv: object) -> str:
    assert main([*map(str, argv)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\n  where: " in captured.err
    assert "\n  mend:  " in captured.err
    return captured.err
