"""Contracts: one row of a table, described in annotated JSON Schema; an ambiguous contract is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jobs.protocol import patterns, strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.layers import SOURCE
from jobs.protocol.schemas import HOME, Complaint, complaints, document, located, suggestion

JSON_TYPES: Mapping[str, str] = {  # by dtype
    **dict.fromkeys(("int8", "int16", "int32", "int64"), "integer"),
    "float64": "number",
    "boolean": "boolean",
    **dict.fromkeys(("string", "date"), "string"),
}
KNOWN = HOME / "known.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a contract says of one column; `schema` holds its hard limits."""

    name: str
    dtype: str
    nullable: bool
    schema: Mapping[str, Any] = field(compare=False, repr=False)
    description: str
    parse: str | None = None
    role: str | None = None
    unit: str | None = None
    era: int | None = None
    null_tokens: tuple[str, ...] = ()
    sentinels: tuple[float | str, ...] = ()
    soft_minimum: float | str | None = None
    soft_maximum: float | str | None = None
    monotone: int = 0
    severity: str = "warn"
    group: str | None = None
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One table: its columns in order, its key, the schema of a row, and the hash of the contract's file."""

    name: str
    version: int
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    schema: Mapping[str, Any] = field(compare=False, repr=False)
    sha256: str

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def with_role(self, *roles: str) -> tuple[Column, ...]:
        """The columns that have one of these roles."""
        return tuple(column for column in self.columns if column.role in roles)


@cache
def load(name: str) -> Contract:
    return read((HOME / f"{name}.json").read_bytes(), name=name)


@cache
def landed(table: str) -> tuple[str, ...]:
    """The columns of a table as its sources deliver it."""
    return tuple(column.name for column in load(f"bronze/{table}").columns if column.name not in SOURCE)


def read(data: bytes, *, name: str) -> Contract:
    """The contract in these bytes; ConfigInvalid names everything that is wrong with it at once."""
    schema, sha256 = strict_json.parse(data, where=_where(name)), hashlib.sha256(data).hexdigest()
    if sha256 not in _known():
        refuse_unclear(data, name=name)
    return Contract(
        name=name,
        version=schema["x-version"],
        key=tuple(schema["x-key"]),
        columns=tuple(_column(*described) for described in schema["properties"].items()),
        schema=schema,
        sha256=sha256,
    )


@cache
def _known() -> frozenset[str]:
    """The hashes of contracts that `make docs` has already checked: checking again costs a tenth of a second."""
    return frozenset(KNOWN.read_text().split()[::2] if KNOWN.is_file() else ())


def refuse_unclear(data: bytes, *, name: str) -> None:
    """ConfigInvalid if a contract uses a keyword that contracts do not have, or contradicts itself."""
    schema = strict_json.parse(data, where=_where(name))
    if found := complaints(document("contract"), schema, quoting=True) or [*_contradictions(schema)]:
        mend = "correct these places; docs/contracts.md lists every keyword and annotation"
        raise ConfigInvalid("the contract is not clear: " + located(data, found), where=_where(name), mend=mend)


def _where(name: str) -> str:
    return f"jobs/contracts/{name}.json"


def _contradictions(schema: Mapping[str, Any]) -> Iterator[Complaint]:
    """What else can be wrong with a contract all of whose keywords are known."""
    columns = schema["properties"]
    for keyword in ("required", "x-key"):
        for name in schema.get(keyword, []):
            if name not in columns:
                what = f"{keyword} has {name!r}, which is no column; {suggestion(name, columns)}"
                yield Complaint(f"/{keyword}", keyword, what)
    for name, column in columns.items():
        here, dtype, types = f"/properties/{name}", column["x-dtype"], column["type"]
        if {*([types] if isinstance(types, str) else types)} - {"null"} != {JSON_TYPES[dtype]}:
            what = f"x-dtype {dtype} is {JSON_TYPES[dtype]} in JSON, with or without null"
            yield Complaint(f"{here}/type", "type", f"{here}/type: {what}")
        if (dtype == "date") != (column.get("format") == "date"):
            yield Complaint(f"{here}/format", "format", f"{here}/format: x-dtype date goes with format date")
        if "pattern" in column and (why := patterns.objection(column["pattern"])):
            yield Complaint(f"{here}/pattern", "pattern", f"{here}/pattern may be read differently: {why}")


def _column(name: str, schema: Mapping[str, Any]) -> Column:
    said = {key.removeprefix("x-").replace("-", "_"): value for key, value in schema.items() if key.startswith("x-")}
    said |= {key: tuple(said[key]) for key in ("null_tokens", "sentinels", "profiles") if key in said}
    nullable = "null" in schema["type"]
    return Column(name=name, nullable=nullable, schema=schema, description=schema["description"], **said)
