"""The whole command: what lands, what is told, what is refused, and what a second run leaves alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from jobs.import_lending_club import columns
from jobs.import_lending_club.job import ranges
from jobs.protocol.files import DRAFT
from tests.import_lending_club.public_file import TABLES, id_applied_on, landed, loan, put, report, run, text_of, tree
from tests.progress import finished

SAMPLE = Path(
    os.environ.get("LENDING_CLUB_SAMPLE")
    or Path(__file__).parents[3] / "shared/data/lending_club_sample/lending_club_sample.csv"
)
APPLIED = date(2015, 12, 10)
FIRST = id_applied_on(APPLIED)
SECOND = id_applied_on(APPLIED + timedelta(days=2), after=int(FIRST))
FOOTER = "\nTotal amount funded in policy code 1: 10000\n"


def two_loans(folder: Path, name: str = "loans.csv") -> Path:
    return put(folder, text_of(loan(id=FIRST), loan(id=SECOND)) + FOOTER, name)


def test_an_application_lands_in_all_four_tables_and_its_outcome_in_one(tmp_path: Path) -> None:
    paid = loan(id=FIRST, last_pymnt_d="Jul-2016")
    given = put(tmp_path, text_of(paid, loan(id=SECOND, loan_status="Charged Off")))
    assert run(tmp_path / "root", given) == 0
    applied = [(FIRST, f"MEM_{FIRST}", date(2015, 12, 11)), (SECOND, f"MEM_{SECOND}", date(2015, 12, 13))]
    for table in TABLES:
        rows = landed(tmp_path / "root", table)
        assert rows.select("id", "member_id", "snapshot_date").rows()[:2] == applied
        assert tuple(rows.columns[:-1]) == columns.TABLES[table]
    rows = landed(tmp_path / "root", "loan_terms").select("id", "snapshot_date", "loan_status", "last_pymnt_d")
    assert rows.rows()[2:] == [
        (SECOND, date(2016, 3, 15), "Late (31-120 days)", "Jan-2016"),
        (SECOND, date(2016, 7, 12), "Charged Off", "Jan-2016"),
        (FIRST, date(2016, 8, 1), "Fully Paid", "Jul-2016"),
    ]
    assert landed(tmp_path / "root", "credit_history")["last_fico_range_high"].to_list() == [None, None]
    assert landed(tmp_path / "root", "demographic").height == 2


def test_a_file_to_import_may_be_given_as_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(two_loans(tmp_path))
    assert run(tmp_path / "root", tmp_path / "link.csv") == 0
    assert landed(tmp_path / "root", "demographic").height == 2


def test_every_day_has_all_four_files_each_with_its_hash(tmp_path: Path) -> None:
    assert run(tmp_path / "root", two_loans(tmp_path)) == 0
    days = [date(2015, 12, 11) + timedelta(days=number) for number in range(53)]
    assert days[-1] == date(2016, 2, 1)  # the day after the cut-off
    for table in TABLES:
        folder = tmp_path / "root/datamart/landing" / table
        names = [f"{table}_{day:%Y_%m_%d}.csv" for day in days]
        assert sorted(os.listdir(folder)) == sorted([*names, *(f"{name}.sha256" for name in names)])
        for name in names:
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            assert (folder / f"{name}.sha256").read_text() == f"{digest}  {name}\n"
        empty = (folder / f"{table}_2016_01_09.csv").read_text()
        assert empty == ",".join(columns.TABLES[table]) + "\n"


def test_text_is_kept_as_the_file_has_it(tmp_path: Path) -> None:
    hostile = 'says "a, b"\nand\rmore; =1+1'
    given = put(tmp_path, text_of(loan(id=FIRST, desc=hostile, int_rate=" 10.65%", emp_length="n/a")))
    assert run(tmp_path / "root", given) == 0
    row = landed(tmp_path / "root", "loan_terms").row(-1, named=True)
    assert (row["term"], row["int_rate"], row["desc"], row["url"]) == (" 36 months", " 10.65%", hostile, None)
    assert landed(tmp_path / "root", "demographic")["emp_length"].to_list() == ["n/a"]


def test_the_report_accounts_for_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [loan(id=FIRST), loan(id=""), loan(id=FIRST), loan(id=FIRST, dti="1"), loan(id="5", issue_d="soon")]
    given = put(tmp_path, text_of(*rows) + "cut,short\n" + FOOTER)
    assert run(tmp_path / "root", given) == 0
    told = report(tmp_path / "root")
    assert told["rows"] == {"read": 7, "imported": 1, "skipped": 6}
    assert told["files"][0]["skipped"] == {
        "conflicting_loan": "4", "footer": "7", "no_id": "2", "no_issue_month": "5", "repeated_loan": "3",
        "wrong_number_of_fields": "6",
    }  # fmt: skip
    assert told["cut_off"]["date"] == "2016-01-31"
    assert told["landing"]["rows"] == {"credit_history": 1, "demographic": 1, "financial": 1, "loan_terms": 2}
    days = sorted(path.stem[-10:].replace("_", "-") for path in tmp_path.rglob("demographic_*.csv"))
    assert (told["landing"]["first"], told["landing"]["last"]) == (days[0], days[-1])
    said = capsys.readouterr().out
    assert '"reasons": {"footer": 1, "wrong_number_of_fields": 1, "no_id": 1' in said
    assert f'"what": "landing", "done": {len(days)}, "of": {len(days)}' in said


def test_a_file_is_named_after_its_hash_and_after_all_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts: list[str] = []
    real = Path.replace

    def replace(path: Path, target: Path) -> Path:
        acts.append(target.name)
        return real(path, target)

    monkeypatch.setattr(os, "sync", lambda: acts.append("sync"))
    monkeypatch.setattr(Path, "replace", replace)
    assert run(tmp_path / "root", two_loans(tmp_path)) == 0
    *landing, report_name = acts
    assert (landing[0], landing[-1], report_name.startswith("loans-")) == ("sync", "sync", True)
    assert all(landing[at] == f"{landing[at + 1]}.sha256" for at in range(1, len(landing) - 1, 2))


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([7], "7"), ([3, 1, 2], "1-3"), ([1, 2, 4, 6, 7, 8], "1-2, 4, 6-8")],
)
def test_ranges_name_every_row(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text


def test_a_report_that_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    assert run(tmp_path / "root", two_loans(tmp_path)) == 0
    (path,) = (tmp_path / "root/imports").glob("*.json")
    before = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    assert run(tmp_path / "root", tmp_path / "loans.csv") == 0
    assert path.read_bytes() == before


def test_a_root_whose_name_is_a_pattern_is_as_good_as_any(tmp_path: Path) -> None:
    assert run(tmp_path / "club[1]", two_loans(tmp_path)) == 0
    assert landed(tmp_path / "club[1]", "demographic").height == 2


def test_the_same_files_again_leave_every_byte_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [two_loans(tmp_path, "b.csv"), put(tmp_path, text_of(loan(id="9")), "a.csv")]
    assert run(tmp_path / "root", *files) == 0
    assert finished(capsys.readouterr().out) == {"reading", "landing"}
    before = tree(tmp_path / "root")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "root/datamart").rglob("*")}
    assert run(tmp_path / "root", *reversed(files)) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["event"] == "nothing_to_do"
    assert (tmp_path / "root" / said["report"]).is_file()
    assert tree(tmp_path / "root") == before
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "root/datamart").rglob("*")} == times


@pytest.mark.parametrize(
    "step", [pytest.param(3, id="before-its-report"), pytest.param(100, id="and-files-lost-later")]
)
def test_an_import_cut_short_is_finished_by_the_next(step: int, tmp_path: Path) -> None:
    given = two_loans(tmp_path)
    assert run(tmp_path / "whole", given) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "root")
    for path in sorted((tmp_path / "root").rglob("*"))[::step]:
        if path.is_file() and path.suffix != ".json":
            path.unlink()
    if step == 3:
        shutil.rmtree(tmp_path / "root/imports")
    (tmp_path / "root/imports/.work-of-a-dead-process").mkdir(parents=True)
    (tmp_path / "root/imports/.work-of-a-dead-process/left.csv").touch()
    (tmp_path / "root/imports" / f"{DRAFT}1-0123456789ab").touch()
    assert run(tmp_path / "root", given) == 0
    assert tree(tmp_path / "root") == tree(tmp_path / "whole")


def test_the_bytes_do_not_depend_on_how_the_file_is_packed_or_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = loan(id=id_applied_on(APPLIED, after=99), last_pymnt_d="Mar-2016")
    late = loan(id=id_applied_on(date(2015, 12, 29), after=99), loan_status="Default")  # both land on 2016-04-01
    rows = [paid, *(loan(id=str(number), last_pymnt_d="Apr-2016") for number in range(1, 40)), late]
    assert run(tmp_path / "one", put(tmp_path, text_of(*rows))) == 0
    monkeypatch.setattr("jobs.import_lending_club.sources._HELD_BYTES", 1024)
    monkeypatch.setattr("jobs.import_lending_club.sources._HELD_ROWS", 7)
    monkeypatch.setattr("jobs.import_lending_club.landing._ROWS_HELD", 1)
    pl.DataFrame(rows).write_parquet(tmp_path / "loans.parquet")
    for name in ("loans.csv", "loans.parquet"):
        root = tmp_path / f"root-{name}"
        assert run(root, tmp_path / name) == 0
        assert tree(root / "datamart") == tree(tmp_path / "one/datamart")


def test_on_the_cut_off_itself_a_loan_lands_once_as_the_file_has_it(tmp_path: Path) -> None:
    given = put(tmp_path, text_of(loan(id=FIRST, loan_status="Current", last_pymnt_d="")))
    assert run(tmp_path / "root", given, "--cut-off", APPLIED) == 0
    assert [landed(tmp_path / "root", table).height for table in TABLES] == [1, 1, 1, 1]
    assert len(tree(tmp_path / "root/datamart")) == 2 * len(TABLES)  # one day, and its hashes
    row = landed(tmp_path / "root", "loan_terms").row(0, named=True)
    assert (row["snapshot_date"], row["funded_amnt_inv"]) == (date(2015, 12, 11), "4975.0")
    assert report(tmp_path / "root")["cut_off"] == {"date": "2015-12-10", "from": "--cut-off"}


def test_a_later_cut_off_lands_what_is_open_later(tmp_path: Path) -> None:
    given = put(tmp_path, text_of(loan(id=FIRST, loan_status="Current", last_pymnt_d="Feb-2016")))
    assert run(tmp_path / "root", given, "--cut-off", "2016-03-20") == 0
    assert landed(tmp_path / "root", "loan_terms")["snapshot_date"].to_list() == [date(2015, 12, 11), date(2016, 3, 21)]


def test_no_value_of_a_row_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    canary = "canary-7391"
    rows = [
        loan(id=FIRST, desc=canary), loan(id=canary), loan(id="3", issue_d=canary), loan(id=FIRST, desc=canary + "x")
    ]  # fmt: skip
    assert run(tmp_path / "root", put(tmp_path, text_of(*rows) + canary + "\n")) == 0
    assert run(tmp_path / "root", put(tmp_path, f"{canary},{canary}\n" * 9, "bad.csv")) == 4
    assert run(tmp_path / "root", put(tmp_path, text_of(*rows) + '"' + f"{canary}\n" * 301, "worse.csv")) == 4
    said = capsys.readouterr()
    assert canary not in said.out + said.err
    assert canary not in "".join(path.read_text() for path in (tmp_path / "root/imports").glob("*.json"))


@pytest.mark.skipif(
    not SAMPLE.is_file(), reason="the sample of the public file is not here (LENDING_CLUB_SAMPLE names it)"
)
def test_the_real_sample_is_imported_to_the_last_row(tmp_path: Path) -> None:
    assert run(tmp_path / "root", SAMPLE) == 0
    told = report(tmp_path / "root")
    assert told["rows"]["read"] == 2000 == told["rows"]["imported"] + told["rows"]["skipped"]
    assert told["cut_off"]["date"] == "2019-03-31"
    given = pl.read_csv(SAMPLE, infer_schema=False)
    tables = columns.TABLES
    for table in TABLES:
        rows = landed(tmp_path / "root", table)
        assert rows.height == told["landing"]["rows"][table]
        kept = [name for name in tables[table] if name not in {"member_id", *columns.OUTCOMES}]
        last = rows.unique("id", keep="last", maintain_order=True).sort("id")
        assert last.select(kept).equals(given.sort("id").select(kept))
    finals = landed(tmp_path / "root", "loan_terms").unique("id", keep="last", maintain_order=True).sort("id")
    kept = [name for name in tables["loan_terms"] if name != "member_id"]
    assert finals.select(kept).equals(given.sort("id").select(kept))
