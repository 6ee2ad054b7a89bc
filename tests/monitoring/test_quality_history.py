"""How far back a feature's silence is looked for: four weeks before the week."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.measures import bins
from jobs.monitoring import quality
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import FEATURES
from jobs.protocol.shelf import Shelf
from tests.monitoring.evidences import WEEK
from tests.sql.built import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("before", "severity"), [(28, "critical"), (29, "high")])
def test_a_feature_that_was_filled_on_some_day_of_the_four_weeks_before_has_just_fallen_silent(
    tmp_path: Path, before: int, severity: str
) -> None:
    values = pl.DataFrame({"dti": [float(n) for n in range(10)]})
    frozen = bins.freeze(values, ["dti"])["dti"]
    known = {"bins": bins.to_json(frozen), "rows": list(bins.count(values, {"dti": frozen})["dti"].rows)}
    first = WEEK - timedelta(days=6)
    for days, dti in ((before, 1.0), (1, None)):
        filled = pl.Series("dti", [dti], dtype=pl.Float64)
        build(tmp_path, FEATURES, first - timedelta(days=days), {"id": [1], "dti": filled})
    root = Root(tmp_path, durable=False)
    silent = [{"snapshot_date": first, "rows": 100, "dti.missing": 100}]
    reference = {"features": {"dti": {**known, "missing": 0.02, "shap_share": 1.0}}}
    found = quality.section(Shelf(root=root, index=Index(root, "monitoring")), WEEK, reference, silent)
    assert [one["severity"] for one in found["findings"] if one["rule"] == "DQ-7"] == [severity]
