"""The part of preprocessing that peers do too: every landed column that silver keeps, by the way its text is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.preprocessing.cleaning import landed_columns
from jobs.protocol.layers import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

EMP_LENGTH = {"< 1 year": 0, "1 year": 1, **{f"{n} years": n for n in range(2, 10)}, "10+ years": 10}


def columns(table: str) -> dict[str, str]:
    """Column and kind, as the contracts say; the key is a number in every table."""
    return {column.name: column.parse or "text" for column in landed_columns(table)}


def files(landing: Path) -> dict[str, Path]:
    return {table: next((landing / table).glob("*.csv")) for table in SOURCES}
