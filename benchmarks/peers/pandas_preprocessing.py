"""Preprocessing in vectorised pandas: bronze, silver, rejects, rules, features. `work` says what is left out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.peers import engineered, work
from benchmarks.peers.pandas_cells import TYPES, Words, is_token, typed
from jobs.protocol.layers import UNSEEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.protocol.contract import Column

Masks = dict[str, dict[str, "pd.Series"]]  # by column and rule, the rows it refuses


def bronze(path: Path, out: Path) -> pd.DataFrame:
    text = pd.read_csv(path, engine="pyarrow", dtype="string", keep_default_na=False, na_values=[""])
    source = {"_source_file": path.name, "_source_row": np.arange(1, len(text) + 1)}
    write(text.assign(**source), out)
    return text


def clashes(text: pd.DataFrame, loans: pd.Series) -> pd.Series:
    """Rows that must go because others have their id: all, or where they are alike all but the first."""
    rule = pd.Series(pd.NA, index=text.index, dtype="string")
    twice = loans[loans.duplicated(keep=False) & loans.notna()]
    if twice.empty:
        return rule
    unlike = text.loc[twice.index].drop_duplicates().assign(loan=twice).groupby("loan").size()
    conflict = twice.map(unlike) > 1
    rule[twice.index[conflict]] = "duplicate_conflict"
    rule[twice.index[~conflict & twice.duplicated()]] = "duplicate_identical"
    return rule


def refused(text: pd.DataFrame, values: pd.DataFrame, columns: tuple[Column, ...]) -> Masks:
    """What refuses cells; of several rules the first."""
    words, found = Words(values), {}
    for column in columns:
        value, raw = values[column.name], text[column.name]
        seen = pd.Series(data=False, index=text.index)
        rules = []
        if value.isna().sum() > raw.isna().sum():
            rules.append(("parse", value.isna() & raw.notna() & ~is_token(raw, column)))
        rules += work.refusals(words, column, value)
        if column.parse == "category":
            rules.append(("unseen", value == UNSEEN))
        for rule, breaks in rules:
            rows = breaks.fillna(value=False).astype(bool) & ~seen
            if rows.any():
                found.setdefault(column.name, {})[rule] = rows
                seen |= rows
    return found


def cleaned(text: pd.DataFrame, table: str, silver: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The typed rows that stay, and the rejects."""
    columns = work.columns(table)
    values = pd.DataFrame({column.name: typed(text[column.name], column) for column in columns})
    near = {name: silver[other].set_index("id")[name] for other, name in work.COMPANIONS[table].items()}
    masks = refused(text, values.assign(**{name: values["id"].map(each) for name, each in near.items()}), columns)
    for name, rules in masks.items():
        for rows in (rows for rule, rows in rules.items() if rule != "unseen"):
            values.loc[rows, name] = pd.NA
    lines, gone = row_refusals(text, values)
    for name, rules in masks.items():
        for rule, rows in rules.items():
            here = text[rows & ~gone]
            lines.append(pd.DataFrame({"id": here["id"], "column": name, "raw": here[name], "rule": rule}))
    kept = values[~gone] if gone.any() else values
    made = {"member_id": kept["member_id"].fillna("MEM_" + kept["id"].astype("string"))}
    made["snapshot_date"] = pd.Timestamp(work.SNAPSHOT)
    if table == "loan_terms":
        spread = (kept["id"].astype("int64") % 2**31 * 2_654_435_761 % 2**32) // 2**16
        made["application_date"] = kept["issue_d"] + pd.to_timedelta(spread % kept["issue_d"].dt.days_in_month, "D")
    return kept.assign(**made), pd.concat(lines)


def row_refusals(text: pd.DataFrame, values: pd.DataFrame) -> tuple[list[pd.DataFrame], pd.Series]:
    """The rows that cannot be kept, and for which reason: the first one found."""
    gone, lines = pd.Series(data=False, index=text.index), []
    for name in (name for name in ("id", "issue_d") if name in values):
        rows = values[name].isna() & ~gone
        rule = text.loc[rows, "id"].isna().map({True: "no_id", False: "key"})
        lines.append(pd.DataFrame({"id": text["id"][rows], "column": name, "raw": text[name][rows], "rule": rule}))
        gone |= rows
    clash = clashes(text, values["id"])[~gone].dropna()
    lines.append(pd.DataFrame({"id": text["id"][clash.index], "column": None, "raw": None, "rule": clash}))
    gone[clash.index] = True
    return lines, gone


def counts(table: str, kept: pd.DataFrame, rejects: pd.DataFrame) -> dict[str, int]:
    words, found = Words(kept), {"rows.out": len(kept)}
    for name, rule in work.RULES[table].items():
        holds = rule(words)
        found |= {f"rule.{name}.checked": int(holds.notna().sum()), f"rule.{name}.failed": int((~holds).sum())}
    found |= {name: int(beyond.sum()) for name, beyond in work.soft_limits(words, table).items()}
    by_rule = rejects.groupby(["column", "rule"], dropna=False).size()
    return found | work.counts((*names, int(count)) for names, count in by_rule.items())


def features(silver: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Applications: loans with a row in at least one of the other tables."""
    rows = {name: frame[engineered.columns_read(name)] for name, frame in silver.items()}
    joined = rows["loan_terms"]
    for name, has in engineered.PARTNERS.items():
        partner = rows[name].assign(**{has: pd.array([True], "boolean").repeat(len(rows[name]))})
        joined = joined.merge(partner, on="id", how="left", validate="1:1")
    known = joined[list(engineered.PARTNERS.values())].fillna(value=False)
    joined = joined.assign(**known)[known.any(axis=1)]
    words = Words(joined)
    made = {each.name: engineered.expression(words, each.name).astype(TYPES[each.dtype]) for each in FEATURES}
    version = {"feature_set_version": np.int16(engineered.VERSION)}
    return joined[["id", "application_date", "snapshot_date"]].assign(**version, **made)


FEATURES = engineered.feature_columns()


def write(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, compression="zstd", compression_level=1, index=False)


def main(landing: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    silver: dict[str, pd.DataFrame] = {}
    paths = work.files(landing)
    for table in work.COMPANIONS:
        text = bronze(paths[table], out / f"bronze_{table}.parquet")
        silver[table], rejects = cleaned(text, table, silver)
        for name, columns in work.outputs(table).items():
            write(silver[table][columns], out / f"silver_{name}.parquet")
        write(rejects.astype("string"), out / f"rejects_{table}.parquet")
        (out / f"counts_{table}.json").write_text(json.dumps(counts(table, silver[table], rejects)))
    write(features(silver), out / "features.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
