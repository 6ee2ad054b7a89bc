"""What lies in a partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from jobs.protocol import partitions

if TYPE_CHECKING:
    from jobs.protocol.files import Root
    from jobs.protocol.partitions import Manifest


def scan(root: Root, manifest: Manifest) -> pl.LazyFrame:
    return pl.scan_parquet(partitions.paths(root, manifest), glob=False)
