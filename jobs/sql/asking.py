"""One query over views of every table that has a contract, with the rows that had landed by a day, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from jobs.protocol import contract, index, partitions
from jobs.protocol.contract import Column
from jobs.protocol.errors import InputMissing, JobError, StoreDamaged, UsageError
from jobs.protocol.files import Root
from jobs.protocol.keywords import suggestion

LAYERS = ("bronze", "silver", "gold")
_ABOUT = "The knowledge date: the day on which the row landed or became known."
SNAPSHOT_DATE = Column(name="snapshot_date", dtype="date", nullable=False, schema={}, description=_ABOUT)
_ARROW_NAMES = {"string": "large_string", "date": "date32", "boolean": "bool"}
_ABOUT_THE_QUERY = (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException, duckdb.PermissionException)
_BATCH = 10_000  # rows
_LISTED = "`python -m jobs.sql` lists the views and their columns"


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


def ask(root: Root, query: str, day: date) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """The columns of the answer to one SELECT over the views as of a day, and its rows as they come."""
    connection = locked()
    with _told():
        kinds = [statement.type for statement in connection.extract_statements(query)]
    if kinds != [duckdb.StatementType.SELECT]:
        mend = "ask one question by SELECT, FROM, WITH, DESCRIBE or SUMMARIZE; name the values of a PIVOT by IN"
        raise UsageError("this is not one query that only reads", where="the query", mend=mend)
    named = [view for view in known() if view.name in query.casefold()]
    if named and not any(True for view in known() for _ in days(root, view, day)):
        mend = "run `python -m jobs.preprocessing`, or give a later --date"
        raise InputMissing(f"nothing was built by {day}", where=root.at("datamart"), mend=mend)
    for view in named:  # any other is not there at all: an empty one would answer wrongly
        connection.register(view.name, dataset(root, view, day))
    with _told():
        reader = connection.sql(query).to_arrow_reader(_BATCH)
    return reader.schema.names, _rows(reader)


def locked() -> duckdb.DuckDBPyConnection:
    """A connection that opens and writes no file, loads no extension, and cannot be told otherwise."""
    connection = duckdb.connect(config={"temp_directory": ""})
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    return connection


def _rows(reader: pa.RecordBatchReader) -> Iterator[tuple[object, ...]]:
    with _told():  # a query may still fail on its last row
        for batch in reader:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@contextmanager
def _told() -> Iterator[None]:
    """Tell of a failure without the values of rows, which the library's messages quote once rows are read."""
    try:
        yield
    except (duckdb.Error, OSError, ValueError) as error:  # pyarrow's are of the last two kinds
        raise _failure(error, str(error).strip()) from None


def _failure(error: Exception, message: str) -> JobError:
    if view := re.search(r"reading the stream registered as '(\w+)' failed", message):
        mend = "`python -m jobs.decisions check` names the file; delete its folder: it is built again"
        return StoreDamaged("a file of the view cannot be read", where=view[1], mend=mend)
    if isinstance(error, _ABOUT_THE_QUERY):
        if table := re.match(r"Catalog Error: Table with name (.+) does not exist!", message):
            message = re.sub(r"\nDid you mean .*", "", message)  # it knows only the views that were named right
        near = suggestion(table[1].casefold(), [view.name for view in known()]) if table else ""
        return UsageError(message, where="the query", mend=f"{near} {_LISTED}".strip())
    kind = re.match(r"[A-Z][A-Za-z ]* Error(?=:)", message)
    what = f"the query failed: {kind[0] if kind else type(error).__name__}"
    mend = "values are not told here; try_cast() is null where one does not fit"
    return UsageError(what, where="the query", mend=mend)
