"""The landed columns against those of the public file: names, eras, identities, formats, distributions."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from jobs.protocol import contract
from jobs.simulate.columns import TABLES, TEXTS
from tests.simulate.simulated import landed, run

C = pl.col
SAMPLE = Path(
    os.environ.get("LENDING_CLUB_SAMPLE")
    or Path(__file__).parents[2] / "../shared/data/lending_club_sample/lending_club_sample.csv"
)
needs_sample = pytest.mark.skipif(not SAMPLE.exists(), reason="the sample of real loans is not on this machine")


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Applications of spring 2018, all four tables side by side, as text."""
    root = tmp_path_factory.mktemp("loans")
    run(root, "2018-03-02", "2018-03-31", loans=300)
    whole = landed(root, "loan_terms")
    for table in ("credit_history", "demographic", "financial"):
        whole = whole.join(landed(root, table).drop("row", "date"), on=["id", "member_id"], validate="1:1")
    return whole


@pytest.fixture(scope="module")
def numbers(loans: pl.DataFrame) -> pl.DataFrame:
    return as_numbers(loans)


def as_numbers(loans: pl.DataFrame) -> pl.DataFrame:
    cast = {
        name: loans[name].cast(pl.Float64, strict=False) for name in loans.columns if loans.schema[name] == pl.String
    }
    whole = [values for name, values in cast.items() if values.null_count() == loans[name].null_count()]
    return loans.with_columns(values for values in whole if values.name != "id")


def test_the_four_tables_hold_151_columns() -> None:
    assert len({name for names in TABLES.values() for name in names}) == 151
    assert all(names[:2] == ("id", "member_id") for names in TABLES.values())
    columns = [name for names in TABLES.values() for name in names[2:]]
    assert len(columns) == len(set(columns)) == 149


IDENTITIES = {
    "member": C("member_id") == pl.format("MEM_{}", C("id")),
    "annuity": (C("installment") - C("annuity")).is_between(0, 0.010001),
    "grade": C("sub_grade").str.head(1) == C("grade"),
    "invested": C("funded_amnt_inv") <= C("funded_amnt"),
    "funded": C("funded_amnt") <= C("loan_amnt"),
    "accounts": C("open_acc") <= C("total_acc"),
    "parts": C("num_il_tl") + C("num_rev_accts") + C("mort_acc") == C("total_acc"),
    "satisfactory": C("num_sats") <= C("open_acc"),
    "fico": C("fico_range_high") - C("fico_range_low") == pl.when(C("fico_range_low") == 845).then(5).otherwise(4),
    "fico step": C("fico_range_low") % 5 == 0,
    "cards": C("num_bc_sats") <= C("num_bc_tl"),
    "cards are revolving": C("num_bc_tl") <= C("num_rev_accts"),
    "open revolving": C("num_op_rev_tl") <= C("num_rev_accts"),
    "active": C("num_actv_bc_tl") <= C("num_actv_rev_tl"),
    "instalment years": C("open_il_12m") <= C("open_il_24m"),
    "revolving years": C("open_rv_12m") <= C("open_rv_24m"),
    "year": C("num_tl_op_past_12m") <= C("acc_open_past_24mths"),
    "half year": C("open_acc_6m") <= C("num_tl_op_past_12m"),
    "inquiries": C("inq_last_6mths") <= C("inq_last_12m"),
    "records": C("pub_rec_bankruptcies") + C("tax_liens") <= C("pub_rec"),
    "record dates": C("mths_since_last_record").is_not_null() == (C("pub_rec") > 0),
    "late lately": (C("delinq_2yrs") > 0).le(C("mths_since_last_delinq").fill_null(999) < 24),
    "newest": C("mo_sin_rcnt_tl") <= C("mo_sin_rcnt_rev_tl_op"),
    "newest is not oldest": C("mo_sin_rcnt_rev_tl_op") <= C("mo_sin_old_rev_tl_op"),
    "revolving balance": (C("revol_bal") - C("total_rev_hi_lim") * C("revol_util") / 100).abs() <= 0.5001,
    "card balance": C("max_bal_bc") <= C("revol_bal"),
    "card limit": C("total_bc_limit") <= C("total_rev_hi_lim"),
    "without house": C("total_bal_ex_mort") == C("revol_bal") + C("total_bal_il"),
    "balance": C("total_bal_ex_mort") <= C("tot_cur_bal"),
    "limit": C("tot_cur_bal") <= C("tot_hi_cred_lim"),
    "joint": (C("application_type") == "Joint App") == C("annual_inc_joint").is_not_null(),
    "joint income": (C("annual_inc_joint") >= C("annual_inc")).fill_null(value=True),
    "second fico": (C("sec_app_fico_range_high") - C("sec_app_fico_range_low")).fill_null(4).is_between(4, 5),
    "second accounts": (C("sec_app_open_act_il") <= C("sec_app_open_acc")).fill_null(value=True),
    "nothing paid": (C("total_pymnt") == 0) & C("last_pymnt_d").is_null() & (C("out_prncp") == C("funded_amnt")),
    "nothing known": (C("loan_status") == "Current") & C("hardship_type").is_null() & C("settlement_status").is_null(),
    "no news": (C("last_fico_range_low") == C("fico_range_low")) & (C("last_credit_pull_d") == C("issue_d")),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_application_keeps_the_identity(numbers: pl.DataFrame, name: str) -> None:
    monthly, months = C("int_rate") / 1200, C("term").str.strip_chars().str.head(2).cast(pl.Int64)
    annuity = C("funded_amnt") * monthly / (1 - (1 + monthly) ** -months)
    broken = numbers.filter(C("loan_status") == "Current").with_columns(annuity=annuity).filter(~IDENTITIES[name])
    assert broken.height == 0


def test_a_credit_file_is_older_than_the_loan(loans: pl.DataFrame) -> None:
    earliest = loans["earliest_cr_line"].str.to_date("%b-%Y")
    assert (earliest < loans["issue_d"].str.to_date("%b-%Y")).all()
    assert (earliest.dt.year() >= 1930).all()


ERAS = {"2012-08": (2012, "2012-07"), "2015-12": (2015, "2015-11"), "2017-03": (2017, "2017-02")}


@pytest.mark.parametrize("since", ERAS)
def test_the_columns_of_an_era_are_empty_before_it_and_filled_from_its_first_month_on(
    tmp_path: Path, since: str
) -> None:
    """As in the public file they stand in the header all the same; how a loan is paid out was always written."""
    era, before = ERAS[since]
    names = [name for table in TABLES for name in _of_era(table, era)]
    assert len(names) >= 13
    for month, is_filled in ((before, False), (since, True)):
        root = tmp_path / month
        root.mkdir()
        run(root, f"{month}-10", f"{month}-12", loans=150)
        frames = [landed(root, table) for table in TABLES]
        values = {name: frame[name].null_count() < frame.height for frame in frames for name in frame.columns}
        assert {name for name in names if values[name] is not is_filled} == set()


@pytest.mark.parametrize(("start", "levels"), [("2017-02-10", {"Cash"}), ("2017-03-10", {"Cash", "DirectPay"})])
def test_paying_creditors_directly_begins_in_2017_and_cash_is_written_before(
    tmp_path: Path, start: str, levels: set[str]
) -> None:
    run(tmp_path, start, start, loans=300)
    assert set(landed(tmp_path, "loan_terms")["disbursement_method"]) == levels


def _of_era(table: str, era: int) -> list[str]:
    columns = contract.load(f"silver/{table}").columns
    return [column.name for column in columns if column.era == era and column.name != "disbursement_method"]


def test_joint_applications_begin_with_their_era(tmp_path: Path) -> None:
    shares = []
    for month in ("2015-11", "2016-01"):
        (tmp_path / month).mkdir()
        run(tmp_path / month, f"{month}-05", f"{month}-14", loans=200)
        kinds = landed(tmp_path / month, "demographic")["application_type"]
        shares.append((kinds == "Joint App").mean())
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.08, abs=0.025)


SHAPES = {"3.0": r"\A\d+\.0\z", "3.5": r"\A\d+\.\d+\z", "Dec-2015": r"\A[A-Z][a-z]{2}-\d{4}\z"}


@needs_sample
def test_texts_have_the_shape_of_the_public_file(loans: pl.DataFrame) -> None:
    real = pl.read_csv(SAMPLE, infer_schema=False)
    assert set(real.columns) == {name for names in TABLES.values() for name in names}
    free = {"id", "member_id", "url", "desc", "title", "emp_title", "zip_code"}
    for name in sorted(set(real.columns) - free):
        ours, theirs = loans[name].drop_nulls(), real[name].drop_nulls()
        if name in TEXTS:
            allowed = set(theirs.to_list()) | {"Default", "ACTIVE", "BROKEN", *TEXTS[name]} & set(TEXTS[name])
            assert set(ours.to_list()) <= allowed, name
        elif len(ours):
            shapes = [shape for shape in SHAPES.values() if theirs.str.contains(shape).all()]
            assert any(ours.str.contains(shape).all() for shape in shapes), name


@needs_sample
def test_quartiles_lie_near_those_of_real_loans(numbers: pl.DataFrame) -> None:
    """Within a quarter of the real spread between the outer deciles, or within one for small counts."""
    real = as_numbers(pl.read_csv(SAMPLE, infer_schema=False)).filter(C("issue_d").str.contains("201[678]"))
    outcomes = {column.name for column in contract.load("silver/loan_performance").columns}
    outcomes |= {"member_id", "last_fico_range_low", "last_fico_range_high"}
    names = [name for name in real.columns if real.schema[name] == pl.Float64 and name not in outcomes]
    far = []
    for name in names:
        ours, theirs = numbers[name].drop_nulls(), real[name].drop_nulls()
        spread = theirs.quantile(0.9) - theirs.quantile(0.1)  # type: ignore[operator]
        for part in (0.25, 0.5, 0.75):
            off = abs(ours.quantile(part, "linear") - theirs.quantile(part, "linear"))  # type: ignore[operator]
            if off > max(1, spread / 4):
                far.append((name, part))
    assert len(names) > 80
    assert far == []


@needs_sample
@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("fico_range_low", other) for other in ("int_rate", "revol_util", "total_bc_limit", "pub_rec")),
        *(("annual_inc", other) for other in ("loan_amnt", "dti", "tot_cur_bal", "int_rate")),
        *(("revol_bal", other) for other in ("loan_amnt", "revol_util", "total_rev_hi_lim")),
        *(("int_rate", other) for other in ("dti", "inq_last_6mths", "revol_util")),
        *(("open_acc", other) for other in ("total_acc", "num_bc_tl", "acc_open_past_24mths")),
    ],
)
def test_columns_hang_together_as_in_real_loans(numbers: pl.DataFrame, one: str, other: str) -> None:
    real = as_numbers(pl.read_csv(SAMPLE, infer_schema=False))
    ours, theirs = (
        frame.select(pl.corr(one, other, method="spearman")).item()
        for frame in (numbers, real.drop_nulls([one, other]))
    )
    assert ours == pytest.approx(theirs, abs=0.26)
    assert ours * theirs > 0
