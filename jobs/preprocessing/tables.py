"""The picture of preprocessing: which table feeds which, and the version of each layer's logic."""

from __future__ import annotations

SOURCES = (
    "loan_terms",
    "credit_history",
    "demographic",
    "financial",
)  # loan_terms first: others look dates up in it

SILVER_OF = {  # silver splits origination from outcome, so that features are never given the latter
    "loan_terms": ("silver/loan_terms", "silver/loan_performance"),
    "credit_history": ("silver/credit_history",),
    "demographic": ("silver/demographic",),
    "financial": ("silver/financial",),
}
CORE = {  # a file without these columns is refused; any other may be missing
    "loan_terms": ("id", "issue_d", "loan_amnt", "term", "loan_status"),
    "credit_history": (),
    "demographic": (),
    "financial": (),
}

BRONZE_VERSION = 1  # raised when what a layer makes of the same inputs changes: everything built before is built again
SILVER_VERSION = 1


def bronze(source: str) -> str:
    return f"bronze/{source}"


def rejects(source: str) -> str:
    return f"silver/_rejects/{source}"


def silver_outputs(source: str) -> tuple[str, ...]:
    return (*SILVER_OF[source], rejects(source))


def contract_name(table: str) -> str:
    """The contract of a table; the tables of refused cells share one."""
    return "silver/_rejects" if table.startswith("silver/_rejects/") else table
