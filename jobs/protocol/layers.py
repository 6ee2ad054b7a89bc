"""What the layers are called: the names by which one job finds what another has made."""

from __future__ import annotations

LANDING = "datamart/landing"
SOURCES = ("loan_terms", "demographic", "credit_history", "financial")  # the tables that land
PERFORMANCE = "silver/loan_performance"
FEATURES, LABELS, PREDICTIONS = "gold/feature_store", "gold/label_store", "gold/predictions"
UNSEEN = "__UNSEEN__"  # what silver keeps for a category that its contract does not list
