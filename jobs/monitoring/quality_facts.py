"""The facts of a week's feed: from manifests, and from what was asked of the week's features."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, pairwise
from typing import Any

import polars as pl

from jobs.measures import bins
from jobs.monitoring.feed import UNIT_FACTOR, ColumnChange, Day, Feature, QualityFacts, Share, Table, Volume
from jobs.protocol import contract, partitions
from jobs.protocol.contract import Contract
from jobs.protocol.files import Root
from jobs.protocol.partitions import Manifest
from jobs.protocol.shelf import Shelf

Json = Mapping[str, Any]

SOURCES = ("loan_terms", "demographic", "credit_history", "financial")
PARTNERS = SOURCES[1:]
FEATURES = "gold/feature_store"
WEEK, WEEKS_BEFORE = 7, 4
FIRST_ERA = 2007
NO_VALUE = ("token", "sentinel", "rounded")  # what says "no value", or rounds: DQ-1 sees what is missing
CROSS = ("not_before_issue", "joint_while_individual")  # refused for what another column says


def facts(root: Root, shelf: Shelf, week: date, reference: Json, daily: Sequence[Json]) -> QualityFacts:
    """The facts of the seven days to the Saturday `week`, told of daily, beside a model's reference profile."""
    days = [week - timedelta(days=back) for back in reversed(range(WEEK))]
    before = [days[0] - timedelta(days=back) for back in range(1, WEEKS_BEFORE * WEEK + 1)]
    manifests = {
        source: [partitions.existing(root, f"silver/{source}", day) for day in _built(shelf, f"silver/{source}", days)]
        for source in SOURCES
    }
    gold = [partitions.existing(root, FEATURES, day) for day in _built(shelf, FEATURES, days)]
    features = tuple(_features(shelf, before, reference["features"], daily))
    return QualityFacts(
        tables=(*_tables(shelf, days, manifests), *_features_table(days, manifests, gold)),
        shares=(*_cells(manifests), *_joins(gold), *_unseen(daily)),
        volumes=tuple(_volumes(shelf, days)),
        columns=tuple(_column_changes(root, shelf, days, before, features)),
        features=features,
    )


def _built(shelf: Shelf, table: str, days: Sequence[date]) -> list[date]:
    return [day for day in days if day in shelf.built(table)]


def _tables(shelf: Shelf, days: Sequence[date], manifests: Mapping[str, list[Manifest]]) -> Iterator[Table]:
    """A day counts as come once it is cleaned; days before the very first landing are not expected."""
    begun = min((day for source in SOURCES for day in shelf.built(f"silver/{source}")), default=days[0])
    expected = sum(day >= begun for day in days)
    for source, found in manifests.items():
        counts = _summed(found)
        rows, rejected = counts["rows.in"], counts["rows.rejected"] + counts["cells.rejected"]
        yield Table(table=source, expected=expected, days=len(found), rows=rows, rejected=rejected)


def _features_table(days: Sequence[date], manifests: Mapping[str, list[Manifest]], gold: list[Manifest]) -> list[Table]:
    """Features are expected of the days on which all tables came."""
    whole = set(days).intersection(*({each.date for each in found} for found in manifests.values()))
    rows = sum(each.rows for each in gold)
    return [Table(table=FEATURES, expected=len(whole), days=min(len(gold), len(whole)), rows=rows, rejected=0)]


def _summed(manifests: Sequence[Manifest]) -> Counter[str]:
    return sum((Counter(manifest.counts) for manifest in manifests), Counter())


def _cells(manifests: Mapping[str, list[Manifest]]) -> Iterator[Share]:
    for source, found in manifests.items():
        counts = _summed(found)
        hits: Counter[tuple[str, str]] = Counter()
        for name, count in counts.items():
            if of := _rule_of(name, source):
                hits[of] += count
        for (rule, subject), count in hits.items():
            n = counts.get(f"rule.{subject}.checked") or counts["rows.in"]
            yield Share(rule=rule, subject=subject, hits=count, n=n)


def _rule_of(name: str, source: str) -> tuple[str, str] | None:
    """Which rule a manifest's count is for, and of what it speaks."""
    kind, _, rest = name.partition(".")
    subject, _, what = rest.rpartition(".")
    if kind == "row":
        return ("DQ-8", source) if rest.startswith("duplicate") else ("DQ-4", source)
    if kind == "soft":
        return "DQ-2", rest
    if kind == "rule" and what == "failed":
        return "DQ-9", subject
    if kind == "cell" and what not in NO_VALUE:
        return {"parse": "DQ-4", "unseen": "DQ-3"}.get(what, "DQ-9" if what in CROSS else "DQ-2"), subject
    return None


def _joins(gold: list[Manifest]) -> Iterator[Share]:
    counts = _summed(gold)
    for partner in PARTNERS:
        lost, alone = counts[f"without_{partner}"], counts[f"unmatched_{partner}"]
        yield Share(rule="DQ-8", subject=partner, hits=lost + alone, n=counts["applications"] + alone)


def _volumes(shelf: Shelf, days: Sequence[date]) -> Iterator[Volume]:
    for source in SOURCES:
        built = shelf.built(f"bronze/{source}")
        for day in _built(shelf, f"bronze/{source}", days):
            earlier = _built(shelf, f"bronze/{source}", [day - timedelta(weeks=n + 1) for n in range(WEEKS_BEFORE)])
            rows = tuple(built[one].rows for one in earlier)
            yield Volume(table=source, day=day.isoformat(), rows=built[day].rows, before=rows)


def _column_changes(
    root: Root, shelf: Shelf, days: Sequence[date], before: Sequence[date], features: Sequence[Feature]
) -> Iterator[ColumnChange]:
    used = {feature.name for feature in features if feature.shap_share > 0}
    for source in SOURCES:
        table = f"bronze/{source}"
        built = shelf.built(table)
        now, then = ([built[day].absent - {""} for day in _built(shelf, table, some)] for some in (days, before))
        if not now or not then:
            continue
        known = contract.load(f"silver/{source}")
        gone = frozenset().union(*now) - frozenset.intersection(*then)
        new = frozenset.intersection(*then) - frozenset.intersection(*now)
        for name in sorted(gone | new):
            what, documented = ("absent", False) if name in gone else ("new", _is_documented(known, name, days[-1]))
            yield ColumnChange(column=name, what=what, is_documented=documented, is_used=name in used)
        unknown = _unknown(root, shelf, table, days)
        for name in sorted(unknown - _unknown(root, shelf, table, before) if unknown else ()):
            yield ColumnChange(column=f"{source}.{name}", what="unknown", is_documented=False, is_used=False)


def _unknown(root: Root, shelf: Shelf, table: str, days: Sequence[date]) -> set[str]:
    found = (partitions.existing(root, table, day) for day in _built(shelf, table, days))
    return {name for manifest in found for name in manifest.notes.get("columns_unknown", ())}


def _is_documented(known: Contract, name: str, day: date) -> bool:
    era = next((column.era for column in known.columns if column.name == name), None)
    return era is not None and FIRST_ERA < era <= day.year


def daily(rows: pl.DataFrame, reference: Mapping[str, Json]) -> list[dict[str, Any]]:
    """Of each day its rows (one below the other), and of each feature those without a value or of an unseen category.

    And its median, where half the values lie beyond the factor of a unit shift: only there it matters.
    """
    names = [name for name in _stored(reference) if name in rows.columns]
    texts = [name for name in names if reference[name]["bins"]["kind"] == bins.TextLevels.__name__]
    usual = {name: median for name in names if (median := _middle(reference[name])[0]) and median > 0}
    beyond = [
        pl.max_horizontal(
            (pl.col(name) < pl.lit(median / UNIT_FACTOR, pl.Float64)).sum(),
            (pl.col(name) > pl.lit(median * UNIT_FACTOR, pl.Float64)).sum(),
        ).alias(f"{name}.beyond")
        for name, median in usual.items()
    ]
    asked = [
        pl.len().alias("rows"),
        pl.col(names).null_count().name.suffix(".missing"),
        (pl.col(texts) == bins.UNSEEN_LEVEL).sum().name.suffix(".unseen"),
    ]
    found, ends = [], rows["snapshot_date"].rle().struct.field("len").cum_sum().to_list()
    for start, end in pairwise((0, *ends)):  # asked in groups it takes six times as long
        of = rows.slice(start, end - start)
        row = of.lazy().select(pl.col("snapshot_date").first(), *asked, *beyond).collect().row(0, named=True)
        moved = [name for name in usual if 2 * row[f"{name}.beyond"] >= row["rows"] - row[f"{name}.missing"]]
        found.append(row | {f"{name}.median": of[name].median() for name in moved})
    return found


def _stored(reference: Mapping[str, Json]) -> list[str]:
    return [column.name for column in contract.load(FEATURES).columns if column.name in reference]


def _unseen(daily: Sequence[Mapping[str, Any]]) -> Iterator[Share]:
    """Of applications alone: among all rows that land, servicing news thins a new category out."""
    n = sum(row["rows"] for row in daily)
    for name in daily[0] if daily else ():
        if name.endswith(".unseen"):
            yield Share(rule="DQ-3", subject=name.removesuffix(".unseen"), hits=sum(row[name] for row in daily), n=n)


def _features(
    shelf: Shelf, before: Sequence[date], reference: Mapping[str, Json], daily: Sequence[Mapping[str, Any]]
) -> Iterator[Feature]:
    known = contract.load(FEATURES)
    silent = {name for name in _stored(reference) if any(row[f"{name}.missing"] == row["rows"] for row in daily)}
    filled = _filled(shelf, before, sorted(silent))
    for name, described in reference.items():
        median, low, high = _middle(described)
        yield Feature(
            name=name,
            shap_share=described["shap_share"],
            reference_missing=described["missing"],
            reference_rows=sum(described["rows"]),
            median=median,
            low_share=low,
            high_share=high,
            is_documented=bool(daily) and _is_documented(known, name, daily[-1]["snapshot_date"]),
            was_filled=name in filled,
            days=tuple(
                Day(
                    day=row["snapshot_date"].isoformat(),
                    rows=row["rows"],
                    missing=row.get(f"{name}.missing", row["rows"]),
                    median=row.get(f"{name}.median"),
                )
                for row in daily
            ),
        )


def _filled(shelf: Shelf, days: Sequence[date], names: Sequence[str]) -> set[str]:
    """Those of the features that had any value on these days; asked only of those that are silent now."""
    found = _built(shelf, FEATURES, days)
    if not found or not names:
        return set(names)
    counts = shelf.scan(FEATURES, found).select(pl.col(names).count()).collect().row(0, named=True)
    return {name for name, count in counts.items() if count}


def _middle(described: Json) -> tuple[float | None, float, float]:
    """The reference's median, and at most how much of the reference lies beyond the factor of a unit shift from it.

    By the reference, not by the weeks before: a fault that lasts a month must not become its own measure.
    """
    frozen = bins.from_json(described["bins"])
    if not isinstance(frozen, bins.NumericBins):
        return None, 0.0, 0.0
    up_to = list(accumulate(described["rows"][: len(frozen.edges) + 1]))
    place = next((n for n, rows in enumerate(up_to) if 2 * rows >= up_to[-1]), 0)
    if place == len(frozen.edges) or not up_to[-1]:
        return None, 0.0, 0.0
    median = frozen.edges[place]
    low, high = (bisect_left(frozen.edges, edge) for edge in (median / UNIT_FACTOR, median * UNIT_FACTOR))
    return median, up_to[low] / up_to[-1], 1 - (up_to[high - 1] / up_to[-1] if high else 0.0)
