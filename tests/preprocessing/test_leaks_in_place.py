"""The guard against features that know the outcome, on a root: what it looks at, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.preprocessing import leaks
from jobs.preprocessing.features import feature_columns
from jobs.preprocessing.stock import Stock
from jobs.protocol import contract, policy
from jobs.protocol.errors import ContractBroken
from jobs.protocol.files import Root
from jobs.protocol.layers import FEATURES
from tests.preprocessing.roots import LAST, built, current, landed, preprocess

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = policy.load(None, "")
RULES = replace(DEFAULT, leaks=replace(DEFAULT.leaks, min_rows=30, min_bads=10))
SUNDAY = date(2017, 2, 5)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("first", "last", "matured", "is_refused"),
    [
        pytest.param(SUNDAY, SUNDAY, SUNDAY, True, id="on-a-Sunday"),
        pytest.param(SUNDAY - DAY, SUNDAY + DAY, SUNDAY, True, id="in-days-with-a-Sunday"),
        pytest.param(SUNDAY - 6 * DAY, SUNDAY - DAY, SUNDAY - DAY, False, id="in-days-without"),
        pytest.param(SUNDAY, SUNDAY, SUNDAY - 27 * DAY, True, id="four-weeks-before"),
        pytest.param(SUNDAY, SUNDAY, SUNDAY - 28 * DAY, False, id="of-cohorts-long-matured"),
        pytest.param(SUNDAY, SUNDAY, SUNDAY + DAY, False, id="of-a-cohort-to-come"),
    ],
)
def test_gold_is_refused_where_stored_features_tell_the_outcome(
    tmp_path: Path, first: date, last: date, matured: date, *, is_refused: bool
) -> None:
    root = built(tmp_path)
    features = pl.read_parquet(root / "datamart/gold/feature_store/*/*.parquet", hive_partitioning=False)
    bad = (pl.col("revol_util") > features["revol_util"].median()).cast(pl.Int8)
    labels = features.drop_nulls("revol_util").select(
        "id", "application_date", y=bad, mature_date=matured, snapshot_date=last
    )
    stock = Stock.of(Root(root), LAST)
    if is_refused:
        with pytest.raises(ContractBroken, match=r"too good to be true: .*revol_util: auc is 1\.000, above"):
            leaks.check(stock, RULES, labels, first, last)
    else:
        leaks.check(stock, RULES, labels, first, last)
    leaks.check(stock, DEFAULT, labels, first, last)  # too few for the default policy


def test_no_label_is_published_where_a_feature_is_too_good_to_be_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = pl.DataFrame({"revol_util": [0.1, 0.9] * 30, "y": [0, 1] * 30}).with_columns(
        application_date=SUNDAY, snapshot_date=SUNDAY
    )
    column = [one for one in feature_columns(contract.load(FEATURES)) if one.name == "revol_util"]
    monkeypatch.setattr(leaks, "check", lambda *_: leaks.refuse_suspicious(known, column, RULES.leaks))
    root = landed(tmp_path)
    assert preprocess(root) == 4
    assert "too good to be true: revol_util: auc is 1.000" in capsys.readouterr().err
    assert current(root, "datamart/gold/feature_store")
    assert not current(root, "datamart/gold/label_store")


def test_of_more_labels_than_a_leak_needs_to_show_a_share_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = Stock.of(Root(built(tmp_path)), LAST)
    stored = stock.scan("gold/feature_store", stock.days("gold/feature_store", LAST)).collect()
    known = stored.select("id", "application_date", y=pl.lit(0))
    monkeypatch.setattr(leaks, "MOST_ROWS", known.height)
    assert leaks._with_features(stock, known).height == known.height
    monkeypatch.setattr(leaks, "MOST_ROWS", known.height // 4)
    assert 0 < leaks._with_features(stock, known).height < known.height / 2
