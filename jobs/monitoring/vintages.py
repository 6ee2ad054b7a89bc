"""How loans of each month and quarter of application go bad as they age, and how much is known yet. Pure.

Months on book are calendar months since the month of application, as lenders count them: a loan that never paid is 90
days past due in its fourth. So all loans of a month are observed for equally long.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from jobs.measures.proportions import cumulative_share, jeffreys_interval
from jobs.protocol.policy import LabelPolicy
from jobs.protocol.strict_json import Json

COUNTS = {
    "month": pl.String,  # of application
    "quarter": pl.String,
    "seen": pl.Int64,  # last month on book that is known to its end; -1 for none
    "went_bad": pl.Int64,  # month on book, null where not known to be bad
    "labelled": pl.Boolean,  # whether the outcome is known and the whole window over
    "rows": pl.Int64,
}
CURVES = {
    "quarter": pl.String,
    "month_on_book": pl.Int64,
    "loans": pl.Int64,
    "at_risk": pl.Int64,
    "bads": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "immature": pl.Boolean,
}


def count(labels: pl.DataFrame, loans: pl.DataFrame, until: date, rule: LabelPolicy) -> pl.DataFrame:
    """Count loans by month of application, by how long they have been observed, and by the month they went bad.

    `labels` has one row per loan, its newest label on `until`. Counts of several shards of loans can be concatenated.
    """
    seen_until = until - timedelta(days=rule.lag_days)
    applied, bad = pl.col("application_date"), pl.col("event_date")
    in_full = pl.lit(seen_until + timedelta(days=1))  # a month counts once it is over
    window = rule.longest_months
    rows, known = pl.len().cast(pl.Int64), pl.col("y").is_not_null()
    labelled = (
        loans.select("id", "application_date")
        .join(labels.select("id", "y", "event_date", "mature_date"), on="id", validate="m:1")
        .group_by("application_date", "event_date", "mature_date", known=known)
        .agg(rows=rows)
    )
    others = labelled.select("application_date", rows=-pl.col("rows"))  # loans without a label: all minus labelled
    return (
        pl.concat([loans.group_by("application_date").agg(rows=rows), others, labelled], how="diagonal")
        .select(
            "rows",
            month=applied.dt.strftime("%Y-%m"),
            quarter=pl.format("{}-Q{}", applied.dt.year(), applied.dt.quarter()),
            seen=(_months(applied, in_full) - 1).clip(-1, window),
            went_bad=_months(applied, bad).clip(0, window),
            labelled=(pl.col("known") & (pl.col("mature_date") <= until)).fill_null(value=False),
        )
        .group_by(list(COUNTS)[:-1])
        .agg(pl.col("rows").sum())
        .filter(pl.col("rows") > 0)
        .cast(COUNTS)  # type: ignore[arg-type]
        .sort(list(COUNTS)[:-1])
    )


def vintages(counts: pl.DataFrame, rule: LabelPolicy) -> tuple[Json, pl.DataFrame]:
    """How many loans of each month have a final outcome, how many of those are bad, and the curve of each quarter."""
    known = pl.col("rows").filter("labelled")
    bads = pl.col("rows").filter(pl.col("labelled") & pl.col("went_bad").is_not_null())
    by_month = counts.group_by("month").agg(n=pl.col("rows").sum(), matured=known.sum(), bads=bads.sum())
    months = []
    for month, n, matured, gone_bad in by_month.sort("month").iter_rows():
        low, high = jeffreys_interval(gone_bad, matured) if matured else (None, None)
        rate = {"bad_rate": gone_bad / matured if matured else None, "low": low, "high": high}
        months.append({"month": month, "loans": n, "matured": matured, "share_matured": matured / n, **rate})
    rows: list[tuple[Any, ...]] = []  # one per quarter and month on book that some of its loans have completed
    for (quarter,), of in counts.sort("quarter").group_by("quarter", maintain_order=True):
        at_risk, gone = steps(of, rule.longest_months)
        least, n = min(of["seen"].to_list()), int(of["rows"].sum())
        for month, share in enumerate(cumulative_share(at_risk, gone)):
            if share.value is not None:
                ends = share.interval or (None, None)
                rows.append((quarter, month, n, at_risk[month], gone[month], share.value, *ends, month > least))
    curves = pl.DataFrame(rows, schema=CURVES, orient="row")
    newest = curves.select("quarter", "month_on_book", "share", "immature").unique(
        "quarter", keep="last", maintain_order=True
    )
    return {"months": months, "curves": newest.to_dicts()}, curves


def immature(counts: pl.DataFrame) -> pl.DataFrame:
    """The counts of the months for which most outcomes are still open."""
    matured = (pl.col("rows") * pl.col("labelled")).sum().over("month")
    return counts.filter(2 * matured < pl.col("rows").sum().over("month"))


def steps(counts: pl.DataFrame, until: int) -> tuple[list[int], list[int]]:
    """For each month on book up to `until`: loans at risk and observed to its end, and loans that went bad in it."""
    at_risk, bads = [0] * (until + 1), [0] * (until + 1)
    for seen, went_bad, rows in counts.select("seen", "went_bad", "rows").iter_rows():
        last = min(seen, until if went_bad is None else went_bad, until)
        for month in range(last + 1):
            at_risk[month] += rows
        if last == went_bad:
            bads[last] += rows
    return at_risk, bads


def _months(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Calendar months from one date to another."""
    years = end.dt.year().cast(pl.Int64) - start.dt.year().cast(pl.Int64)
    return years * 12 + end.dt.month().cast(pl.Int64) - start.dt.month().cast(pl.Int64)
