"""Read gold for the measures: counts of scores and features, and loans that have matured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial

import numpy as np
import polars as pl

from jobs.measures import bins
from jobs.measures.calibration import Band
from jobs.measures.counts import FloatArray, ScoreCounts, ValueCounts
from jobs.monitoring import quality, vintages, weeks
from jobs.monitoring.session import Session
from jobs.protocol import contract, strict_json
from jobs.protocol.contract_polars import polars_schema
from jobs.protocol.layers import FEATURES, LABELS, PREDICTIONS
from jobs.protocol.model_bank import RECIPE, REFERENCE
from jobs.protocol.strict_json import Json
from jobs.protocol.workers import batches
from jobs.scorer import scorecard

MANY_ROWS = 250_000  # read about so many at a time, in whole days; counts add up
LATEST_LANDING = 31  # days after the application in which its score is looked for
_Parts = dict[date, tuple[str, ...]]
_read: dict[str, tuple[_Parts, pl.DataFrame]] = {}  # by table: the history that this process read last, of any root
_NO_SCORES = pl.DataFrame(schema={"id": pl.Int64, "pd": pl.Float64, "backscored": pl.Boolean})


@dataclass(frozen=True, slots=True)
class Window:
    """Scored rows of the last days, as counts, and their section of the evidence."""

    told: Json
    scores: ValueCounts
    features: Mapping[str, bins.BinCounts]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Loans that matured in the last days, with their scores: id, application_date, y, pd; and a part of evidence."""

    told: Json
    rows: pl.DataFrame
    counts: ScoreCounts

    @property
    def grades(self) -> dict[str, Band]:
        return scorecard.grade_bands(self.rows["pd"].to_numpy(), self.rows["y"].to_numpy().astype(np.int64))


class Reading:
    """Reads each part when first asked for; what cannot be read fails only the sections that need it."""

    def __init__(self, session: Session) -> None:
        self._session, self._days, self._shelf = session, session.sources.days, session.shelf
        self.week = session.week

    @cached_property
    def reference(self) -> Json:
        return self._json(REFERENCE)

    @cached_property
    def trained_as_of(self) -> date:
        return date.fromisoformat(self._json(RECIPE)["as_of"])

    @cached_property
    def learned(self) -> ScoreCounts:
        """Scores and outcomes of the reference."""
        stored = self.reference["score_counts"]
        goods, bads = (np.asarray(stored[name], np.int64) for name in ("goods", "bads"))
        return ScoreCounts(np.asarray(stored["scores"], np.float64), goods, bads)

    @cached_property
    def window(self) -> Window:
        """The week's scored rows; those of two or four weeks if the week has too few to judge drift."""
        days, within = self._within
        names, some = ("id", "pd", "model_id"), self._batches(PREDICTIONS, within)
        scored = [self._scored(batch, self._scan(PREDICTIONS, batch, names)) for batch in some]
        scores = pl.concat([_NO_SCORES, *scored])
        counts, again = ValueCounts.of(scores["pd"].to_numpy()), int(scores["backscored"].sum())
        told = self._since(days) | {"days": days, "rows": counts.n, "backscored": again}
        return Window(told, counts, self._counted[0])

    def _since(self, days: int) -> Json:
        return {"first": weeks.first_of(self.week, days).isoformat(), "last": self.week.isoformat()}

    @property
    def daily(self) -> list[Json]:
        """The feature counts of each day of the week, for data quality."""
        return self._counted[1]

    @cached_property
    def _within(self) -> tuple[int, list[date]]:
        """The window's length in days, and the days in it on which rows were scored."""
        built = self._shelf.built(PREDICTIONS)
        for days in weeks.WINDOWS:
            within = [day for day in self._days[PREDICTIONS] if day >= weeks.first_of(self.week, days)]
            if sum(built[day].rows for day in within) >= self._session.policy.drift.n_min:
                break
        return days, within

    @cached_property
    def _counted(self) -> tuple[dict[str, bins.BinCounts], list[Json]]:
        """Read features once, and count them in bins for the window and by day for the week."""
        scored, known = {*self._within[1]}, self._days[FEATURES]
        week = {day for day in known if day >= weeks.first_of(self.week)}
        counted: dict[str, bins.BinCounts] = {}
        daily: list[Json] = []
        for batch in self._batches(FEATURES, [day for day in known if day in week or day in scored]):
            rows = self._features(batch)
            daily += quality.daily(_of(rows, batch, week), self.reference["features"])
            for name, found in bins.count(_of(rows, batch, scored), self._bins).items():
                counted[name] = counted[name] + found if name in counted else found
        return counted or {name: bins.BinCounts(of, (0,) * len(of.names)) for name, of in self._bins.items()}, daily

    @cached_property
    def labels(self) -> pl.DataFrame:
        """The newest label of every loan that was known by the end of the week."""
        names = ("id", "application_date", "y", "event_date", "mature_date", "policy_exception", "snapshot_date")
        found = self._history(LABELS, names)
        by_id = found.sort("id", maintain_order=True)  # within a loan by day, since rows were read by day
        newest = by_id.filter(pl.col("id").ne_missing(pl.col("id").shift(-1)))
        return newest.filter(pl.col("y").is_not_null()).drop("snapshot_date")

    @cached_property
    def matured(self) -> pl.DataFrame:
        """The labels of loans that matured in the last weeks."""
        late = pl.col("mature_date").is_between(weeks.first_of(self.week, weeks.OUTCOME_DAYS), self.week)
        if self._session.policy.label.policy_exceptions == "exclude":
            late &= ~pl.col("policy_exception")
        return self.labels.filter(late)

    @cached_property
    def aged(self) -> pl.DataFrame:
        """Every scored application, counted by age and by what is known of its outcome."""
        found = self._history(PREDICTIONS, ("id", "application_date", "snapshot_date"))
        ids = np.sort(found["id"].to_numpy())
        if (ids[1:] == ids[:-1]).any():  # checked first: it takes a twentieth of the time
            found = found.unique("id", keep="first")
        return vintages.count(self.labels, found, self.week, self._session.policy.label)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Loans that matured in the last weeks, after the training, so that the model cannot have learned from them."""
        matured, days, stored = self._unlearned
        among = pl.col("id").is_in(matured["id"].implode())
        scored = self._scored(days, stored.filter(among)).unique("id", keep="first", maintain_order=True)
        joined = matured.join(scored, on="id").sort("id")
        rows, again = joined.drop("backscored"), int(joined["backscored"].sum())
        counts = ScoreCounts.of(rows["pd"].to_numpy(), rows["y"].to_numpy())
        told = self._since(weeks.OUTCOME_DAYS) | {"n": counts.n, "bads": counts.n_bad}
        return Outcomes(told | {"backscored": again, "unscored": matured.height - rows.height}, rows, counts)

    @cached_property
    def cohorts(self) -> dict[tuple[date, str], ScoreCounts]:
        """Outcomes of loans that matured in the last weeks, by the week and model of their stored scores."""
        _, days, late = self._unlearned
        early = self._stored([day for day in self._days_of(self.matured) if day not in days])
        scores = pl.concat([early, late]).sort("snapshot_date").unique("id", keep="first", maintain_order=True)
        rows = self.matured.select("id", "y").join(scores, on="id")
        saturdays = {day: weeks.named_by(day + timedelta(days=weeks.DAYS)) for day in rows["snapshot_date"].unique()}
        of_week = rows.with_columns(week=pl.col("snapshot_date").replace_strict(saturdays, return_dtype=pl.Date))
        found = of_week.partition_by("week", "model_id", as_dict=True)
        return {cohort: ScoreCounts.of(of["pd"].to_numpy(), of["y"].to_numpy()) for cohort, of in found.items()}

    @cached_property
    def _unlearned(self) -> tuple[pl.DataFrame, list[date], pl.DataFrame]:
        """Loans that matured after the training, the days on which they were scored, and what was stored then."""
        matured = self.matured.filter(pl.col("mature_date") > self.trained_as_of)
        return matured, (days := self._days_of(matured)), self._stored(days)

    def _stored(self, days: Sequence[date]) -> pl.DataFrame:
        """The scores of loans that matured in the last weeks, as they were stored on these days."""
        names, among = ("id", "pd", "model_id", "snapshot_date"), pl.col("id").is_in(self.matured["id"].implode())
        some = [[], *self._batches(PREDICTIONS, days)]
        return pl.concat([self._scan(PREDICTIONS, batch, names).filter(among) for batch in some])

    def _days_of(self, matured: pl.DataFrame) -> list[date]:
        """The days on which these loans were scored."""
        applied = matured["application_date"].unique().to_list()
        begin, end = min(applied, default=date.max), max(applied, default=date.min)
        return [day for day in self._days[PREDICTIONS] if begin <= day and day - timedelta(days=LATEST_LANDING) <= end]

    @cached_property
    def _bins(self) -> dict[str, bins.Bins]:
        return {name: bins.from_json(known["bins"]) for name, known in self.reference["features"].items()}

    @cached_property
    def _pd(self) -> Callable[[pl.DataFrame], FloatArray]:
        """The judged model's scorer, for rows that another model scored."""
        from jobs.scorer import scorer  # importing LightGBM takes 0.1 s, and there are rarely such rows

        return partial(scorer.of(self._session.model.files).pd, threads=scorer.free_threads())

    def _json(self, name: str) -> Json:
        found: Json = strict_json.parse(self._session.model.files[name], where=name)
        return found

    def _batches(self, table: str, days: Sequence[date]) -> list[list[date]]:
        built = self._shelf.built(table)
        return batches({day: built[day].rows for day in days}, MANY_ROWS)

    def _history(self, table: str, names: Sequence[str]) -> pl.DataFrame:
        """All rows of the days that count. Cached by file, because a replay asks for them every week."""
        built = self._shelf.built(table)
        parts = {day: built[day].parts for day in self._days[table]}  # each named by its content
        known, before = _read.get(table, ({}, None))
        kept = {day for day in parts if known.get(day) == parts[day]}
        found = self._scan(table, [day for day in parts if day not in kept], names)
        if before is not None:
            still = before.filter(pl.col("snapshot_date").is_in(sorted(kept)))
            found = pl.concat([still, found]).sort("snapshot_date", maintain_order=True)
        _read[table] = parts, found
        return found

    def _scan(self, table: str, days: Sequence[date], names: Sequence[str]) -> pl.DataFrame:
        if not days:
            types = polars_schema(contract.load(table))
            return pl.DataFrame(schema={name: types[name] for name in names})
        return self._shelf.scan(table, days).select(names).collect()

    def _features(self, days: Sequence[date], among: pl.Series | None = None) -> pl.DataFrame:
        """The model's features of the applications of these days."""
        found = self._shelf.scan(FEATURES, [day for day in days if day in self._shelf.built(FEATURES)])
        known = set(found.collect_schema().names())
        rows = found.select("id", "snapshot_date", *(name for name in self._bins if name in known))
        return (rows if among is None else rows.filter(pl.col("id").is_in(among.implode()))).collect()

    def _scored(self, days: Sequence[date], stored: pl.DataFrame) -> pl.DataFrame:
        """Scores stored on these days, by the judged model: computed again if another model scored the row."""
        others = (pl.col("model_id") != self._session.model.model_id).alias("backscored")
        found = stored.select("id", "pd", others)
        if not found["backscored"].any():
            return found
        rows = self._features(days, found.filter("backscored")["id"])
        again = rows.select("id", pd=pl.Series(self._pd(rows), dtype=pl.Float64), backscored=pl.lit(value=True))
        return pl.concat([found.filter(~pl.col("backscored")), again])


def _of(rows: pl.DataFrame, batch: Sequence[date], days: set[date]) -> pl.DataFrame:
    """The rows of these days; the frame itself if that is all of them, because filtering a million rows takes time."""
    return rows if days.issuperset(batch) else rows.filter(pl.col("snapshot_date").is_in(sorted(days)))
