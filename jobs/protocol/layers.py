"""Names of layers, tables and landing files, by which one job finds what another has made."""

from __future__ import annotations

LAYERS = ("bronze", "silver", "gold")
LANDING = "datamart/landing"
LANDING_KINDS = ("csv", "csv.gz", "jsonl", "parquet")  # how the name of a landing file may end
SILVER_OF = {  # silver tables by landed table: origination is kept apart from outcomes, which features never see
    "loan_terms": ("loan_terms", "loan_performance"),
    "demographic": ("demographic",),
    "credit_history": ("credit_history", "credit_performance"),
    "financial": ("financial",),
}
SOURCES = tuple(SILVER_OF)
SOURCE_FILE, SOURCE_ROW = "_source_file", "_source_row"
SOURCE = (SOURCE_FILE, SOURCE_ROW)  # added by bronze: they identify a landed row for good
PERFORMANCE = "silver/loan_performance"
FEATURES, LABELS, PREDICTIONS = "gold/feature_store", "gold/label_store", "gold/predictions"
UNSEEN = "__UNSEEN__"  # silver's value for a category that its contract does not list
