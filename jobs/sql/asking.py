"""Run one read-only query over views of all tables that have a contract, as of a day; show its answer."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, TextIO

import duckdb

from jobs.protocol import contract, partitions, schemas
from jobs.protocol.contract import Column
from jobs.protocol.errors import InputMissing, JobError, UsageError
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.index import PREFIX, Index
from jobs.protocol.layers import LAYERS
from jobs.protocol.schemas import suggestion
from jobs.protocol.shelf import Shelf

if TYPE_CHECKING:
    import pyarrow as pa

_ABOUT = "The knowledge date: the day on which the row landed or became known."
SNAPSHOT_DATE = Column(name="snapshot_date", dtype="date", nullable=False, schema={}, description=_ABOUT)
_SQL_NAMES = {"int8": "tinyint", "int16": "smallint", "int32": "integer", "int64": "bigint", "float64": "double"}
_ABOUT_THE_QUERY = (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException)
_LISTING = re.compile(r"\s*show\b|.*\binformation_schema\b", re.IGNORECASE | re.DOTALL)
_BATCH = 10_000  # rows
_LISTED = "`python -m jobs.sql` lists the views and their columns"
MOST_ROWS, MOST_CHARACTERS = 200, 60  # of a table on a terminal; of a cell of a table
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # what a spreadsheet would run, also in full width


class View(NamedTuple):
    """A name for queries, the table it shows, and the contract of the table's rows."""

    name: str
    table: str
    contract: str

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the contract, plus snapshot_date if it is only in the folder's name."""
        columns = contract.load(self.contract).columns
        return columns if SNAPSHOT_DATE.name in {column.name for column in columns} else (*columns, SNAPSHOT_DATE)


def known() -> list[View]:
    """Every view: one per contract of a layer, but the contract of rejects gives one per source table."""
    stems = {layer: sorted(path.stem for path in (schemas.HOME / layer).glob("*.json")) for layer in LAYERS}
    return [
        View(f"{layer}_{table.lstrip('_').replace('/', '_')}", f"{layer}/{table}", f"{layer}/{stem}")
        for layer in LAYERS
        for stem in stems[layer]
        for table in ([f"{stem}/{source}" for source in stems["bronze"]] if stem.startswith("_") else [stem])
    ]


def ask(root: Root, query: str, day: date) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """The columns of the answer to one SELECT over the views as of a day, and an iterator over its rows."""
    shelf = Shelf(root=root, index=Index(root, "preprocessing"))
    named = [view for view in known() if view.name in query.casefold()]
    if named and not any(shelf.days(view.table, day) for view in known()):
        mend = "run `python -m jobs.preprocessing`, or give a later --date"
        raise InputMissing(f"nothing was built by {day}", where=root.at("datamart"), mend=mend)
    # only views that the query names are filled; a listing (SHOW ...) gets all others empty, for their names
    parts: dict[View, list[str]] = {view: [] for view in known() if _LISTING.match(query)}
    parts |= {
        view: [name for at in shelf.days(view.table, day) for name in shelf.parts(view.table, at)] for view in named
    }
    # hashes are verified here, because DuckDB does not
    connection = locked([str(partitions.verified(root, name)) for names in parts.values() for name in names])
    with _without_values():
        kinds = [statement.type for statement in connection.extract_statements(query)]
        if kinds != [duckdb.StatementType.SELECT]:
            mend = "give one SELECT, FROM, WITH, DESCRIBE or SUMMARIZE; name the values of a PIVOT by IN"
            raise UsageError("this is not a single read-only query", where="the query", mend=mend)
        for view, names in parts.items():
            rows = _rows_of(view, [str(root.at(name)) for name in names])
            connection.execute(f'CREATE VIEW "{view.name}" AS {rows}')
        relation = connection.sql(query)
        wide = [at for at, kind in enumerate(relation.types) if kind == "UHUGEINT"]
        reader = relation.to_arrow_reader(_BATCH)
    return reader.schema.names, _answer(reader, wide)


def _rows_of(view: View, paths: Sequence[str]) -> str:
    """SQL for the rows in these files, with today's contract's names and types, and the day from the folder's name."""
    types = {column.name: _SQL_NAMES.get(column.dtype, column.dtype) for column in view.columns}
    if not paths:
        columns = ", ".join(f'NULL::{dtype} AS "{name}"' for name, dtype in types.items())
        return f"SELECT {columns} WHERE false"
    day = f"regexp_extract(filename, '{PREFIX}([0-9-]+)/[^/]*$', 1)::date AS {SNAPSHOT_DATE.name}"
    columns = ", ".join(day if name == SNAPSHOT_DATE.name else f'"{name}"' for name in types)
    members = (
        f"'{name}': {{name: '{name}', type: '{dtype}', default_value: NULL}}"
        for name, dtype in types.items()
        if name != SNAPSHOT_DATE.name
    )
    schema = f"MAP {{{', '.join(members)}}}"
    more = f"filename = true, can_have_nan = true, schema = {schema}"  # which footers leave out
    return f"SELECT {columns} FROM read_parquet({_listed(map(_alone, paths))}, {more})"  # noqa: S608


def _alone(path: str) -> str:
    """A glob pattern that matches only this path: DuckDB treats file names as patterns, and a backslash as a slash."""
    return path if "\\" in path else re.sub(r"[*?[]", r"[\g<0>]", path)


def _listed(paths: Iterable[str]) -> str:
    return "[{}]".format(", ".join("'" + path.replace("'", "''") + "'" for path in paths))


def locked(paths: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
    """A connection that can read only these files, write none and load no extensions, with its settings locked."""
    connection = duckdb.connect(config={"temp_directory": "", "enable_external_file_cache": False})
    connection.execute(f"SET allowed_paths = {_listed({*paths, *map(_alone, paths)})}")
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    return connection


def _answer(reader: pa.RecordBatchReader, wide: Sequence[int]) -> Iterator[tuple[object, ...]]:
    with _without_values():  # a query may still fail on its last row
        for batch in reader:
            columns = [column.to_pylist() for column in batch.columns]
            for at in wide:  # Arrow has no such type: numbers from 2**127 on come as if they were below 0
                columns[at] = [value if value is None else int(value) % 2**128 for value in columns[at]]
            yield from zip(*columns, strict=True)


@contextmanager
def _without_values() -> Iterator[None]:
    """Re-raise library errors without their messages, which may quote row values."""
    try:
        yield
    except (duckdb.Error, OSError, ValueError, OverflowError) as error:  # pyarrow's are of the last three kinds
        raise _failure(error, str(error).strip()) from None


def _failure(error: Exception, message: str) -> JobError:
    if isinstance(error, (*_ABOUT_THE_QUERY, duckdb.PermissionException)):
        if table := re.match(r"Catalog Error: Table with name (.+) does not exist!", message):
            message = re.sub(r"\nDid you mean .*", "", message)  # it knows only views whose names were spelled right
        near = suggestion(table[1].casefold(), [view.name for view in known()]) if table else ""
        return UsageError(message, where="the query", mend=f"{near} {_LISTED}".strip())
    kind = re.match(r"[A-Z][A-Za-z ]* Error(?=:)", message)
    what = f"the query failed: {kind[0] if kind else type(error).__name__}"
    mend = "values are not shown here; try_cast() gives null where one does not fit"
    return UsageError(what, where="the query", mend=mend)


def as_table(names: list[str], rows: Iterator[Sequence[object]], out: TextIO) -> None:
    """Aligned columns, numbers to the right; at most MOST_ROWS rows on a terminal."""
    shown = list(islice(rows, MOST_ROWS if out.isatty() else None))
    cells = [[_cell(value) for value in line] for line in (names, *shown)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    sides = ["<" if any(isinstance(row[at], str) for row in shown) else ">" for at in range(len(names))]
    for line in (cells[0], ["-" * width for width in widths], *cells[1:]):
        aligned = (f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True))
        out.write("  ".join(aligned).rstrip() + "\n")
    if more := sum(1 for _ in rows):
        out.write(f"... and {amount(more, 'more row')}: add LIMIT, or write them all with --format csv\n")


def as_csv(names: list[str], rows: Iterator[Sequence[object]], out: TextIO) -> None:
    """All rows; a text that a spreadsheet would take for a formula gets a leading quote."""
    # with CRLF as line end the writer quotes texts that contain CR or LF; our own lines end with LF all the same
    writer = csv.writer(SimpleNamespace(write=lambda line: out.write(line.removesuffix("\r\n") + "\n")))
    writer.writerow([_unformed(name) for name in names])
    writer.writerows([_unformed(_plain(value)) for value in row] for row in rows)


def as_json(names: list[str], rows: Iterator[Sequence[object]], out: TextIO) -> None:
    if len(set(names)) < len(names):
        raise UsageError("two columns have one name", where="the query", mend="give each a name of its own with AS")
    before = "["
    for row in rows:
        out.write(f"{before}\n{json.dumps(dict(zip(names, map(_plain, row), strict=True)))}")
        before = ","
    out.write("[]\n" if before == "[" else "\n]\n")


def _plain(value: object) -> object:
    """A value for JSON: numbers stay numbers, and NaN or infinity becomes null."""
    if value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else str(value)


def _unformed(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return json.dumps(value) if isinstance(value, (bool, dict, list)) else value


def _cell(value: object) -> str:
    """A value as a short text, with control characters escaped."""
    value = f"{value:.10g}" if isinstance(value, float) else _plain(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text if text.isprintable() else text.encode("unicode_escape").decode()
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
