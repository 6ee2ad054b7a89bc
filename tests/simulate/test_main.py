from __future__ import annotations

import errno
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.protocol import files
from jobs.protocol.files import Root
from jobs.simulate.columns import TABLES as COLUMNS
from jobs.simulate.landing import contents, names
from jobs.simulate.portfolio import Day, months
from tests.application_dates import application_date
from tests.simulate.simulated import TABLES, fingerprints, landed, run, settings, truth

if TYPE_CHECKING:
    from pathlib import Path


def test_every_date_has_all_four_files_each_with_its_checksum_beside_it(tmp_path: Path) -> None:
    assert run(tmp_path, "2016-02-27", "2016-03-02") == 0
    for table in TABLES:
        names = {path.name for path in (tmp_path / "datamart/landing" / table).iterdir()}
        dates = [date(2016, 2, 27) + timedelta(days) for days in range(5)]
        data = {f"{table}_{day:%Y_%m_%d}.csv" for day in dates}
        assert names == data | {f"{name}.sha256" for name in data}
        for name in data:
            path = tmp_path / "datamart/landing" / table / name
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            assert path.with_name(f"{name}.sha256").read_text() == f"{digest}  {name}\n"


@pytest.mark.parametrize("dirt", [0.0, 0.5])
def test_a_day_on_which_nothing_happens_has_headers_only(dirt: float) -> None:
    asked = settings("2016-02-01", "2016-02-01", dirt=dirt)
    (day,) = [day for days in months(asked) for day in days]
    empty = Day(day.landed, {table: frame.clear() for table, frame in day.tables.items()}, day.truth.clear())
    made = contents(asked, empty)
    assert sorted(made) == sorted(names(asked, day.landed).values())
    for table in TABLES:
        assert made[f"datamart/landing/{table}/{table}_2016_02_01.csv"].decode().splitlines() == [
            ",".join(COLUMNS[table])
        ]


def test_each_application_lands_the_day_after_the_day_its_id_says(tmp_path: Path) -> None:
    run(tmp_path, "2016-02-25", "2016-03-05", loans=50)
    for table in ("credit_history", "demographic", "financial"):
        frame = landed(tmp_path, table).join(truth(tmp_path), left_on=pl.col("id").cast(pl.Int64), right_on="id")
        assert (frame["application_date"] + timedelta(days=1) == frame["date"]).all()
    for number, applied in truth(tmp_path).select("id", "application_date").iter_rows():
        assert application_date(number, applied.replace(day=1)) == applied
        assert 8 <= len(str(number)) <= 9


def test_the_same_settings_give_the_same_bytes_whatever_the_number_of_threads(tmp_path: Path) -> None:
    made = []
    for threads in ("1", "3"):
        root = tmp_path / threads
        root.mkdir()
        asked = f"--root {root} --start 2017-03-30 --end 2017-05-03 --loans-per-day 15 --dirt 0.02".split()
        environment = os.environ | {"POLARS_MAX_THREADS": threads}
        subprocess.run(
            [sys.executable, "-m", "jobs.simulate", *asked], check=True, env=environment, capture_output=True
        )
        made.append(fingerprints(root))
    assert made[0] == made[1]


def test_every_file_is_in_the_order_of_ids(tmp_path: Path) -> None:
    run(tmp_path, "2016-01-30", "2016-03-25")
    for table in TABLES:
        for (_,), file in landed(tmp_path, table).sort("date", "row").group_by("date", maintain_order=True):
            assert file["id"].cast(pl.Int64).is_sorted()


def test_another_seed_gives_other_loans(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        run(tmp_path / str(seed), "2016-02-01", "2016-02-03", seed=seed)
    assert fingerprints(tmp_path / "1").keys() == fingerprints(tmp_path / "2").keys()
    assert not set(fingerprints(tmp_path / "1").values()) & set(fingerprints(tmp_path / "2").values())


def test_a_full_disk_is_told_with_the_folder_and_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, __: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # a write names no file

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    assert run(tmp_path, "2016-02-01", "2016-02-04") == 1
    said = capsys.readouterr().err
    assert f"the system refused: No space left on device\n  where: {tmp_path}/truth\n" in said
    assert os.listdir(tmp_path / "truth") == [".lock"]


def test_two_simulations_at_once_do_not_meet(tmp_path: Path) -> None:
    with files.locked(Root(tmp_path), tmp_path / "truth/.lock", "a test holds it"):
        assert run(tmp_path, "2016-02-01", "2016-02-01") == 75
    assert fingerprints(tmp_path) == {}


@pytest.mark.parametrize(
    ("dates", "more", "word"),
    [
        (("2016-02-02", "2016-02-01"), (), "--end"),
        (("2007-01-01", "2007-02-01"), (), "--start"),
        (("2034-05-01", "2034-05-02"), (), "--end"),
        (("2016-02-01", "2016-02-02"), ("--loans-per-day", "0"), "--loans-per-day"),
        (("2016-02-01", "2016-02-02"), ("--dirt", "0.6"), "--dirt"),
        (("2016-02-01", "2016-02-02"), ("--dirt", "nan"), "--dirt"),
        (("2016-02-01", "2016-02-02"), ("--seed", "-1"), "--seed"),
        (("2016-02-01", "2016-02-02"), ("--root", "/nowhere/at/all"), "/nowhere/at/all"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_a_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dates: tuple[str, str], more: tuple[str, ...], word: str
) -> None:
    assert run(tmp_path, *dates, *more) == 2
    assert re.search(rf"where: {word}\n  mend:  .", capsys.readouterr().err)
    assert fingerprints(tmp_path) == {}


def test_a_date_that_is_none_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, "2016-02-30", "2016-03-01")
    assert "not a date like 2024-01-31" in capsys.readouterr().err


def test_the_first_and_the_last_possible_dates_work(tmp_path: Path) -> None:
    for day in ("2007-01-02", "2034-05-01"):
        assert run(tmp_path, day, day, loans=1_000) == 0
    ids = truth(tmp_path)["id"].to_list()
    assert len({len(str(number)) for number in ids}) == 2
    assert len(set(ids)) == len(ids)
    assert all(8 <= len(str(number)) <= 9 for number in ids)


def test_it_says_what_it_does_in_one_json_line_an_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "2016-02-01", "2016-03-10")
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in said] == ["start", *["progress"] * (len(said) - 2), "end"]
    assert said[0] == {"event": "start", "seed": 1, "start": "2016-02-01", "end": "2016-03-10", "loans_per_day": 20}
    assert said[-2]["done"] == said[-2]["of"] == 39
    assert said[-1]["written"] == len(fingerprints(tmp_path)) == 39 * 9
