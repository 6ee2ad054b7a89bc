"""One query over views of every table that has a contract, with the rows that had landed by a day, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from jobs.protocol import contract, index, partitions
from jobs.protocol.contract import Column
from jobs.protocol.errors import InputMissing, JobError, StoreDamaged, UsageError
from jobs.protocol.files import Root
from jobs.protocol.keywords import suggestion
from jobs.protocol.partitions import Part

LAYERS = ("bronze", "silver", "gold")
_ABOUT = "The knowledge date: the day on which the row landed or became known."
SNAPSHOT_DATE = Column(name="snapshot_date", dtype="date", nullable=False, schema={}, description=_ABOUT)
_ARROW_NAMES = {"string": "large_string", "date": "date32", "boolean": "bool"}
_ABOUT_THE_QUERY = (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException, duckdb.PermissionException)
_BATCH = 10_000  # rows
MANY, SMALL = 100, 1 << 18  # files; bytes of one
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


class Files(ds.FileSystemDataset):  # type: ignore[misc]
    """The files of a view, each with the rows and the bytes that its manifest says."""

    root: Root
    parts: dict[str, tuple[date, Part]]

    def scanner(self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None) -> ds.Scanner:  # noqa: A002
        """The rows of these columns that pass the filter; what opens many small files sooner reads them.

        That must see no damaged file: so each is held against its hash, which for a large one would take longer.
        """
        found = list(self.get_fragments(filter))
        if len(found) < MANY or sum(self.parts[each.path][1].bytes for each in found) > SMALL * len(found):
            return super().scanner(columns=columns, filter=filter)
        needed = {SNAPSHOT_DATE.name, *(self.schema.names if columns is None else columns)}
        told = str(filter)  # it names each of its columns
        schema = pa.schema([field for field in self.schema if field.name in needed or field.name in told])
        batches = (batch for at in range(0, len(found), MANY) for batch in self._batches(found[at : at + MANY], schema))
        return ds.Scanner.from_batches(batches, schema=schema, columns=columns, filter=filter)

    def _batches(self, some: list[ds.ParquetFileFragment], schema: pa.Schema) -> list[pa.RecordBatch]:
        import polars as pl

        paths = [partitions.verified(self.root, self.root.name_of(Path(each.path))) for each in some]
        dates = [pa.repeat(pa.scalar(day), part.rows) for day, part in (self.parts[each.path] for each in some)]
        rows, stored = {SNAPSHOT_DATE.name: pa.chunked_array(dates, pa.date32())}, schema.remove(0)
        if stored.names:
            dtypes = pl.DataFrame(stored.empty_table()).schema
            scan = pl.scan_parquet(paths, schema=dtypes, glob=False, missing_columns="insert", extra_columns="ignore")
            try:
                table = scan.collect().to_arrow()
            except pl.exceptions.PolarsError:  # some are of other types than today's: the slower one widens them
                table = ds.FileSystemDataset(some, stored, self.format, self.filesystem).to_table()
            rows |= dict(zip(table.column_names, table.columns, strict=True))
        batches: list[pa.RecordBatch] = pa.table(rows).cast(schema).to_batches()
        return batches


def dataset(root: Root, view: View, until: date) -> Files:
    """The rows in the files that manifests list, lazily, by the names and types of today's contract.

    The day comes first: a query that only counts reads the first column, and no file is opened for that one.
    """
    columns = (SNAPSHOT_DATE, *(column for column in view.columns if column.name != SNAPSHOT_DATE.name))
    types = {column.name: _ARROW_NAMES.get(column.dtype, column.dtype) for column in columns}
    schema = pa.schema([(name, pa.type_for_alias(dtype)) for name, dtype in types.items()])
    parquet, disk = ds.ParquetFileFormat(), LocalFileSystem()
    fragments, parts = [], {}
    for day in days(root, view, until):
        manifest, known = partitions.existing(root, view.table, day), ds.field(SNAPSHOT_DATE.name) == day
        for path, part in zip(partitions.paths(root, manifest), manifest.parts, strict=True):
            fragments.append(parquet.make_fragment(str(path), disk, partition_expression=known))
            parts[str(path)] = day, part
    files = Files(fragments, schema, parquet, disk)
    files.root, files.parts = root, parts
    return files


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
        connection.register(f"{view.name} files", dataset(root, view, day))
        columns = ", ".join(f'"{column.name}"' for column in view.columns)
        connection.execute(f'CREATE VIEW "{view.name}" AS SELECT {columns} FROM "{view.name} files"')  # noqa: S608
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
    if view := re.search(r"reading the stream registered as '(\w+) files' failed", message):
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
