"""Spoil files as real ones are: each kind of dirt at the same rate, with a log of every spoiled cell and added row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from jobs.simulate.chance import Draw, Flags

C = pl.col
LOG = {
    "row": pl.Int64,  # 1 = first data row of the spoiled file
    "column": pl.String,  # null for a whole row that was added
    "kind": pl.String,
    "harmless": pl.Boolean,  # a reader that knows the format still finds the clean value
    "was": pl.String,
    "now": pl.String,
}


class Kind(NamedTuple):
    """One way to spoil a cell: `now` is its new text, or null if it cannot be spoiled in this way."""

    name: str
    column: str
    now: pl.Expr | str


def _where(occasion: pl.Expr, now: str) -> pl.Expr:
    return pl.when(occasion).then(pl.lit(now))


KINDS = {
    "credit_history": (
        Kind("two_digit_year", "earliest_cr_line", C("earliest_cr_line").str.replace(r"-\d\d(\d\d)$", "-$1")),
        Kind("credit_line_after_issue", "earliest_cr_line", "Jan-2059"),
        Kind("credit_line_before_1930", "earliest_cr_line", "Jan-1901"),
        Kind("fico_range_too_wide", "fico_range_high", C("fico_range_low") - 14),
        Kind("more_records_than_public", "tax_liens", C("pub_rec") + 3),
        Kind("null_token", "mort_acc", "None"),
        Kind("not_a_number", "inq_last_6mths", "#REF!"),
    ),
    "demographic": (
        Kind("null_token", "emp_length", "n/a"),
        Kind("impossible_length", "emp_length", "12 years"),
        Kind("no_income", "annual_inc", "0.0"),
        Kind("negative_income", "annual_inc", "-1.0"),
        Kind("legal_none", "home_ownership", "NONE"),
        Kind("blanks_and_case", "home_ownership", pl.format("  {} ", C("home_ownership").str.to_lowercase())),
        Kind("unseen_level", "verification_status", "Verified by drone"),
        Kind("joint_income_alone", "annual_inc_joint", _where(C("application_type") == "Individual", "90000.0")),
        Kind("bad_zip_code", "zip_code", C("zip_code").str.slice(0, 2)),
    ),
    "financial": (
        Kind("percent_sign", "revol_util", pl.format("{}%", C("revol_util"))),
        Kind("utilisation_over_150", "revol_util", "892.3"),
        Kind("sentinel_999", "dti", "999.0"),
        Kind("sentinel_minus_1", "dti", "-1.0"),
        Kind("more_open_than_total", "open_acc", C("total_acc") + 1),
        Kind("more_good_than_all_cards", "num_bc_sats", C("num_bc_tl") + 1),
        Kind("year_over_two_years", "open_il_12m", C("open_il_24m") + 1),
        Kind("joint_dti_alone", "dti_joint", _where(C("dti_joint").is_null(), "12.5")),
        Kind("null_token", "bc_util", "NaN"),
        Kind("null_token", "il_util", "nan"),
        Kind("null_token", "tot_coll_amt", "NULL"),
        Kind("not_a_number", "revol_bal", "#REF!"),
    ),
    "loan_terms": (
        Kind("percent_sign", "int_rate", pl.format(" {}%", C("int_rate"))),
        Kind("impossible_term", "term", " 48 months"),
        Kind("no_leading_blank", "term", C("term").str.strip_chars()),
        Kind("two_digit_year", "issue_d", C("issue_d").str.replace(r"-\d\d(\d\d)$", "-$1")),
        Kind("id_not_digits", "id", pl.format("LC{}", C("id"))),
        Kind("tiny_negative_fee", "total_rec_late_fee", _where(C("total_rec_late_fee") == 0, "-1e-9")),
        Kind("blanks_and_case", "purpose", pl.format(" {}", C("purpose").str.to_titlecase())),
        Kind("unseen_level", "purpose", "crypto"),
        Kind("annuity_broken", "installment", (1.05 * C("installment")).round(2)),
        Kind("grade_and_sub_grade", "sub_grade", pl.when(C("grade") == "G").then(pl.lit("A1")).otherwise(pl.lit("G5"))),
        Kind("funded_over_asked", "funded_amnt", C("loan_amnt") + 1_000),
        Kind("invested_over_funded", "funded_amnt_inv", C("funded_amnt") + 2_000),
        Kind("paid_before_issue", "last_pymnt_d", _where(C("last_pymnt_d").is_not_null(), "Jan-1999")),
        Kind("payments_do_not_add_up", "total_pymnt", C("total_pymnt") + 250),
        Kind("paid_with_balance", "out_prncp", _where(C("loan_status") == "Fully Paid", "123.45")),
        Kind("not_a_number", "loan_amnt", "#REF!"),
    ),
}
OTHER_STATE = pl.when(C("addr_state") == "DC").then(pl.lit("WY")).otherwise(pl.lit("DC"))
CONFLICTS = {
    "credit_history": Kind("conflicting_duplicate", "pub_rec", C("pub_rec") + 1),
    "demographic": Kind("conflicting_duplicate", "addr_state", OTHER_STATE),
    "financial": Kind("conflicting_duplicate", "dti", C("dti") + 1),
    "loan_terms": Kind("conflicting_duplicate", "loan_amnt", C("loan_amnt") + 1),
}
HARMLESS = {"blanks_and_case", "no_leading_blank", "percent_sign", "tiny_negative_fee"}
FOOTER = "Total amount funded in policy code 1: 460296150"


def spoil(table: str, clean: pl.DataFrame, rate: float, draw: Draw) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The spoiled file and the log of what was done; added rows come last."""
    size = clean.height
    cells = _spoiled(clean, [(kind, draw.happens(rate)) for kind in KINDS[table]])
    copied = np.flatnonzero(draw.happens(rate) & ~np.isin(np.arange(1, size + 1), cells["row"].to_numpy()))
    equal = int(draw.rng.integers(0, len(copied) + 1))
    frame = pl.concat([clean, clean[copied]])
    footers = int(draw.happens(rate).sum())
    cells = pl.concat([cells, _spoiled(frame, [(CONFLICTS[table], np.arange(frame.height) >= size + equal)])])
    added = [(size + 1 + each, None, "duplicate", True, None, None) for each in range(equal)]
    added += [(frame.height + 1 + each, None, "footer", False, None, None) for each in range(footers)]
    for (column,), spoiled in cells.partition_by("column", as_dict=True).items():
        frame = frame.with_columns(frame[column].cast(pl.String).scatter(spoiled["row"] - 1, spoiled["now"]))
    tail = pl.DataFrame({"id": [FOOTER] * footers}, schema={"id": pl.String})
    frame = pl.concat([frame.cast({"id": pl.String}), tail], how="diagonal")
    return frame, pl.concat([cells, pl.DataFrame(added, LOG, orient="row")]).sort("row", "column")


def _spoiled(frame: pl.DataFrame, hits: list[tuple[Kind, Flags]]) -> pl.DataFrame:
    """The log of spoiled cells. If two kinds hit the same cell, the first one spoils it."""
    texts = frame.with_row_index("row", offset=1)
    parts = [
        texts.filter(pl.Series(hit)).select(
            C("row").cast(pl.Int64),
            column=pl.lit(kind.column),
            kind=pl.lit(kind.name),
            harmless=pl.lit(kind.name in HARMLESS),
            was=C(kind.column).cast(pl.String),
            now=(pl.lit(kind.now) if isinstance(kind.now, str) else kind.now).cast(pl.String),
        )
        for kind, hit in hits
    ]
    changed = pl.concat(parts).filter(C("now").is_not_null())
    return changed.unique(["row", "column"], keep="first", maintain_order=True)
