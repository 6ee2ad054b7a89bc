"""Dirt as real files have it: each kind at one rate, every spoiled cell and added row written down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from jobs.simulate.chance import Ints, chance

C = pl.col
LOG = {
    "row": pl.Int64,  # 1 = first data row of the spoiled file
    "column": pl.String,  # null for a whole row that was added
    "kind": pl.String,
    "harmless": pl.Boolean,  # a reader that knows the format still finds the clean value
    "was": pl.String,
    "now": pl.String,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to spoil a cell: `now` is null where this row gives no occasion for it."""

    name: str
    column: str
    now: pl.Expr
    harmless: bool = False


def _where(occasion: pl.Expr, now: pl.Expr | str) -> pl.Expr:
    return pl.when(occasion).then(pl.lit(now) if isinstance(now, str) else now)


def _always(text: str) -> pl.Expr:
    return pl.lit(text)


KINDS = {
    "credit_history": (
        Kind("two_digit_year", "earliest_cr_line", C("earliest_cr_line").str.replace(r"-\d\d(\d\d)$", "-$1")),
        Kind("credit_line_after_issue", "earliest_cr_line", _always("Jan-2059")),
        Kind("credit_line_before_1930", "earliest_cr_line", _always("Jan-1901")),
        Kind("fico_range_too_wide", "fico_range_high", C("fico_range_low") - 14),
        Kind("more_records_than_public", "tax_liens", C("pub_rec") + 3),
        Kind("null_token", "mort_acc", _always("None")),
        Kind("not_a_number", "inq_last_6mths", _always("#REF!")),
    ),
    "demographic": (
        Kind("null_token", "emp_length", _always("n/a")),
        Kind("impossible_length", "emp_length", _always("12 years")),
        Kind("no_income", "annual_inc", _always("0.0")),
        Kind("negative_income", "annual_inc", _always("-1.0")),
        Kind("legal_none", "home_ownership", _always("NONE")),
        Kind(
            "blanks_and_case",
            "home_ownership",
            pl.format("  {} ", C("home_ownership").str.to_lowercase()),
            harmless=True,
        ),
        Kind("unseen_level", "verification_status", _always("Verified by drone")),
        Kind("joint_income_alone", "annual_inc_joint", _where(C("application_type") == "Individual", "90000.0")),
        Kind("bad_zip_code", "zip_code", C("zip_code").str.slice(0, 2)),
    ),
    "financial": (
        Kind("percent_sign", "revol_util", pl.format("{}%", C("revol_util")), harmless=True),
        Kind("utilisation_over_150", "revol_util", _always("892.3")),
        Kind("sentinel_999", "dti", _always("999.0")),
        Kind("sentinel_minus_1", "dti", _always("-1.0")),
        Kind("more_open_than_total", "open_acc", C("total_acc") + 1),
        Kind("more_good_than_all_cards", "num_bc_sats", C("num_bc_tl") + 1),
        Kind("year_over_two_years", "open_il_12m", C("open_il_24m") + 1),
        Kind("joint_dti_alone", "dti_joint", _where(C("dti_joint").is_null(), "12.5")),
        Kind("null_token", "bc_util", _always("NaN")),
        Kind("null_token", "il_util", _always("nan")),
        Kind("null_token", "tot_coll_amt", _always("NULL")),
        Kind("not_a_number", "revol_bal", _always("#REF!")),
    ),
    "loan_terms": (
        Kind("percent_sign", "int_rate", pl.format(" {}%", C("int_rate")), harmless=True),
        Kind("impossible_term", "term", _always(" 48 months")),
        Kind("no_leading_blank", "term", C("term").str.strip_chars(), harmless=True),
        Kind("two_digit_year", "issue_d", C("issue_d").str.replace(r"-\d\d(\d\d)$", "-$1")),
        Kind("id_not_digits", "id", pl.format("LC{}", C("id"))),
        Kind("tiny_negative_fee", "total_rec_late_fee", _where(C("total_rec_late_fee") == 0, "-1e-9"), harmless=True),
        Kind("blanks_and_case", "purpose", pl.format(" {}", C("purpose").str.to_titlecase()), harmless=True),
        Kind("unseen_level", "purpose", _always("crypto")),
        Kind("annuity_broken", "installment", (1.05 * C("installment")).round(2)),
        Kind("grade_and_sub_grade", "sub_grade", pl.when(C("grade") == "G").then(pl.lit("A1")).otherwise(pl.lit("G5"))),
        Kind("funded_over_asked", "funded_amnt", C("loan_amnt") + 1_000),
        Kind("invested_over_funded", "funded_amnt_inv", C("funded_amnt") + 2_000),
        Kind("paid_before_issue", "last_pymnt_d", _where(C("last_pymnt_d").is_not_null(), "Jan-1999")),
        Kind("payments_do_not_add_up", "total_pymnt", C("total_pymnt") + 250),
        Kind("paid_with_balance", "out_prncp", _where(C("loan_status") == "Fully Paid", "123.45")),
        Kind("not_a_number", "loan_amnt", _always("#REF!")),
    ),
}
OTHER_STATE = pl.when(C("addr_state") == "DC").then(pl.lit("WY")).otherwise(pl.lit("DC"))
CONFLICTS = {
    "credit_history": Kind("conflicting_duplicate", "pub_rec", C("pub_rec") + 1),
    "demographic": Kind("conflicting_duplicate", "addr_state", OTHER_STATE),
    "financial": Kind("conflicting_duplicate", "dti", C("dti") + 1),
    "loan_terms": Kind("conflicting_duplicate", "loan_amnt", C("loan_amnt") + 1),
}
FOOTER = "Total amount funded in policy code 1: 460296150"
Cells = dict[tuple[int, str], tuple[str, bool, str | None, str]]  # row, column: kind, harmless, was, now


def spoil(table: str, clean: pl.DataFrame, rate: float, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The spoiled file and the log of what was done; rows that are added stand after all others."""
    size, kinds = clean.height, KINDS[table]
    cells = _spoiled(clean, kinds, [np.flatnonzero(chance(rng, rate, size)) for _ in kinds])
    touched = {row - 1 for row, _ in cells}
    copied = [place for place in np.flatnonzero(chance(rng, rate, size)).tolist() if place not in touched]
    equal = int(rng.integers(0, len(copied) + 1))
    frame = pl.concat([clean, clean[copied]])
    footers = int(chance(rng, rate, size).sum())
    log = [(size + 1 + each, None, "duplicate", True, None, None) for each in range(equal)]
    log += [(frame.height + 1 + each, None, "footer", False, None, None) for each in range(footers)]
    cells |= _spoiled(frame, (CONFLICTS[table],), [np.arange(size + equal, frame.height)])
    rows = [*((*place, *what) for place, what in cells.items()), *log]
    return _with_footers(_with_cells(frame, cells), footers), pl.DataFrame(rows, LOG, orient="row").sort(
        "row", "column"
    )


def _spoiled(frame: pl.DataFrame, kinds: tuple[Kind, ...], places: list[Ints]) -> Cells:
    """Of two kinds that hit one cell the first spoils it."""
    was = frame.select(C(kind.column).cast(pl.String).alias(str(number)) for number, kind in enumerate(kinds))
    now = frame.select(C(frame.columns[0]), *(kind.now.cast(pl.String).alias(str(n)) for n, kind in enumerate(kinds)))
    cells: Cells = {}
    for number, kind in enumerate(kinds):
        olds, news = was[str(number)].to_list(), now[str(number)].to_list()
        for place in places[number].tolist():
            if news[place] is not None:
                what = (kind.name, kind.harmless, olds[place], news[place])
                cells.setdefault((place + 1, kind.column), what)
    return cells


def _with_cells(frame: pl.DataFrame, cells: Cells) -> pl.DataFrame:
    spoiled: dict[str, dict[int, str]] = {}
    for (row, column), (*_, now) in cells.items():
        spoiled.setdefault(column, {})[row - 1] = now
    texts = (frame[name].cast(pl.String).scatter(list(cell), list(cell.values())) for name, cell in spoiled.items())
    return frame.with_columns(texts)


def _with_footers(frame: pl.DataFrame, footers: int) -> pl.DataFrame:
    tail = pl.DataFrame({"id": [FOOTER] * footers}, schema={"id": pl.String})
    return pl.concat([frame.cast({"id": pl.String}), tail], how="diagonal")
