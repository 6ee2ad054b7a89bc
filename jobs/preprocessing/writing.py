"""Frames into one parquet file: a single frame at once, many one after the other; and the text columns of bronze."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Self

from jobs.protocol.layers import SOURCE_FILE, SOURCE_ROW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    import polars as pl

    from jobs.preprocessing.landing import Shape

SHAPE: Final[Any] = {  # fixed, so that the same rows give the same bytes whatever the number of threads
    "compression": "zstd",
    "compression_level": 1,  # the default takes longer and saves nothing
    "row_group_size": 1 << 16,
    "statistics": False,  # nobody reads them: days have folders of their own, and ids are in no order within one
}
_LOOK = 0.1  # seconds between checks of whether writing has failed


def small(frame: pl.DataFrame, path: Path) -> None:
    """Write it in one go via memory: if the disk refuses, Python names the file; polars does not."""
    data = BytesIO()
    frame.rechunk().write_parquet(data, **SHAPE)
    path.write_bytes(data.getbuffer())


class Writer:
    """The same frames in the same order give the same bytes. One frame is written while the next is computed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._first: pl.DataFrame | None = None
        self._beside = ThreadPoolExecutor(1)
        self._frames: queue.Queue[pl.DataFrame | None] = queue.Queue(1)
        self._written: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._written and not self._written.done():
            self._hand_over(None)
        self._beside.shutdown()

    def add(self, frame: pl.DataFrame) -> None:
        self.rows += frame.height
        if self._first is None:
            self._first = frame
            return
        if self._written is None:
            self._written = self._beside.submit(self._write, self._first)
            self._first = frame.clear()  # large, and no longer needed
        self._hand_over(frame)

    def close(self) -> int:
        """Finish the file and say how many rows it holds."""
        if self._written:
            self._hand_over(None)
            self._written.result()
        elif self._first is not None:
            small(self._first, self.path)
        return self.rows

    def _hand_over(self, frame: pl.DataFrame | None) -> None:
        """Wait until the writer thread takes the next frame, or raise what has stopped it."""
        assert self._written is not None  # noqa: S101 - it has begun
        while not self._written.done():
            try:
                self._frames.put(frame, timeout=_LOOK)
            except queue.Full:
                continue
            return
        self._written.result()

    def _write(self, first: pl.DataFrame) -> None:
        from polars.io.plugins import register_io_source

        def frames(*_: object) -> Iterator[pl.DataFrame]:
            yield first
            while (frame := self._frames.get()) is not None:
                yield frame

        source = register_io_source(frames, schema=first.schema)
        source.sink_parquet(self.path, maintain_order=True, **SHAPE)


def write_texts(frames: Iterable[pl.DataFrame], shape: Shape, write_to: Path) -> int:
    """Write text frames as bronze; columns that a frame lacks are null in it. Return the number of rows written."""
    import polars as pl
    import pyarrow as pa
    from pyarrow import parquet

    columns = [pa.field(column, pa.string()) for column in (*shape.written, SOURCE_FILE)]
    schema, rows = pa.schema([*columns, pa.field(SOURCE_ROW, pa.int64())]), 0
    with parquet.ParquetWriter(write_to, schema, compression="zstd", write_statistics=False) as writer:
        for frame in frames:
            cells = {column: pl.lit(None, pl.String) for column in shape.written}
            cells |= {column: pl.when(pl.col(column) != "").then(pl.col(column)) for column in frame.columns}
            place = pl.int_range(rows + 1, rows + 1 + frame.height, dtype=pl.Int64)
            whole = frame.select(**cells, **{SOURCE_FILE: pl.lit(shape.source), SOURCE_ROW: place})
            writer.write_table(whole.to_arrow().cast(schema))
            rows += frame.height
    return rows


def written_out(number: str) -> str:
    text = f"{Decimal(number):f}"
    return text if "." in text else f"{text}.0"
