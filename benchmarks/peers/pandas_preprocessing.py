"""Bronze text and typed silver in vectorised pandas. No rules, rejects, hashes, manifests or gold: less than ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from benchmarks.peers.work import EMP_LENGTH, columns, files


def typed(text: pd.Series, kind: str) -> pd.Series:
    if kind in ("integer", "number"):
        return pd.to_numeric(text, errors="coerce")
    if kind == "percent":
        return pd.to_numeric(text.str.strip().str.rstrip("%"), errors="coerce") / 100
    if kind == "months_term":
        return pd.to_numeric(text.str.strip().str.removesuffix(" months"), errors="coerce")
    if kind == "emp_length":
        return text.map(EMP_LENGTH)
    if kind in ("month", "date"):
        return pd.to_datetime(text, format="%b-%Y", errors="coerce")
    return text


def main(landing: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for table, path in files(landing).items():
        bronze = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
        bronze.to_parquet(out / f"bronze_{table}.parquet", compression="zstd")
        silver = pd.DataFrame({name: typed(bronze[name], kind) for name, kind in columns(table).items()})
        silver.drop_duplicates("id").to_parquet(out / f"silver_{table}.parquet", compression="zstd")


main(Path(sys.argv[1]), Path(sys.argv[2]))
