"""Backup and restore of a real root as operations.md prints them, while the jobs build, train, promote and score."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.decisions.__main__ import main as decisions
from jobs.monitoring import job as monitoring
from jobs.preprocessing import job as preprocessing
from jobs.training_inference import job as training
from tests.built_once import once
from tests.docs.backups import copied, printed, restored
from tests.docs.pages import ROOT
from tests.training_inference.small_root import EARLIER, LAST, edit_policy, entries, run, simulated

NIGHTS = [EARLIER, EARLIER + timedelta(days=3), LAST]  # of them two Sundays
NEXT = LAST + timedelta(days=1)
UNGUARDED = {
    "min_history_days": 120,
    "min_new_rows": 1,
    "cooldown_days": 0,
    "max_per_iso_week": 7,
    "max_per_28_days": 28,
}
WHOLE = (0, "everything is whole, 0 remarks\n")
SCORES = "datamart/gold/predictions/snapshot_date"
pytestmark = pytest.mark.timeout(600)


def before() -> Path:
    """A root of eleven months, whose first model has scored all that was built; a week of it is landed only."""
    return once("before-the-nights", _before)


def _before(root: Path) -> None:
    shutil.copytree(simulated(), root, dirs_exist_ok=True)
    for days in range((NEXT - EARLIER).days + 1):
        for built in (root / "datamart").glob(f"*/**/snapshot_date={EARLIER + timedelta(days)}"):
            shutil.rmtree(built)
    edit_policy(root, guards=UNGUARDED)
    assert run(root, EARLIER - timedelta(days=1)) == 0


def runs(root: Path, day: date) -> list[int]:
    return [job.main(["--root", str(root), "--date", str(day)]) for job in (preprocessing, training, monitoring)]


def night(root: Path, day: date) -> list[int]:
    """All three jobs, and a person who wants another model."""
    note = {"decision_date": str(day), "performance_score": 0.6, "retrain": True, "reason": f"of {day}"}
    (root / "decisions/retraining_decision.json").write_text(json.dumps(note))
    return runs(root, day)


def ledger_of(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "decisions/ledger").iterdir())}


def checked(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = decisions(["check", "--root", str(root)])
    return code, capsys.readouterr().out


def is_sound(root: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether nothing is found in a copy, but that its STATUS.txt, which goes out first, may miss the newest entry."""
    capsys.readouterr()
    code = decisions(["check", "--root", str(root), "--json"])
    found = [one["what"] for one in json.loads(capsys.readouterr().out)]
    return code == 0 and found in ([], [f"STATUS.txt does not name the newest entry, {len(ledger_of(root))}, yet"])


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The root after the nights, and the copies that were taken meanwhile: one of each state of the ledger.

    However slow the copying is, each night waits for a copy to begin, so that there are as many at least.
    """
    home = tmp_path_factory.mktemp("nights")
    root, copies = home / "R", dict[int, Path]()
    shutil.copytree(before(), root)
    words, log = [sys.executable, "-m", __name__, str(root)], home / "nights.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=said, stderr=said) as nights,
    ):
        assert nights.stdin
        while nights.poll() is None:
            with suppress(BrokenPipeError):  # it has begun its last night
                nights.stdin.write(b"\n")
                nights.stdin.flush()
            backup = home / f"B{len(copies)}"
            copied(root, backup)
            if copies.setdefault(len(ledger_of(backup)), backup) != backup:
                shutil.rmtree(backup)
    assert nights.returncode == 0, log.read_text()
    return [root, *copies.values()]


def test_what_was_copied_beside_the_jobs_goes_on_where_its_ledger_ended(
    taken: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, *copies = taken
    assert len(copies) > 1, "the ledger grew from copy to copy"
    assert len(ledger_of(root)) > 2 * len(NIGHTS), "a claim and what came of it each night"
    for backup in copies:
        assert is_sound(backup, capsys)
    backup = copies[len(copies) // 2]
    restored(backup, tmp_path, printed()[1])
    assert is_sound(tmp_path, capsys)
    assert night(tmp_path, NEXT) == [0, 0, 0]
    had, has = ledger_of(backup), ledger_of(tmp_path)
    assert dict(list(has.items())[: len(had)]) == had
    assert list(has) == [f"{seq:08}.json" for seq in range(1, len(has) + 1)]
    assert ("retraining", "claimed") in entries(tmp_path)[len(had) :], "the person's wish of that night"
    assert (tmp_path / f"{SCORES}={NEXT}").is_dir()
    assert checked(tmp_path, capsys) == WHOLE


def test_runs_between_the_lines_of_a_restore_decide_nothing(
    taken: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, had = printed()[1].splitlines(), ledger_of(taken[0])
    restored(taken[0], tmp_path, "\n".join(lines[:-1]))
    assert runs(tmp_path, NEXT) == [3, 6, 3], "nothing has landed, and the model is not there"
    assert ledger_of(tmp_path) == had
    restored(taken[0], tmp_path, lines[-1])
    assert checked(tmp_path, capsys) == WHOLE
    assert runs(tmp_path, NEXT) == [0, 0, 0]


def test_a_run_that_came_before_the_ledger_stops_the_restore(taken: list[Path], tmp_path: Path) -> None:
    assert runs(tmp_path, NEXT) == [3, 3, 3]
    with pytest.raises(AssertionError, match="Directory not empty"):
        restored(taken[0], tmp_path, printed()[1])


def test_no_ledger_begins_over_scores_that_were_put_back_before_it(taken: list[Path], tmp_path: Path) -> None:
    restored(taken[0], tmp_path, printed()[1])
    shutil.rmtree(tmp_path / "decisions")
    assert runs(tmp_path, NEXT) == [5, 6, 6]
    assert not (tmp_path / "decisions/ledger").exists()


def test_a_ledger_that_went_out_before_the_scores_is_told(
    taken: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(before() / "decisions", tmp_path / "decisions")
    restored(taken[0], tmp_path, "rsync -a --exclude=decisions ./ R/")
    code, said = checked(tmp_path, capsys)
    assert code == 6
    assert "the ledger entry that these scores cite is missing, or names another model" in said
    assert "mend:  restore a newer copy of the ledger" in said


if __name__ == "__main__":
    assert all(
        input() == "" and night(Path(sys.argv[1]), day) == [0, 0, 0] for day in NIGHTS
    )  # a copy is about to begin
