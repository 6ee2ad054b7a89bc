from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.preprocessing import gold
from jobs.preprocessing.writing import Writer

unique_ids = st.lists(st.integers(0, 50), unique=True, min_size=0, max_size=40)


@given(st.lists(unique_ids, min_size=2, max_size=3), st.integers(1, 7))
def test_every_row_of_every_table_comes_once_and_together_with_those_of_its_id(
    tables: list[list[int]], rows: int
) -> None:
    frames = [
        pl.LazyFrame({"id": ids, "table": [n] * len(ids)}, schema={"id": pl.Int64, "table": pl.Int64})
        for n, ids in enumerate(tables)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gold, "RANGE_ROWS", rows)
        found = list(gold.by_ranges(frames))
    for n, ids in enumerate(tables):
        assert pl.concat([parts[n] for parts in found])["id"].to_list() == sorted(ids)
    for parts in found:
        assert parts[0].height <= rows


@pytest.mark.parametrize("frames", [[], [3], [3, 2], [0, 4, 0, 1]])
def test_frames_that_are_written_one_by_one_read_back_as_one(tmp_path: Path, frames: list[int]) -> None:
    made = [pl.DataFrame({"n": range(rows)}, schema={"n": pl.Int64}) for rows in frames]
    with Writer(tmp_path / "f.parquet") as writer:
        for frame in made:
            writer.add(frame)
        assert writer.close() == sum(frames)
    if made:
        assert pl.read_parquet(tmp_path / "f.parquet").equals(pl.concat(made))


def test_a_writing_that_fails_is_told_and_nobody_waits(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [1]})

    def write() -> None:
        with Writer(tmp_path / "no/such/folder/f.parquet") as writer:
            for _ in range(5):
                writer.add(frame)
            writer.close()

    with pytest.raises((OSError, pl.exceptions.PolarsError)):
        write()


def test_the_bytes_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    code = (
        "import sys, polars as pl\nfrom pathlib import Path\nfrom jobs.preprocessing.writing import Writer\n"
        "frame = pl.DataFrame({'n': range(150_000), 's': [str(n % 977) for n in range(150_000)]})\n"
        "with Writer(Path(sys.argv[1])) as writer:\n"
        "    for start in range(0, 150_000, 40_000): writer.add(frame.slice(start, 40_000))\n"
        "    writer.close()"
    )
    for threads in ("1", "2", "4"):
        argv = [sys.executable, "-c", code, str(tmp_path / threads)]
        subprocess.run(argv, check=True, env={"POLARS_MAX_THREADS": threads, "PATH": ""}, cwd=Path(__file__).parents[2])
    assert len({(tmp_path / threads).read_bytes() for threads in ("1", "2", "4")}) == 1
