"""The data quality section of the evidence: counts from manifests and features, handed to `quality_rules`."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, pairwise

import polars as pl

from jobs.measures import bins
from jobs.monitoring import quality_rules as rules
from jobs.monitoring.quality_rules import UNIT_FACTOR, Day, Feature, Usual
from jobs.monitoring.weeks import DAYS
from jobs.protocol import contract, partitions
from jobs.protocol.contract import Contract
from jobs.protocol.layers import FEATURES, SOURCES, UNSEEN
from jobs.protocol.partitions import Manifest
from jobs.protocol.shelf import Shelf
from jobs.protocol.strict_json import Json

Manifests = Mapping[str, Sequence[Manifest]]

WEEKS_BEFORE = 4
FIRST_ERA = 2007
NO_VALUE = ("token", "sentinel", "rounded")  # cells that mean "no value" or were rounded: DQ-1 counts missing values
CROSS = ("not_before_issue", "joint_while_individual")  # rules that refuse a cell because of another column


def section(shelf: Shelf, week: date, reference: Json, daily: Sequence[Json]) -> Json:
    """The findings in the seven days up to Saturday `week`; `daily` and `reference` tell how the features should be."""
    days = [week - timedelta(days=back) for back in reversed(range(DAYS))]
    before = [days[0] - timedelta(days=back) for back in range(1, WEEKS_BEFORE * DAYS + 1)]
    features, found = list(_features(shelf, before, reference["features"], daily)), manifests(shelf, days)
    used = {feature.name for feature in features if feature.known["shap_share"] > 0}
    begun = min((day for source in SOURCES for day in shelf.built(f"silver/{source}")), default=days[0])
    tables = list(_tables(days, found, begun))
    findings = [
        *rules.missing_rates(features),
        *(finding for share in shares(found, daily) for finding in rules.share(*share)),
        *_volumes(shelf, days),
        *(finding for each in tables for finding in rules.absence(each["table"], each["expected"], each["days"])),
        *_columns(shelf, days, before, used),
        *(finding for feature in features for finding in (*rules.silence(feature), *rules.unit(feature))),
    ]
    return {"findings": rules.worst_first(findings), "tables": tables}


def manifests(shelf: Shelf, days: Sequence[date]) -> Manifests:
    """The manifests of each silver source table, and of the features, on the days that are built."""
    tables = {source: f"silver/{source}" for source in SOURCES} | {FEATURES: FEATURES}
    return {
        name: [partitions.existing(shelf.root, table, day) for day in _built(shelf, table, days)]
        for name, table in tables.items()
    }


def _built(shelf: Shelf, table: str, days: Sequence[date]) -> list[date]:
    return [day for day in days if day in shelf.built(table)]


def _summed(manifests: Sequence[Manifest]) -> Counter[str]:
    return sum((Counter(manifest.counts) for manifest in manifests), Counter())


def _tables(days: Sequence[date], found: Manifests, begun: date) -> Iterator[Json]:
    """How many days each table covers: a day counts once it is in silver. Days before the first landing do not count.

    Features are expected on the days on which all source tables landed.
    """
    expected = sum(day >= begun for day in days)
    for source in SOURCES:
        counts = _summed(found[source])
        rows = {"rows": counts["rows.in"], "rejected": counts["rows.rejected"] + counts["cells.rejected"]}
        yield {"table": source, "expected": expected, "days": len(found[source]), **rows}
    whole = len(set(days).intersection(*({each.date for each in found[source]} for source in SOURCES)))
    rows = {"rows": sum(each.rows for each in found[FEATURES]), "rejected": 0}
    yield {"table": FEATURES, "expected": whole, "days": min(len(found[FEATURES]), whole), **rows}


def shares(found: Manifests, daily: Sequence[Json]) -> Iterator[tuple[str, str, int, int]]:
    """For each rule and subject: how many rows break the rule, out of how many that it checked."""
    for source in SOURCES:
        counts, hits = _summed(found[source]), Counter[tuple[str, str]]()
        for name, count in counts.items():
            if of := _rule_of(name, source):
                hits[of] += count
        for (rule, subject), count in hits.items():
            yield rule, subject, count, counts.get(f"rule.{subject}.checked") or counts["rows.in"]
    counts = _summed(found[FEATURES])
    for partner in SOURCES[1:]:
        lost, alone = counts[f"without_{partner}"], counts[f"unmatched_{partner}"]
        yield "DQ-8", partner, lost + alone, counts["applications"] + alone
    yield "DQ-9", "application_date", counts["of_other_days"], counts["applications"]
    n = sum(row["rows"] for row in daily)  # applications only: servicing news would dilute the share of a new category
    for name in daily[0] if daily else ():
        if name.endswith(".unseen"):
            yield "DQ-3", name.removesuffix(".unseen"), sum(row[name] for row in daily), n


def _rule_of(name: str, source: str) -> tuple[str, str] | None:
    """The data quality rule and the subject that a count in a manifest belongs to, if any."""
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


def _volumes(shelf: Shelf, days: Sequence[date]) -> Iterator[Json]:
    for source in SOURCES:
        table, built = f"bronze/{source}", shelf.built(f"bronze/{source}")
        for day in _built(shelf, table, days):
            earlier = _built(shelf, table, [day - timedelta(weeks=n + 1) for n in range(WEEKS_BEFORE)])
            yield from rules.volume(source, day.isoformat(), built[day].rows, [built[one].rows for one in earlier])


def _columns(shelf: Shelf, days: Sequence[date], before: Sequence[date], used: set[str]) -> Iterator[Json]:
    """Landed columns that appeared or disappeared."""
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
            documented = name not in gone and _is_documented(known, name, days[-1])
            what = "absent" if name in gone else "new"
            yield rules.column(name, what, is_documented=documented, is_used=name in used)
        unknown = _unknown(shelf, table, days)
        for name in sorted(unknown - _unknown(shelf, table, before) if unknown else ()):
            yield rules.column(f"{source}.{name}", "unknown", is_documented=False, is_used=False)


def _unknown(shelf: Shelf, table: str, days: Sequence[date]) -> set[str]:
    found = (partitions.existing(shelf.root, table, day) for day in _built(shelf, table, days))
    return {name for manifest in found for name in manifest.notes.get("columns_unknown", ())}


def _is_documented(known: Contract, name: str, day: date) -> bool:
    era = next((column.era for column in known.columns if column.name == name), None)
    return era is not None and FIRST_ERA < era <= day.year


def daily(rows: pl.DataFrame, reference: Mapping[str, Json]) -> list[Json]:
    """For each day (`rows` are sorted by day): its rows and, per feature, how many have no value or an unseen category.

    And the median, but only if half of the values are so far off that their unit may have changed.
    """
    names = [name for name in reference if name in rows.columns]
    texts = [name for name in names if reference[name]["bins"]["kind"] == bins.TextLevels.__name__]
    usual = {name: it.median for name in names if (it := _usual(reference[name]))}
    found, ends = [], rows["snapshot_date"].rle().struct.field("len").cum_sum().to_list()
    for start, end in pairwise((0, *ends)):  # a group_by takes six times as long, expressions twice
        of = {column.name: column for column in rows.slice(start, end - start)}
        row: Json = {"snapshot_date": of["snapshot_date"].item(0), "rows": end - start}
        row |= {f"{name}.missing": of[name].null_count() for name in names}
        row |= {f"{name}.unseen": (of[name] == UNSEEN).sum() for name in texts}
        for name, median in usual.items():
            beyond = max((of[name] < median / UNIT_FACTOR).sum(), (of[name] > median * UNIT_FACTOR).sum())
            if 2 * beyond >= end - start - row[f"{name}.missing"]:
                row[f"{name}.median"] = of[name].median()
        found.append(row)
    return found


def _features(
    shelf: Shelf, before: Sequence[date], reference: Mapping[str, Json], daily: Sequence[Json]
) -> Iterator[Feature]:
    known, earlier = contract.load(FEATURES), _built(shelf, FEATURES, before)
    often = [name for name, described in reference.items() if described["missing"] <= rules.OFTEN_THERE]
    silent = {name for name in often if any(row.get(f"{name}.missing", row["rows"]) == row["rows"] for row in daily)}
    filled = silent  # features that had values on some day before; looked up only for those that are silent now
    if earlier and silent:
        stored = shelf.scan(FEATURES, earlier)
        counts = stored.select(pl.col(silent.intersection(stored.collect_schema())).count()).collect()
        filled = {column.name for column in counts if column.sum()}
    for name, described in reference.items():
        documented = bool(daily) and _is_documented(known, name, daily[-1]["snapshot_date"])
        missing, median = f"{name}.missing", f"{name}.median"
        days = tuple(
            Day(row["snapshot_date"].isoformat(), n := int(row["rows"]), row.get(missing, n), row.get(median))
            for row in daily
        )
        yield Feature(name, described, _usual(described), documented, name in filled, days)


def _usual(described: Json) -> Usual | None:
    """From the reference, not from recent weeks: a fault that lasts a month must not become the norm."""
    frozen = bins.from_json(described["bins"])
    if not isinstance(frozen, bins.NumericBins):
        return None
    up_to = list(accumulate(described["rows"][: len(frozen.edges) + 1]))
    place = bisect_left(up_to, up_to[-1] / 2)
    if not up_to[-1] or place == len(frozen.edges) or (median := frozen.edges[place]) <= 0:
        return None
    low, high = (bisect_left(frozen.edges, edge) for edge in (median / UNIT_FACTOR, median * UNIT_FACTOR))
    return Usual(median, up_to[low] / up_to[-1], 1 - up_to[high - 1] / up_to[-1])
