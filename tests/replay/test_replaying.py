"""The time machine: a replay with mishaps comes to what one without comes to."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs.decisions.doctoring import permissions
from jobs.protocol import clock, ingest, ledger, partitions, verdicts
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.store import POLICY, FolderStore
from jobs.replay import replaying, story
from jobs.replay.__main__ import main, place
from jobs.replay.schedule import Chances
from tests import stored
from tests.progress import finished
from tests.training_inference.small_root import EASY, LAST, simulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

START = LAST - timedelta(days=13)  # a Monday; two Sundays follow
RARELY = 1e-9  # so that ticks come one after the other, and none is missed
LAYERS = ("bronze/loan_terms", "silver/loan_terms", "silver/loan_performance", "gold/feature_store", "gold/label_store")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ingest, "BETWEEN_LOOKS", 0.0)
    yield
    clock.stand_at(None)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay's root as it stands on the eve of the replay: its history is built."""
    into = tmp_path_factory.mktemp("eve") / "root"
    root = place(Root(simulated()), into)
    root.path.mkdir()
    FolderStore(root).put_if_absent(POLICY, json.dumps(EASY).encode())
    eve = START - timedelta(days=1)
    played = replaying.Replay(Root(simulated()), root, Chances())
    played.play(eve, eve, Events())
    return into


def replayed(base: Path, into: Path, original: Path | None = None, **chances: float) -> replaying.Replay:
    shutil.copytree(base, into)
    root = Root(into, durable=False)
    played = replaying.Replay(Root(original or simulated()), root, Chances(**chances))  # type: ignore[arg-type]
    played.play(START, LAST, Events())
    return played


@pytest.fixture(scope="module")
def plain(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("plain") / "root"
    replayed(base, into)
    return into


def manifests(root: Path) -> dict[str, bytes]:
    """Every partition of the layers that know no decision, by what its manifest says."""
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for layer in LAYERS
        for path in root.glob(f"datamart/{layer}/*/_manifest.json")
    }
    assert len(found) > len(LAYERS) * (LAST - START).days
    return found


def scores(root: Path, day: date) -> pl.DataFrame:
    manifest = partitions.existing(Root(root), "gold/predictions", day)
    return stored.scan(Root(root), manifest).collect().drop("ledger_seq")


def fold(root: Path) -> list[tuple[Any, ...]]:
    """How each decision ended, and which models served, without numbers, times and attempts."""
    state = ledger.read(FolderStore(Root(root))).state
    served = [(change.as_of, change.model_id, change.reason) for change in state.served]
    return [
        *((one.how, one.as_of, one.decision.source, one.decision.retrain) for one in state.ended),
        *served,
        (state.open.source, state.open.retrain) if state.open else (),
    ]


def verdict(root: Path, week: date, *more: str) -> dict[str, Any]:
    found = verdicts.read(Root(root), week)
    assert found is not None
    return {name: found[name] for name in ("decision", "severity", "reasons", "sentence", "model_id", *more)}


def test_every_day_is_scored_by_the_clock_of_the_replay(plain: Path) -> None:
    assert story.broken(Root(plain), START, LAST) == []
    assert scores(plain, LAST).height > 0
    assert (plain / "replay_clock.txt").read_text().strip() == f"{LAST}T06:00:00+00:00"
    entries = [json.loads(path.read_bytes()) for path in sorted((plain / "decisions/ledger").iterdir())]
    assert entries[-1]["at"] == f"{LAST}T06:00:00+00:00"


def test_kills_and_duplicate_ticks_change_nothing_that_counts(base: Path, plain: Path, tmp_path: Path) -> None:
    rough = replayed(base, tmp_path / "rough", kill=0.25, twice=0.25, seed=4)
    assert rough.kills >= 3
    root = tmp_path / "rough"
    assert manifests(root) == manifests(plain)
    assert fold(root) == fold(plain)
    for day in (START, LAST):
        assert scores(root, day).equals(scores(plain, day))
    for sunday in (LAST, LAST - timedelta(days=7)):
        assert verdict(root, sunday - timedelta(days=1)) == verdict(plain, sunday - timedelta(days=1))


def test_missed_ticks_and_late_or_torn_files_heal(base: Path, plain: Path, tmp_path: Path) -> None:
    late = replayed(base, tmp_path / "late", missed=0.4, seed=2)
    told = [one.what for one in late.happenings]
    assert {"the tick was missed"} < set(told)
    assert any("late" in what or "torn" in what for what in told)
    assert story.broken(late.root, START, LAST) == []
    assert manifests(tmp_path / "late") == manifests(plain)


def test_labels_that_only_monday_makes_are_not_seen_by_sundays_judgement(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, sunday = tmp_path / "original", START + timedelta(days=6)
    shutil.copytree(simulated() / "datamart/landing", original / "datamart/landing")
    folder = original / "datamart/landing/loan_terms"
    for path in folder.glob(f"*_{sunday - timedelta(days=1):%Y_%m_%d}.csv*"):
        path.unlink()  # never came
    for path in folder.glob(f"*_{sunday:%Y_%m_%d}.csv*"):
        path.write_bytes(b"refused")
    in_turn = replayed(base, tmp_path / "in turn", original, missed=RARELY)
    mains = replaying._mains()

    def late(*given: Any, **more: Any) -> int:
        time.sleep(3)  # in which preprocessing would come to Monday, and beyond
        return mains["monitoring"](*given, **more)

    monkeypatch.setattr(replaying, "_mains", lambda: mains | {"monitoring": late})
    ahead = replayed(base, tmp_path / "ahead", original)
    judged = [verdict(played.root.path, sunday - timedelta(days=1), "evidence") for played in (ahead, in_turn)]
    assert judged[0] == judged[1]


def test_what_does_not_hold_after_a_replay_is_told(plain: Path, tmp_path: Path) -> None:
    root = Root(shutil.copytree(plain, tmp_path / "root"), durable=False)
    shutil.rmtree(root.at(partitions.folder("gold/predictions", START)))
    known = partitions.existing(root, "gold/label_store", START)
    later = partitions.Input(partitions.folder("silver/loan_performance", LAST), "0" * 64)
    resting = dataclasses.replace(known, inputs=(*known.inputs, later)).to_bytes()
    root.at(partitions.manifest_name("gold/label_store", START)).write_bytes(resting)
    assert story.broken(root, START, LAST) == [
        f"1 day with features and no scores, the first {START}",
        f"{partitions.manifest_name('gold/label_store', START)} rests on {later.path}",
    ]


def test_the_story_tells_of_each_sunday(plain: Path) -> None:
    told = story.of(Root(plain), START, LAST)
    assert [week.week for week in told.weeks] == [LAST - timedelta(days=8), LAST - timedelta(days=1)]
    assert {event.who for event in told.events} <= {"monitoring", "training_inference", "preprocessing"}
    assert told.of_interest[-1] == LAST - timedelta(days=1)


def test_the_command_leaves_the_original_as_it_was_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original, policy = tmp_path / "original", tmp_path / "policy.json"
    for path in sorted(simulated().glob("datamart/landing/*/*2015_10_0*")):
        target = original / path.relative_to(simulated())
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
    policy.write_text(json.dumps(EASY))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in original.rglob("*.*")}
    span = ["--start", "2015-10-05", "--end", "2015-10-08", "--policy", str(policy)]
    assert main(["--root", str(original), "--into", str(tmp_path / "into"), *span]) == 0
    said = capsys.readouterr().out
    assert finished(said) >= {"history", "replay"}
    end = json.loads(said.splitlines()[-1])
    assert {"event": "end", "mishaps": 0, "kills": 0, "broken": 0}.items() <= end.items()
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in original.rglob("*.*")} == before
    assert "<h1>0 weeks" in (tmp_path / "into/story.html").read_text()
    assert main(["--root", str(original), "--into", str(tmp_path / "into"), *span]) == 2
    assert "the folder is not empty" in capsys.readouterr().err


def test_days_after_the_last_file_are_told_of(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(base, tmp_path / "into")
    played = replaying.Replay(Root(simulated()), Root(tmp_path / "into", durable=False), Chances())
    latest = max(played._landed)
    played.play(latest, latest + timedelta(days=1), Events())
    assert f'{{"event": "no_files", "after": "{latest}"}}' in capsys.readouterr().out


def test_its_root_has_the_modes_of_any_other(tmp_path: Path) -> None:
    root = place(Root(tmp_path / "original"), tmp_path / "into")
    root.path.mkdir()
    FolderStore(root).put_if_absent(POLICY, json.dumps(EASY).encode())
    assert list(permissions(root)) == []
