"""Frames into one parquet file: whole in memory where there is one, a row group at a time where there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    import pyarrow.parquet as pq


class Writer:
    """The same frames give the same bytes: each is a row group, in the order in which they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._first: pl.DataFrame | None = None
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def add(self, frame: pl.DataFrame) -> None:
        self.rows += frame.height
        if self._file is None and self._first is None:
            self._first = frame
            return
        if self._first is not None:
            self._append(self._first)
            self._first = None
        self._append(frame)

    def close(self) -> int:
        """Finish the file and say how many rows it holds."""
        if self._first is not None:
            self._first.write_parquet(self.path)
        elif self._file is not None:
            self._file.close()
        return self.rows

    def _append(self, frame: pl.DataFrame) -> None:
        import pyarrow.parquet as pq

        table = frame.to_arrow(compat_level=None)
        if self._file is None:
            self._file = pq.ParquetWriter(self.path, table.schema, compression="zstd", store_schema=False)
        self._file.write_table(table, row_group_size=max(frame.height, 1))
