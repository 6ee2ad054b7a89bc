from __future__ import annotations

import errno
import os
import shutil
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from jobs.decisions import doctoring
from jobs.decisions.__main__ import main
from jobs.protocol import clock, files
from jobs.protocol.claims import TRAINER, claim
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin, place
from jobs.protocol.store import FolderStore
from tests.decisions.wholes import publish, whole
from tests.protocol.build import OPEN_RULES, READY, SUNDAY, desk, machine

if TYPE_CHECKING:
    from pathlib import Path

PROMISE_BROKEN = "two writers raced for one name"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path, durable=False)
    whole(root)
    return root


def told(root: Root, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["doctor", "--root", str(root.path)])
    return code, capsys.readouterr().out


def test_a_sound_root_is_well_and_left_as_it_is(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    publish(root, "gold/feature_store", [1], [])
    publish(root, "gold/label_store", [1], [])
    root.at("decisions/ledger/.DS_Store").touch()  # as some systems leave them
    before = {path: path.read_bytes() for path in root.path.rglob("*") if path.is_file()}
    assert told(root, capsys) == (0, "all is well, 0 remarks\n")
    assert {path: path.read_bytes() for path in root.path.rglob("*") if path.is_file()} == before
    assert main(["doctor", "--root", str(root.at("datamart/landing"))]) == 0, (
        "an empty root has nothing to find fault in"
    )


@pytest.mark.parametrize(
    ("name", "mode", "code", "mend"),
    [
        pytest.param("decisions/ledger/00000001.json", 0o644, 6, "chmod 440", id="an-entry-that-can-be-edited"),
        pytest.param("decisions/ledger", 0o2770, 6, "chmod 2750", id="a-ledger-open-to-the-group"),
        pytest.param("decisions/policy.json", 0o600, 0, "chmod 660", id="a-policy-closed-to-the-group"),
        pytest.param("datamart/silver", 0o777, 6, "chmod o-w", id="a-layer-open-to-all"),
        pytest.param(".", 0o777, 6, "chmod o-w", id="a-root-open-to-all"),
    ],
)
def test_permissions(
    root: Root, capsys: pytest.CaptureFixture[str], name: str, mode: int, code: int, mend: str
) -> None:
    root.at(name).chmod(mode)
    found, text = told(root, capsys)
    assert found == code
    assert f"where: {name}\n  mend:  {mend} {root.path}/{name}" in text, "it can be typed wherever one is"


def test_a_machine_without_the_library_of_lightgbm_is_not_well(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(doctoring, "import_module", load)
    code, text = told(root, capsys)
    assert code == 1
    assert "a library is missing: libgomp.so.1" in text


def test_a_lock_that_holds_nobody_back_is_found(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctoring, "_TRY", "pass")
    code, text = told(root, capsys)
    assert code == 6
    assert "two processes held one lock" in text


def test_a_store_in_which_the_last_put_wins_is_refused(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def overwriting(store: FolderStore, name: str, data: bytes) -> bool:
        store.root.at(name).write_bytes(data)
        return True

    monkeypatch.setattr(FolderStore, "put_if_absent", overwriting)
    code, text = told(root, capsys)
    assert code == 6
    assert PROMISE_BROKEN in text
    assert not list(root.at("decisions").glob("probe-*"))


def test_a_store_that_replaces_blindly_is_refused(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FolderStore, "replace_if", lambda *_: True)
    assert PROMISE_BROKEN in told(root, capsys)[1]


def test_a_file_system_without_hard_links_is_refused(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, target: str, **_: object) -> None:  # as exFAT does, which only a mount can show
        raise OSError(errno.EPERM, "Operation not permitted", name, None, target)

    monkeypatch.setattr(os, "link", refuse)
    code, said = told(root, capsys)
    assert code == 6
    assert "hard links do not work here (Operation not permitted)" in said
    assert "do not run the jobs on this file system" in said


def test_a_disk_that_takes_nothing_more_is_a_finding_and_the_other_looks_go_on(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: FolderStore, name: str, __: bytes) -> bool:
        raise OSError(errno.ENOSPC, "no space", name)

    monkeypatch.setattr(FolderStore, "put_if_absent", full)
    monkeypatch.setattr(clock, "today", lambda: date(2000, 1, 1))
    code, said = told(root, capsys)
    assert code == 1
    assert "the system refused: No space left on device\n  where: decisions/probe-" in said
    assert "but today is 2000-01-01" in said
    assert said.endswith("2 to mend, 1 remark\n")


def test_a_full_disk_is_told_before_it_is_full(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=7))
    code, text = told(root, capsys)
    assert code == 6
    assert "7 bytes are free" in text


def test_missing_days_are_named(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    for table, days in {"a": (1, 2, 3, 6), "b": (1, 3, 6)}.items():
        for day in days:
            files.write_whole(root, root.at(f"datamart/landing/{table}/{table}_2024_01_{day:02}.csv"), b"id\n")
    for name in ("b_2024_13_99", "b_2124_01_06"):
        files.write_whole(root, root.at(f"datamart/landing/b/{name}.csv"), b"id\n")
    root.at("datamart/landing/.DS_Store").touch()  # as some systems leave them
    publish(root, "gold/feature_store", [1], [], date(2024, 1, 1))
    shutil.rmtree(root.at("datamart/landing/toy"))
    code, text = told(root, capsys)
    assert code == 0
    assert "1 day missing: 2024-01-02\n  where: datamart/landing/b" in text
    assert "2 days missing: 2024-01-03, 2024-01-06\n  where: datamart/gold/feature_store" in text
    assert "nothing at all landed between 2024-01-03 and 2024-01-06" in text
    assert text.count("nothing at all landed") == 1
    assert "a file is dated 2124-01-06, but today is " in text
    assert text.count("2124") == 1


def test_a_claim_whose_trainer_is_at_work_is_well(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = desk(FolderStore(root), SUNDAY + timedelta(days=7))
    place(trainer, machine(SUNDAY + timedelta(days=7)), begin(trainer))
    with files.locked(root, root.at(TRAINER), "held"):
        claim(trainer, OPEN_RULES, READY, "2999-01-01T08:00:00+00:00")
        assert "claim" not in told(root, capsys)[1]


def test_a_claim_whose_lease_is_over_and_a_clock_that_is_behind(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = desk(FolderStore(root), SUNDAY + timedelta(days=7))
    place(trainer, machine(SUNDAY + timedelta(days=7)), begin(trainer))
    with files.locked(root, root.at(TRAINER), "held"):
        claim(trainer, OPEN_RULES, READY, "2024-01-21T08:00:00+00:00")
        code, text = told(root, capsys)
        assert code == 0
        assert "the claim's lease expired at 2024-01-21T08:00:00+00:00" in text
        assert "its trainer is still running: wait for it, or end it if it hangs; then run training" in text
    text = told(root, capsys)[1]
    assert "the trainer of the claim is dead" in text
    assert "lives" not in text
    root.at(TRAINER).unlink()  # as in a root that was restored
    assert "the trainer of the claim is dead" in told(root, capsys)[1]
    monkeypatch.setattr(clock, "today", lambda: SUNDAY + timedelta(days=7))
    assert "the ledger has an entry dated" not in told(root, capsys)[1]
    monkeypatch.setattr(clock, "today", lambda: SUNDAY)
    code, text = told(root, capsys)
    assert code == 6
    assert "the ledger has an entry dated 2024-01-21, but today is 2024-01-14" in text
    publish(root, "gold/predictions", [1], [], SUNDAY)
    assert "it holds" not in told(root, capsys)[1], "today has come"
    publish(root, "gold/predictions", [1], [], SUNDAY + timedelta(days=1))
    assert "it is dated 2024-01-15, but today is 2024-01-14" in told(root, capsys)[1]
