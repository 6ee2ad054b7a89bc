"""The columns of the public file, and where each goes by the contracts."""

from __future__ import annotations

from jobs.protocol import contract

_OURS = ("snapshot_date", "application_date", "_source_file", "_source_row")  # added on the way, in no source
TABLES = {
    table: tuple(column.name for column in contract.load(f"bronze/{table}").columns if column.name not in _OURS)
    for table in ("credit_history", "demographic", "financial", "loan_terms")
}
KNOWN = tuple(dict.fromkeys(name for names in TABLES.values() for name in names))
_SILVER = [contract.load(f"silver/{name}") for name in (*TABLES, "loan_performance", "credit_performance")]
_READ = [column for table in _SILVER for column in table.columns]
OUTCOMES = frozenset(column.name for column in _READ if column.role == "post")
MONTHS = frozenset(column.name for column in _READ if column.dtype == "date" and column.name not in _OURS)
