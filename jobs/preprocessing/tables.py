"""The map of preprocessing: which table feeds which, and the version of each layer's logic."""

from __future__ import annotations

from jobs.protocol.layers import FEATURES, LABELS, SILVER_OF, SOURCES

COMPANIONS = {  # the silver tables of the same day that a table is checked against; they are built first
    "loan_terms": (),
    "demographic": ("loan_terms",),
    "credit_history": ("loan_terms", "demographic"),
    "financial": ("demographic",),
}

CORE = {  # a file that lacks one of these is refused; every other column may be missing
    "loan_terms": ("id", "issue_d", "loan_amnt", "term", "loan_status"),
    "credit_history": (),
    "demographic": (),
    "financial": (),
}

# Raise a number when the layer's output for the same inputs changes: all of its partitions are then built again.
VERSIONS = {"bronze": 1, "silver": 1, FEATURES: 1, LABELS: 2}

FEATURE_SOURCES = ("loan_terms", "credit_history", "demographic", "financial")  # silver, in the order of `features()`


def bronze(source: str) -> str:
    return f"bronze/{source}"


def silver(name: str) -> str:
    return f"silver/{name}"


def silver_outputs(source: str) -> tuple[str, ...]:
    """The silver tables made from a landed table; its rejects come last."""
    return (*map(silver, SILVER_OF[source]), f"silver/_rejects/{source}")


def version(table: str) -> int:
    return VERSIONS.get(table) or VERSIONS[table.partition("/")[0]]


def contract_name(table: str) -> str:
    """The contract of a table; the tables of refused cells share one."""
    return "silver/_rejects" if table.startswith("silver/_rejects/") else table


ALL_TABLES = (*(table for source in SOURCES for table in (bronze(source), *silver_outputs(source))), FEATURES, LABELS)
