"""Which days of gold a week is read from, on a handful of rows a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import polars as pl
import pytest

from jobs.measures import bins
from jobs.monitoring.reading import Reading
from jobs.protocol import strict_json
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.layers import FEATURES, PREDICTIONS
from jobs.protocol.model_bank import REFERENCE
from jobs.protocol.shelf import Shelf
from tests.monitoring.evidences import MODEL, WEEK
from tests.monitoring.judging import POLICY
from tests.sql.built import build

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from jobs.monitoring.session import Session

ROWS = 10  # a day
_MATURED = {"mature_date": pl.Date, "policy_exception": pl.Boolean}


def reading(path: Path, days: int, least: int) -> Reading:
    """Of the last days up to the week's end, each with some rows that were scored; so many are enough to judge."""
    values = pl.DataFrame({"dti": [float(n) for n in range(ROWS)]})
    frozen = bins.freeze(values, ["dti"])["dti"]
    known = {"bins": bins.to_json(frozen), "rows": list(bins.count(values, {"dti": frozen})["dti"].rows)}
    reference = strict_json.canonical({"features": {"dti": known}})
    there = [WEEK - timedelta(days=n) for n in reversed(range(days))]
    for day in there:
        ids = list(range(ROWS))
        build(path, FEATURES, day, {"id": ids, "snapshot_date": [day] * ROWS, "dti": values["dti"]})
        scored = {"id": ids, "pd": [n / 100 for n in ids], "model_id": [MODEL] * ROWS}
        build(path, PREDICTIONS, day, {**scored, "snapshot_date": [day] * ROWS})
    root = Root(path, durable=False)
    session = SimpleNamespace(
        sources=SimpleNamespace(days={FEATURES: there, PREDICTIONS: there}),
        shelf=Shelf(root=root, index=Index(root, "monitoring")),
        week=WEEK,
        root=root,
        model=SimpleNamespace(model_id=MODEL, files={REFERENCE: reference}),
        policy=replace(POLICY, drift=replace(POLICY.drift, n_min=least)),
    )
    return Reading(cast("Session", session))


@pytest.mark.parametrize(("least", "days"), [(70, 7), (71, 14), (140, 14), (141, 28), (999, 28)])
def test_a_window_is_as_short_as_holds_enough_rows_and_features_are_counted_in_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, days: int
) -> None:
    monkeypatch.setattr("jobs.monitoring.reading.MANY_ROWS", 2 * ROWS)  # read in many turns, it is the same
    found = reading(tmp_path, 30, least)
    first = (WEEK - timedelta(days=days - 1)).isoformat()
    told = {"first": first, "last": WEEK.isoformat(), "days": days, "rows": days * ROWS, "backscored": 0}
    assert found.window.told == told
    assert found.window.features["dti"].n == found.window.scores.n == days * ROWS
    dates = [row["snapshot_date"] for row in found.daily]
    assert dates == [WEEK - timedelta(days=n) for n in reversed(range(7))], "the feed is judged by the week"


@pytest.mark.parametrize(("said", "counted"), [("include", [1, 2]), ("exclude", [1])])
def test_exceptions_to_the_lenders_policy_count_where_the_policy_keeps_them(
    tmp_path: Path, said: str, counted: list[int]
) -> None:
    found = reading(tmp_path, 1, 1)
    label = replace(POLICY.label, policy_exceptions=said)  # type: ignore[arg-type]
    found._session.policy = replace(POLICY, label=label)
    found.labels = pl.DataFrame({"id": [1, 2], "mature_date": [WEEK] * 2, "policy_exception": [False, True]})
    assert found.matured["id"].to_list() == counted


def test_scores_of_loans_that_matured_are_read_once_and_taken_where_they_were_stored_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, scan = reading(tmp_path, 3, 1), Shelf.scan
    read: list[date] = []

    def told(shelf: Shelf, table: str, days: list[date]) -> pl.LazyFrame:
        read.extend(days)
        return scan(shelf, table, days)

    monkeypatch.setattr(Shelf, "scan", told)
    monkeypatch.setattr("jobs.monitoring.reading.MANY_ROWS", 2 * ROWS)
    eve = WEEK - timedelta(days=1)
    loans = {"id": [1, 2, 3], "y": [0, 1, 0], "policy_exception": [False] * 3, "application_date": [eve] * 3}
    found.labels = pl.DataFrame(loans | {"mature_date": [eve, WEEK, WEEK]})
    found.trained_as_of = eve  # it may have learned from the first
    assert found.outcomes.rows.select("id", "pd").rows() == [(2, 0.02), (3, 0.03)]
    assert {cohort: counts.n for cohort, counts in found.cohorts.items()} == {(WEEK, MODEL): 3}
    assert read == [eve, WEEK]


def test_a_week_without_rows_has_bins_without_rows(tmp_path: Path) -> None:
    found = reading(tmp_path, 0, 70)
    assert (found.window.scores.n, found.window.told["rows"]) == (0, 0)
    assert {name: (counted.n, len(counted.rows)) for name, counted in found.window.features.items()} == {
        "dti": (0, len(found.reference["features"]["dti"]["rows"]))
    }
    assert found.daily == []
    found.labels = pl.DataFrame(schema={"id": pl.Int64, "application_date": pl.Date, "y": pl.Int8} | _MATURED)
    found.trained_as_of = WEEK
    assert (found.outcomes.counts.n, found.cohorts) == (0, {})


def test_of_what_was_read_in_another_root_only_the_same_files_are_remembered(tmp_path: Path) -> None:
    columns = ("id", "snapshot_date", "dti")
    before = reading(tmp_path / "one", 3, 1)._history(FEATURES, columns)
    other = reading(tmp_path / "other", 3, 1)
    build(tmp_path / "other", FEATURES, WEEK, {"id": [7], "snapshot_date": [WEEK], "dti": [0.5]})
    expected = [*before.filter(pl.col("snapshot_date") < WEEK).rows(), (7, WEEK, 0.5)]
    assert other._history(FEATURES, columns).rows() == expected


def test_a_day_of_the_week_that_was_not_scored_is_one_of_the_feed_all_the_same(tmp_path: Path) -> None:
    found = reading(tmp_path, 8, 1)
    found._days = {FEATURES: found._days[FEATURES], PREDICTIONS: found._days[PREDICTIONS][:-1]}
    assert [row["snapshot_date"] for row in found.daily] == [WEEK - timedelta(days=n) for n in reversed(range(7))]
    assert found.window.features["dti"].n == 6 * ROWS
