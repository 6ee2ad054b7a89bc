"""What lies in a partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from jobs.protocol import shelf

if TYPE_CHECKING:
    from jobs.protocol.files import Root
    from jobs.protocol.partitions import Manifest


def scan(root: Root, manifest: Manifest) -> pl.LazyFrame:
    return pl.scan_parquet(shelf.cited_files(root, manifest), glob=False)
