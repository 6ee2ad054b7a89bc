"""What every test shares."""

from __future__ import annotations

import importlib.util

collect_ignore = [] if importlib.util.find_spec("airflow") else ["dags"]  # these run in Airflow's own environment
