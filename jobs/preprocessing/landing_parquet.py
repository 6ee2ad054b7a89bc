"""Foreign Parquet into bronze. Only pyarrow opens it: other readers panic or crash on a damaged file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import compute, parquet, types

from jobs.preprocessing.landing import Shaped, Unfit, Written, most_bytes, rows_at_once, too_large
from jobs.preprocessing.writing import write_texts, written_out
from jobs.protocol import files

MOST_ROWS = 100_000_000  # a few bytes can claim any number of equal rows
_DAMAGED = (pa.ArrowException, OSError, ValueError, OverflowError)
_TEXT = (types.is_string, types.is_large_string, types.is_string_view)
_FLAT = (
    *(types.is_integer, types.is_float32, types.is_float64, types.is_decimal128, types.is_boolean, types.is_null),
    *(*_TEXT, types.is_date, types.is_timestamp),
)
_DAY_0001, _DAY_9999 = -719_162, 2_932_896  # the first and last valid date, in days since 1970-01-01
_AGAIN = "land the whole file again"
_DECODED_AT_ONCE = 1 << 10  # rows, where only decoding tells how long a text is
_MOMENT = "%Y-%m-%dT%H:%M:%S%.f"
_IN_A_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


class _UnknownEncoding(Unfit):
    """Of a damaged page, or of a sound one that cannot be read as a dictionary."""


def write(file: FileIO, shaped: Shaped, write_to: Path) -> Written:
    """Write the bronze of a Parquet file."""
    source = _opened(file)
    size = os.fstat(file.fileno()).st_size
    _check_claims(source.metadata, size)
    schema = source.schema_arrow
    shape = shaped(schema.names)
    check_types(schema)
    at_once = rows_at_once(len(schema))
    texts = [field.name for field in schema if _is_text(field.type)]
    try:  # a text that many rows share is read once, and weighed before it is copied into each
        rows = write_texts(_frames(_opened(file, source.metadata, texts), size, at_once), shape, write_to)
    except _UnknownEncoding:
        rows = write_texts(_frames(source, size, min(at_once, _DECODED_AT_ONCE)), shape, write_to)
    if rows != source.metadata.num_rows:
        raise Unfit(f"the file has {rows} rows, but claims {source.metadata.num_rows}", mend=_AGAIN)
    return shape, rows


def _opened(
    file: FileIO, footer: parquet.FileMetaData | None = None, shared: Sequence[str] = ()
) -> parquet.ParquetFile:
    checked = {"pre_buffer": False, "page_checksum_verification": True}
    try:
        return parquet.ParquetFile(file, metadata=footer, read_dictionary=list(shared), **checked)
    except _DAMAGED as error:
        raise _flaw(error, "the file is not Parquet, or is damaged") from None


def _check_claims(footer: parquet.FileMetaData, size: int) -> None:
    """Check the size that the footer claims before anything is unpacked.

    Never look at single columns of the footer: if it is damaged, that crashes the process, and nothing can catch it.
    """
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    rows, unpacked = [group.num_rows for group in groups], [group.total_byte_size for group in groups]
    if footer.num_rows > MOST_ROWS or sum(unpacked) > files.most_unpacked(size):
        claims = f"{footer.num_rows} rows, {sum(unpacked)} bytes unpacked"
        raise Unfit(f"{size} bytes claim to hold {claims}", mend=_AGAIN)
    if min([*rows, *unpacked], default=0) < 0 or sum(rows) != footer.num_rows:
        raise Unfit("the sizes in the footer contradict one another", mend=_AGAIN)


def check_types(schema: pa.Schema) -> None:
    unfit = [
        f"column {place} is {'nested' if types.is_nested(field.type) else field.type}"
        for place, field in enumerate(schema, start=1)
        if not any(fits(_plain(field.type)) for fits in _FLAT)
    ]
    if unfit:
        told, mend = "; ".join(unfit[:5]), "land flat columns of text, numbers, booleans, dates or timestamps"
        raise Unfit(f"some columns cannot be written as text: {told}", mend=mend)


def _plain(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if types.is_dictionary(dtype) else dtype


def _frames(source: parquet.ParquetFile, size: int, at_once: int) -> Iterator[pl.DataFrame]:
    """Its rows in frames of bounded size, until they are more than a file of this size may plausibly hold."""
    room = most_bytes(size)
    try:
        for batch in source.iter_batches(batch_size=at_once):
            batch.validate(full=True)
            weight = sum(map(_weight, batch.columns))
            room -= weight
            if room < 0:
                raise too_large(size)
            step = max(1, batch.num_rows * files.SMALL // max(weight, files.SMALL))
            for start in range(0, batch.num_rows, step):
                part = batch.slice(start, step)
                named = zip(part.schema.names, part.columns, strict=True)
                yield pl.DataFrame([as_text(name, cells) for name, cells in named])
    except _DAMAGED as error:
        kind = _UnknownEncoding if str(error).startswith("Not yet implemented") else Unfit
        raise _flaw(error, "the file is damaged: its pages do not match its footer", kind) from None


def _weight(cells: pa.Array) -> int:
    """About the bytes of a column in a CSV: those of its texts, and one a cell."""
    lengths = _lengths(cells.dictionary).take(cells.indices) if types.is_dictionary(cells.type) else _lengths(cells)
    return len(cells) + (compute.sum(lengths).as_py() or 0)


def _lengths(cells: pa.Array) -> pa.Array:
    if _is_text(cells.type):
        return compute.binary_length(cells.cast(pa.large_string()))
    return pa.nulls(len(cells), pa.int64())


def _is_text(dtype: pa.DataType) -> bool:
    return any(is_one(dtype) for is_one in _TEXT)


def _flaw(error: Exception, what: str, kind: type[Unfit] = Unfit) -> Exception:
    """A flaw of the file, unless the system could not read it: that may pass, and a refusal stays."""
    return error if isinstance(error, OSError) and error.errno else kind(what, mend=_AGAIN)


def as_text(name: str, cells: pa.Array) -> pl.Series:
    """Values as a CSV would hold them: an instant in UTC, and as a date only if it is midnight."""
    values = pl.Series(name, pl.from_arrow(cells.dictionary_decode() if types.is_dictionary(cells.type) else cells))
    if values.dtype.is_temporal():
        unit = _IN_A_DAY[values.dtype.time_unit] if isinstance(values.dtype, pl.Datetime) else 1
        if not (values.to_physical() // unit).drop_nulls().is_between(_DAY_0001, _DAY_9999).all():
            raise Unfit("a date lies outside the years 1 to 9999", mend=_AGAIN)
    if isinstance(values.dtype, pl.Datetime):
        moments = pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        if values.dtype.time_zone is None:
            moments = pl.col(name)
        midnight = moments.dt.truncate("1d") == moments
        written = pl.when(midnight).then(moments.dt.strftime("%Y-%m-%d")).otherwise(moments.dt.strftime(_MOMENT))
        return values.to_frame().select(written.alias(name)).to_series()
    text = values.cast(pl.String)
    return without_exponent(text) if values.dtype.is_float() else text


def without_exponent(numbers: pl.Series) -> pl.Series:
    """Numbers as text without exponents: 1e-07 becomes 0.0000001, so that no reader needs to know that notation."""
    short = numbers.filter(numbers.str.contains("e", literal=True)).unique()
    return numbers.replace(short, pl.Series([written_out(number) for number in short], dtype=pl.String))
