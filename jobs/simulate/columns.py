"""The four source tables as the public file writes them: columns in order, the eras they came with, and their texts."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.protocol import contract, strict_json
from jobs.protocol.calendar import MONTHS
from jobs.protocol.layers import SILVER_OF, SOURCES, UNSEEN

C = pl.col

# one value a loan: numbers with NaN for empty, texts as codes with -1, months with NaT; what no file shows among them
Columns = dict[str, npt.NDArray[Any]]

JOINT_SINCE, SECOND_SINCE = date(2015, 12, 1), date(2017, 3, 1)
ERAS = {2012: date(2012, 8, 1), 2015: JOINT_SINCE, 2017: SECOND_SINCE}
_HOME = Path(__file__).with_name("levels.json")
_LEVELS = strict_json.parse(_HOME.read_bytes(), where=_HOME)
PURPOSES: dict[str, dict[str, Any]] = _LEVELS["purposes"]  # each with its share, its title and its risk
STATES: dict[str, dict[str, Any]] = _LEVELS["states"]  # share in percent, first and last three digits of postal codes
SUB_GRADES: dict[str, dict[str, Any]] = _LEVELS["sub_grades"]  # int_rate in percent, and loans in a thousand

SINCE: dict[str, date] = {}  # from which issue month on a column is filled; it stands in every header, empty before
TABLES: dict[str, tuple[str, ...]] = {}
TEXTS: dict[str, list[str]] = {}  # by code: as the contract of a column has them, or as sources write and order them
for _table in sorted(SOURCES):
    _columns = [column for name in SILVER_OF[_table] for column in contract.load(f"silver/{name}").columns]
    _read = [column.name for column in _columns if column.parse]
    TABLES[_table] = tuple(dict.fromkeys((*_read, *contract.landed(_table))))  # some stay in bronze
    SINCE |= {column.name: ERAS[column.era] for column in _columns if column.era in ERAS}
    _enums = {column.name: column.schema["enum"] for column in _columns if "enum" in column.schema}
    TEXTS |= {name: [level for level in levels if level not in (None, UNSEEN)] for name, levels in _enums.items()}
del SINCE["disbursement_method"]  # the public file says Cash for every loan of before it was asked
TEXTS |= _LEVELS["texts"] | {
    "hardship_loan_status": _LEVELS["texts"]["loan_status"],
    "purpose": list(PURPOSES),
    "title": [each["title"] for each in PURPOSES.values()],
    "addr_state": list(STATES),
    "zip_code": [f"{digits:03d}xx" for digits in range(1000)],
}

EMPTY_CODE = -1
NO_MONTH, NO_DAY = np.datetime64("NaT", "M"), np.datetime64("NaT", "D")
MONTH_NAMES = [f"{month}-{year}" for year in range(1900, 2100) for month in MONTHS]
URL = "https://lendingclub.com/browse/loanDetail.action?loan_id={}"


def as_frame(table: str, month: date, columns: Columns) -> pl.DataFrame:
    """The table as its files show it, of loans issued in a month."""
    drawn = {"id": columns["id"]}
    shown = {"id": C("id"), "member_id": pl.format("MEM_{}", "id"), "url": pl.format(URL, "id")}
    for name in (name for name in TABLES[table] if name not in shown):
        texts, values = TEXTS.get(name), columns[name]
        if values.dtype.kind == "M":
            since = (values.astype("M8[M]") - np.datetime64("1900", "M")).astype(np.int64)
            texts, values = MONTH_NAMES, np.where(np.isnat(values), EMPTY_CODE, since)
        drawn[name] = np.asarray(values, np.float64 if texts is None else np.int64)
        shown[name] = C(name).fill_nan(None)
        if texts is not None:
            shown[name] = pl.lit(pl.Series(texts)).gather(pl.when(C(name) != EMPTY_CODE).then(C(name)))
        if month < SINCE.get(name, month):
            shown[name] = pl.when(pl.lit(value=False)).then(shown[name])
    return pl.DataFrame(drawn).select(shown[name].alias(name) for name in TABLES[table])
