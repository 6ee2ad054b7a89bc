"""Contracts: what one row of a table is, in annotated JSON Schema; refused where it is not clear."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jobs.protocol import keywords, strict_json
from jobs.protocol.errors import ConfigInvalid

HOME = Path(__file__).parent.parent / "contracts"


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
    """One table: its columns in order, its key, the schema of a row, and the hash of the file that says so."""

    name: str
    version: int
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    schema: Mapping[str, Any] = field(compare=False, repr=False)
    sha256: str

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def with_role(self, *roles: str) -> tuple[Column, ...]:
        """The columns of some roles: the only way in which features are chosen."""
        return tuple(column for column in self.columns if column.role in roles)


@cache
def load(name: str) -> Contract:
    return read((HOME / f"{name}.json").read_bytes(), name=name)


@cache
def document(name: str) -> Mapping[str, Any]:
    """The schema of a file that is no table, such as `manifest`; `judge` holds a value against it."""
    return dict(strict_json.parse((HOME / f"{name}.json").read_bytes(), where=_where(name)))


def read(data: bytes, *, name: str) -> Contract:
    """The contract in these bytes; ConfigInvalid names everything that is wrong with it at once."""
    schema = strict_json.parse(data, where=_where(name))
    _refuse([*keywords.problems(schema)], name)
    _refuse([*keywords.problems_of_table(schema)], name)
    return Contract(
        name=name,
        version=schema["x-version"],
        key=tuple(schema["x-key"]),
        columns=tuple(_column(*described) for described in schema["properties"].items()),
        schema=schema,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _where(name: str) -> str:
    return f"jobs/contracts/{name}.json"


def _refuse(problems: list[str], name: str) -> None:
    if problems:
        mend = "correct the file; docs/contracts.md lists every keyword and annotation"
        raise ConfigInvalid("the contract is not clear: " + "; ".join(problems), where=_where(name), mend=mend)


def _column(name: str, schema: Mapping[str, Any]) -> Column:
    said = {key.removeprefix("x-").replace("-", "_"): value for key, value in schema.items() if key.startswith("x-")}
    said |= {key: tuple(said[key]) for key in ("null_tokens", "sentinels", "profiles") if key in said}
    nullable = "null" in schema["type"]
    return Column(name=name, nullable=nullable, schema=schema, description=schema["description"], **said)
