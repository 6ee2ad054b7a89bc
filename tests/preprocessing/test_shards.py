"""A large day is worked off in shards; what comes of it is what a day in one piece gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from jobs.preprocessing import bronze, gold, landing, landing_csv, silver, windows
from jobs.protocol import partitions
from tests.preprocessing import roots
from tests.preprocessing.roots import FIRST, LAST, current, land, landed, preprocess

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

Content = dict[str, tuple[dict[str, int], list[tuple[object, ...]]]]


def content(root: Path) -> Content:
    """The counts and rows of every partition."""
    found = {}
    for name in current(root, "datamart/bronze", "datamart/silver", "datamart/gold"):
        manifest = partitions.parse((root / name).read_bytes(), where=name)
        files = [(root / name).with_name(part.name) for part in manifest.parts]
        found[name] = manifest.counts, pl.read_parquet(files, glob=False).rows()
    return found


def test_a_day_in_shards_gives_the_rows_and_counts_of_one_in_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = landed(tmp_path / "whole"), landed(tmp_path / "cut")
    for root in (whole, cut):
        for table in ("loan_terms", "financial"):  # whose rows then lie in no order
            path = roots.landing(root, table, LAST)
            head, *rows = path.read_bytes().splitlines(keepends=True)
            land(path, head + b"".join(rows[1::2] + rows[::2]))
        path = roots.landing(root, "demographic", FIRST)
        lines = (line.split(b",", 1)[1] for line in path.read_bytes().splitlines(keepends=True))
        land(path, b"".join(lines))  # without the ids, which the members lend it
    assert preprocess(whole) == 0
    assert content(whole)[partitions.manifest_name("silver/demographic", FIRST)][1], "ids were lent"
    for module in (landing_csv, bronze, silver, gold):
        monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(windows, "MOST_HELD", 0)
    monkeypatch.setattr(silver, "SHARD_ROWS", 3)
    monkeypatch.setattr(gold, "RANGE_ROWS", 2)
    assert preprocess(cut) == 0
    assert content(cut) == content(whole)


def test_a_large_file_is_read_once_as_a_small_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, read, names = landed(tmp_path), landing.read, list[str]()

    def counted(path: Path, *given: object) -> landing.Read:
        names.append(path.name)
        return read(path, *given)  # type: ignore[arg-type]

    sizes = sorted(path.stat().st_size for path in (root / "datamart/landing").glob("*/*.csv"))
    monkeypatch.setattr(bronze, "SMALL", sizes[len(sizes) // 2])
    monkeypatch.setattr(landing, "read", counted)
    assert preprocess(root, LAST, "--step", "bronze") == 0
    assert sorted(names) == sorted(path.name for path in (root / "datamart/landing").glob("*/*.csv"))
