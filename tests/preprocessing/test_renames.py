"""A column of a landing file that is renamed, or goes, is told of at once, and once."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.preprocessing import bronze
from jobs.protocol import command
from jobs.protocol.events import Events
from jobs.protocol.partitions import Input, Manifest
from tests.preprocessing.roots import LAST, current, land, landed, landing, preprocess, tree

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
BEFORE, THEN = LAST - timedelta(days=1), LAST - timedelta(days=2)


def of(absent: str = "", unknown: str = "", kind: str = "csv", year: int = 2016) -> Manifest:
    return Manifest(
        table="bronze/financial",
        date=date(year, 1, 9),
        contract="bronze/financial",
        contract_version=1,
        contract_sha256="",
        layer_version=1,
        parts=(),
        inputs=(Input(f"financial_{year}_01_09.{kind}", ""),),
        notes={"columns_absent": absent.split(), "columns_unknown": unknown.split()},
    )


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        pytest.param(of(), of(), None, id="nothing"),
        pytest.param(of("dti", "ratio"), of("dti", "ratio"), None, id="as-before"),
        pytest.param(of(), of("dti", "ratio"), None, id="mended"),
        pytest.param(of("dti il_util"), of("il_util"), "lacks dti", id="gone"),
        pytest.param(of("", "ratio"), of(), "has unknown columns: ratio", id="new"),
        pytest.param(
            of("dti", "ratio"),
            of(),
            "lacks dti; has unknown columns: ratio; renamed? dti to ratio",
            id="one-for-one",
        ),
        pytest.param(
            of("dti il_util", "IL_Utilisation x"),
            of(),
            "lacks dti, il_util; has unknown columns: IL_Utilisation, x; renamed? il_util to IL_Utilisation",
            id="alike",
        ),
        pytest.param(of("a b c d e f g"), of(), "lacks a, b, c, d, e and 2 more", id="many"),
        pytest.param(of("a b c d e"), of(), "lacks a, b, c, d, e", id="as-many-as-are-shown"),
        pytest.param(of("il_util", year=2014), of(year=2014), None, id="before-its-time"),
        pytest.param(of("il_util", year=2015), of(year=2015), "lacks il_util", id="in-its-time"),
        pytest.param(of("dti il_util"), None, None, id="first-file"),
        pytest.param(
            of("dti il_util", "DTI"),
            None,
            "lacks dti; has unknown columns: DTI; renamed? dti to DTI",
            id="first-file-misnamed",
        ),
        pytest.param(of("dti", kind="jsonl"), of(kind="jsonl"), None, id="left-out-of-json-lines"),
        pytest.param(
            of("dti il_util", "dti_", kind="jsonl"),
            of(kind="jsonl"),
            "lacks dti; has unknown columns: dti_; renamed? dti to dti_",
            id="renamed-in-json-lines",
        ),
    ],
)
def test_what_is_said_of_columns(now: Manifest, before: Manifest | None, said: str | None) -> None:
    found = bronze.change(now, before, {"dti": 2007, "il_util": 2015})
    assert (bronze.in_words(**found) if found else None) == said


def rename(root: Path, day: date) -> None:
    path = landing(root, "financial", day)
    land(path, path.read_bytes().replace(b",dti,", b",debt_to_income,", 1))


def told(capsys: pytest.CaptureFixture[str]) -> list[Json]:
    said = capsys.readouterr()
    assert said.err == ""
    return [line for line in map(json.loads, said.out.splitlines()) if line["event"] == "columns_changed"]


def name_of(day: date) -> str:
    return f"datamart/landing/financial/financial_{day:%Y_%m_%d}.csv"


def receipts(root: Path) -> list[Path]:
    return sorted((root / "decisions/receipts/preprocessing").glob("*/*"))


def test_a_renamed_column_is_told_with_the_file_in_the_receipt_and_by_check_and_not_again_tomorrow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    for day in (BEFORE, LAST):
        rename(root, day)
    expected = {"missing": ["dti"], "unknown": ["debt_to_income"], "renamed": {"dti": "debt_to_income"}}
    assert preprocess(root, BEFORE) == 0
    assert told(capsys) == [{"event": "columns_changed", "name": name_of(BEFORE), **expected}]
    why = "lacks dti; has unknown columns: debt_to_income; renamed? dti to debt_to_income"
    [receipt] = receipts(root)
    assert json.loads(receipt.read_bytes())["skipped"] == [{"what": name_of(BEFORE), "why": why}]
    before = tree(root), receipts(root)
    assert preprocess(root, BEFORE) == 0, "all is built"
    assert [one["name"] for one in told(capsys)] == [name_of(BEFORE)]
    assert (tree(root), receipts(root)) == before
    assert preprocess(root, BEFORE, "--step", "check") == 0
    assert len(told(capsys)) == 1
    assert preprocess(root, LAST) == 0
    assert told(capsys) == [], "it is no news any more"
    assert preprocess(root, LAST, "--step", "check") == 0
    assert told(capsys) == []


def test_all_of_a_history_that_is_built_at_once_is_told_of_and_what_comes_back_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    rename(root, THEN)
    assert preprocess(root, THEN, "--step", "bronze") == 0
    assert preprocess(root, THEN, "--step", "check") == 0, "read, and not built yet"
    assert [one["name"] for one in told(capsys)] == [name_of(THEN)] * 2
    shutil.rmtree(root / "datamart/bronze")
    assert preprocess(root, LAST) == 0
    assert [one["name"] for one in told(capsys)] == [name_of(THEN)]
    before = tree(root), receipts(root)
    assert preprocess(root, LAST) == 0, "all is built"
    assert (tree(root), receipts(root)) == before


def test_other_work_of_a_run_does_not_keep_it_from_telling_of_the_file_of_its_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    rename(root, LAST)
    assert preprocess(root) == 0
    shutil.rmtree(root / f"datamart/bronze/financial/snapshot_date={BEFORE}")
    told(capsys)
    assert preprocess(root) == 0
    assert [one["name"] for one in told(capsys)] == [name_of(LAST)]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"{}")], ids=["gone", "damaged"])
def test_a_file_that_is_landed_anew_is_told_of_by_what_it_is_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object]
) -> None:
    root = landed(tmp_path)
    path = landing(root, "financial", LAST)
    good = path.read_bytes()
    rename(root, LAST)
    assert preprocess(root) == 0
    told(capsys)
    spoil(root / f"datamart/bronze/financial/snapshot_date={BEFORE}/_manifest.json")
    land(path, good)
    assert preprocess(root, LAST, "--step", "check") == 0
    assert told(capsys) == [], "nobody has read it yet"
    assert preprocess(root) == 0
    assert told(capsys) == []
    assert f"datamart/bronze/financial/snapshot_date={LAST}/_manifest.json" in current(root)


def test_people_read_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = landed(tmp_path)
    rename(root, LAST)
    monkeypatch.setattr(command, "Events", partial(Events, in_sentences=True))
    assert preprocess(root) == 0
    said = capsys.readouterr().out
    assert f"warning: {name_of(LAST)} lacks dti; " in said
    assert "renamed? dti to debt_to_income. A missing column is null" in said
