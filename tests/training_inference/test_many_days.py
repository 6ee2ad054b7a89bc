"""Many days wait at once, as after a first model or a pause: scored together, each as if it had come alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import files, partitions, shelf
from jobs.protocol.errors import NewerFormat, StoreDamaged
from jobs.protocol.files import Root
from jobs.training_inference import scoring
from tests import stored
from tests.built_once import once
from tests.progress import finished
from tests.training_inference.small_root import LAST, copy, run, trained

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

DAYS = [LAST - timedelta(days=n) for n in range(6, -1, -1)]  # all that the lender's first model has not scored yet


def predictions(root: Path) -> dict[str, bytes]:
    home = root / "datamart/gold/predictions"
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def alone(root: Path) -> None:
    """Each day scored on its own date."""
    copy(trained(), root)
    for day in DAYS:
        assert run(root, day, "--step", "score") == 0


@pytest.mark.parametrize(
    ("together", "workers"),
    [(30, "1"), (90, "3"), (1_000_000, "3")],
    ids=["each alone", "two at a time, side by side", "all in one"],
)
def test_every_byte_is_the_same_however_many_days_are_scored_together(
    root: Path, monkeypatch: pytest.MonkeyPatch, together: int, workers: str
) -> None:
    monkeypatch.setattr(scoring, "CHUNK", together)
    monkeypatch.setenv("P2P_WORKERS", workers)
    assert run(root, LAST, "--step", "score") == 0
    assert len(predictions(root)) > 2 * len(DAYS)
    assert predictions(root) == predictions(once("scored_alone", alone))


@pytest.mark.parametrize(("lost", "why"), [(DAYS[2], scoring.LATE), (LAST, scoring.LOST)], ids=["late", "lost"])
def test_a_day_that_is_scored_out_of_turn_or_again_is_told_of(
    root: Path, capsys: pytest.CaptureFixture[str], lost: date, why: str
) -> None:
    """Nothing else tells of scores that somebody has deleted, once another model has made them anew."""
    assert run(root) == 0
    name = f"datamart/gold/predictions/snapshot_date={lost}"
    shutil.rmtree(root / name)
    said = capsys.readouterr().out
    assert "out_of_turn" not in said
    assert finished(said) == {"scores"}
    assert run(root) == 0
    assert json.dumps({"event": "out_of_turn", "name": name}) in capsys.readouterr().out.splitlines()
    newest = max((root / f"decisions/receipts/training_inference/{LAST}").iterdir(), key=lambda path: int(path.stem))
    assert json.loads(newest.read_bytes())["skipped"] == [{"what": name, "why": why}]


def land(root: Path, rows: pl.DataFrame, manifest: partitions.Manifest) -> None:
    """Put rows in place of the features of the last day."""
    whole = Root(root)
    with files.draft(whole, partitions.drafts_folder(whole, "gold/feature_store")) as path:
        rows.write_parquet(path)
        partitions.publish(whole, replace(manifest, parts=(partitions.part_of(path, rows.height),)), [path])


def test_a_day_without_applications_is_scored_when_a_corrected_file_brings_them(root: Path) -> None:
    manifest = partitions.existing(Root(root), "gold/feature_store", LAST)
    rows = stored.scan(Root(root), manifest).collect()
    land(root, rows.clear(), manifest)
    assert run(root) == 0
    assert partitions.read(Root(root), "gold/predictions", LAST) is None
    assert run(root, LAST, "--step", "check") == 99
    land(root, rows, manifest)
    assert run(root) == 0
    assert partitions.existing(Root(root), "gold/predictions", LAST).rows == rows.height > 0


@pytest.mark.parametrize("broken", ["a bit of the rows", "a bit of the manifest", "a newer manifest"])
def test_a_broken_day_is_told_and_all_others_are_scored(
    root: Path, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = partitions.existing(Root(root), "gold/feature_store", DAYS[3])
    path = root / partitions.manifest_name("gold/feature_store", DAYS[3])
    if broken == "a newer manifest":
        path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    else:
        path = shelf.cited_files(Root(root), manifest)[0] if broken == "a bit of the rows" else path
        data = path.read_bytes()
        path.write_bytes(data[:99] + bytes([data[99] ^ 1]) + data[100:])
    assert run(root, LAST, "--step", "score") == 0  # by steps the last one tells
    assert path.parent.name in capsys.readouterr().err
    scored = {day for day in DAYS if partitions.read(Root(root), "gold/predictions", day)}
    assert scored == {*DAYS} - {DAYS[3]}
    assert run(root, LAST) == StoreDamaged.exit_code == NewerFormat.exit_code
