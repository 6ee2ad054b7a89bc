"""Views: every table that has a contract, under one name, with the rows that had landed by a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from jobs.protocol import contract, index, partitions
from jobs.protocol.contract import Column
from jobs.protocol.files import Root

LAYERS = ("bronze", "silver", "gold")
_ABOUT = "The knowledge date: the day on which the row landed or became known."
SNAPSHOT_DATE = Column(name="snapshot_date", dtype="date", nullable=False, schema={}, description=_ABOUT)
_ARROW_NAMES = {"string": "large_string", "date": "date32", "boolean": "bool"}


class View(NamedTuple):
    """A name for queries, the table it shows, and the contract of the table's rows."""

    name: str
    table: str
    contract: str

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the contract, and the knowledge date where the files leave it to their folder."""
        columns = contract.load(self.contract).columns
        return columns if SNAPSHOT_DATE.name in {column.name for column in columns} else (*columns, SNAPSHOT_DATE)


def known() -> list[View]:
    """Every view; one contract of rejects stands for a table of rejects of each source."""
    stems = {layer: sorted(path.stem for path in (contract.HOME / layer).glob("*.json")) for layer in LAYERS}
    return [
        View(f"{layer}_{table.lstrip('_').replace('/', '_')}", f"{layer}/{table}", f"{layer}/{stem}")
        for layer in LAYERS
        for stem in stems[layer]
        for table in ([f"{stem}/{source}" for source in stems["bronze"]] if stem.startswith("_") else [stem])
    ]


def days(root: Root, view: View, until: date) -> Iterator[date]:
    """The days up to `until` on which the view's table has a partition."""
    return (day for day in index.manifests(root, view.table) if day <= until)


def dataset(root: Root, view: View, until: date) -> ds.FileSystemDataset:
    """The rows in the files that manifests list, lazily, by the names and types of today's contract."""
    types = {column.name: _ARROW_NAMES.get(column.dtype, column.dtype) for column in view.columns}
    schema = pa.schema([(name, pa.type_for_alias(dtype)) for name, dtype in types.items()])
    parquet, disk = ds.ParquetFileFormat(), LocalFileSystem()
    fragments = [
        parquet.make_fragment(str(path), disk, partition_expression=ds.field(SNAPSHOT_DATE.name) == day)
        for day in days(root, view, until)
        for path in partitions.paths(root, partitions.existing(root, view.table, day))
    ]
    return ds.FileSystemDataset(fragments, schema, parquet, disk)
