"""What the layers are called: the names by which one job finds what another has made."""

from __future__ import annotations

LAYERS = ("bronze", "silver", "gold")
LANDING = "datamart/landing"
LANDING_KINDS = ("csv", "csv.gz", "jsonl", "parquet")  # how the name of a landing file may end
SILVER_OF = {  # what becomes of the tables that land: origination apart from outcome, which features are never given
    "loan_terms": ("loan_terms", "loan_performance"),
    "demographic": ("demographic",),
    "credit_history": ("credit_history", "credit_performance"),
    "financial": ("financial",),
}
SOURCES = tuple(SILVER_OF)
SOURCE_FILE, SOURCE_ROW = "_source_file", "_source_row"
SOURCE = (SOURCE_FILE, SOURCE_ROW)  # what bronze adds to a landed row: its name for good
PERFORMANCE = "silver/loan_performance"
FEATURES, LABELS, PREDICTIONS = "gold/feature_store", "gold/label_store", "gold/predictions"
UNSEEN = "__UNSEEN__"  # what silver keeps for a category that its contract does not list
