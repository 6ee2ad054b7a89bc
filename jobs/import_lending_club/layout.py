"""Where each column of the public file goes, taken from the contracts that the jobs read by."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.protocol import contract

TABLES = ("credit_history", "demographic", "financial", "loan_terms")
CORE = ("id", "issue_d", "loan_status", "loan_amnt", "term")  # without these a row is no loan
_LATER = ("silver/loan_performance", "silver/credit_performance")  # what is learnt after the application
_OURS = ("snapshot_date", "application_date")  # added on the way, in no source


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of each landing table in order, those that are outcomes, and those that hold months."""

    tables: dict[str, tuple[str, ...]]
    outcomes: frozenset[str]
    months: frozenset[str]

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for columns in self.tables.values() for name in columns))


def load() -> Layout:
    landed = {table: _source_columns(f"bronze/{table}") for table in TABLES}
    silver = [contract.load(name) for name in (*(f"silver/{table}" for table in TABLES), *_LATER)]
    columns = [column for one in silver for column in one.columns]
    return Layout(
        landed,
        frozenset(column.name for column in columns if column.role == "post"),
        frozenset(column.name for column in columns if column.dtype == "date" and column.name not in _OURS),
    )


def _source_columns(name: str) -> tuple[str, ...]:
    names = (column.name for column in contract.load(name).columns)
    return tuple(column for column in names if not column.startswith("_") and column not in _OURS)
