"""Frames into one parquet file: at once where there is one, one after the other where there are many."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    import polars as pl

SHAPE: Final[Any] = {  # fixed, so that the same rows give the same bytes whatever the number of threads
    "compression": "zstd",
    "compression_level": 1,  # the default takes longer for a file as large
    "row_group_size": 1 << 16,
    "statistics": False,  # nobody reads them: days are told apart by folders, and within one ids lie anywhere
}
_LOOK = 0.1  # seconds between two looks at whether the writing has failed


def small(frame: pl.DataFrame, path: Path) -> None:
    """Write all of it at once, by way of memory: where the disk refuses, Python names the file; polars does not."""
    data = BytesIO()
    frame.rechunk().write_parquet(data, **SHAPE)
    path.write_bytes(data.getbuffer())


class Writer:
    """The same frames in the same order give the same bytes. A frame is written while the next one is made."""

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

    @property
    def whole(self) -> pl.DataFrame | None:
        """All of it, where it came at once."""
        return None if self._written else self._first

    def add(self, frame: pl.DataFrame) -> None:
        self.rows += frame.height
        if self._first is None:
            self._first = frame
            return
        if self._written is None:
            self._written = self._beside.submit(self._write, self._first)
            self._first = frame.clear()  # large, and needed no more
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
        """Wait until the writing takes the next frame; raise what has stopped it."""
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
