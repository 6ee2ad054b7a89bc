"""One query on a connection that can read the views it names and nothing else."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from jobs.protocol.errors import InputMissing, JobError, StoreDamaged, UsageError
from jobs.protocol.keywords import suggestion
from jobs.sql import views

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import pyarrow as pa

    from jobs.protocol.files import Root

_ABOUT_THE_QUERY = (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException, duckdb.PermissionException)
_BATCH = 10_000  # rows
_LISTED = "`python -m jobs.sql` lists the views and their columns"


def ask(root: Root, query: str, day: date) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """The columns of the answer to one SELECT over the views as of a day, and its rows as they come."""
    connection = locked()
    with _told():
        kinds = [statement.type for statement in connection.extract_statements(query)]
    if kinds != [duckdb.StatementType.SELECT]:
        mend = "ask one question by SELECT, FROM, WITH, DESCRIBE or SUMMARIZE; name the values of a PIVOT by IN"
        raise UsageError("this is not one query that only reads", where="the query", mend=mend)
    named = [view for view in views.known() if view.name in query.casefold()]
    if named and not any(True for view in views.known() for _ in views.days(root, view, day)):
        mend = "run `python -m jobs.preprocessing`, or give a later --date"
        raise InputMissing(f"nothing was built by {day}", where=root.at("datamart"), mend=mend)
    for view in named:  # any other is not there at all: an empty one would answer wrongly
        connection.register(view.name, views.dataset(root, view, day))
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
        near = suggestion(table[1].casefold(), [view.name for view in views.known()]) if table else ""
        return UsageError(message, where="the query", mend=f"{near} {_LISTED}".strip())
    kind = re.match(r"[A-Z][A-Za-z ]* Error(?=:)", message)
    what = f"the query failed: {kind[0] if kind else type(error).__name__}"
    return UsageError(
        what, where="the query", mend="values are not told here; try_cast() is null where one does not fit"
    )
