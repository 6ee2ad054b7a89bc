"""A file an episode, in which people write who looks after it."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.monitoring import delivering, job
from jobs.protocol import schemas, verdicts
from jobs.protocol.files import Root
from jobs.protocol.receipts import Report
from jobs.protocol.schemas import complaints
from jobs.protocol.store import FolderStore
from tests.monitoring.receivers import Web, acknowledge, alert_files, find, outbox, run
from tests.monitoring.test_alerts import MODEL, reason, week

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("bare")


def test_an_alert_file_is_kept_up_to_date_and_keeps_its_contract(tmp_path: Path) -> None:
    for number, said in enumerate([[reason()], [reason("high")], [], []]):
        find(tmp_path, number, *said)
        run(tmp_path, number)
        (path,) = alert_files(tmp_path)
        alert = json.loads(path.read_bytes())
        assert complaints(schemas.document("alert"), alert) == []
        assert alert["severity"] == ("medium", "high", "high", "high")[number]
    assert (alert["state"], alert["opened"], alert["seen"], alert["resolved"]) == (
        "resolved",
        "2024-01-06",
        "2024-01-13",
        "2024-01-27",
    )
    before = path.read_bytes()
    run(tmp_path, 1)  # an earlier week run again takes nothing back
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path.parent / "outbox")]
    assert modes == [0o2770, 0o2750]


def test_an_acknowledged_episode_is_told_again_only_when_it_grows_graver(tmp_path: Path, hook: Web) -> None:
    for number in range(7):
        find(tmp_path, number, reason("critical" if number == 6 else "medium"))
        run(tmp_path, number)
        if number == 0:
            acknowledge(tmp_path, "Ada")
        alert = json.loads(alert_files(tmp_path)[0].read_bytes())
        assert alert["acknowledged_by"] == "Ada"
        assert alert["state"] == ("acknowledged" if number else "open")  # of the run before the name was given
        assert len(hook.posts) == (2 if number == 6 else 1)


def test_an_acknowledgement_is_of_one_episode_and_not_of_the_next(tmp_path: Path) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    acknowledge(tmp_path, "Ada")
    run(tmp_path)
    assert json.loads(alert_files(tmp_path)[0].read_bytes())["state"] == "acknowledged"
    for number, said in enumerate([[], [], [reason()]], start=1):
        find(tmp_path, number, *said)
        run(tmp_path, number)
    alert = json.loads(alert_files(tmp_path)[0].read_bytes())
    assert (alert["state"], alert["acknowledged_by"], alert["opened"]) == ("open", None, "2024-01-27")


@pytest.mark.parametrize(
    "spoiled",
    [
        *(b"{", b"[]", b'{"week": 3}', b'{"acknowledged_by": 3}', b'{"opened": "2024-01-06"}'),
        b'{"opened": "2024-01-06", "week": "2024-01-06", "acknowledged_by": 3}',
    ],
)
def test_a_file_that_a_person_left_unreadable_is_let_be_and_said(tmp_path: Path, spoiled: bytes) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    (path,) = alert_files(tmp_path)
    path.write_bytes(spoiled)
    find(tmp_path, 1, reason("high"))
    report = run(tmp_path, 1)
    assert path.read_bytes() == spoiled
    assert [one["what"] for one in report.skipped] == [f"decisions/alerts/{path.name}"]
    assert len(outbox(tmp_path)) == 2


def test_a_name_that_is_saved_while_the_week_is_told_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    find(tmp_path, 1, reason("high"))
    real = FolderStore.put_if_absent

    def saved_first(at: FolderStore, name: str, data: bytes) -> bool:
        if "/outbox/" in name:
            acknowledge(tmp_path, "Ada")
        return real(at, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put_if_absent", saved_first)
        run(tmp_path, 1)
    assert json.loads(alert_files(tmp_path)[0].read_bytes())["acknowledged_by"] == "Ada"


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_a_file_is_read_as_any_editor_saves_it_and_left_so_while_there_is_nothing_to_say(
    tmp_path: Path, mark: str
) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    (path,) = alert_files(tmp_path)
    saved = json.dumps(json.loads(path.read_bytes()) | {"acknowledged_by": "Ada", "state": "acknowledged"})
    path.write_bytes(f"{mark}{saved}".encode())
    for number in (0, 1):  # of the second week there is no verdict
        assert run(tmp_path, number) == Report()
        assert path.read_bytes() == f"{mark}{saved}".encode()
    find(tmp_path, 1, reason())
    run(tmp_path, 1)
    alert = json.loads(path.read_bytes())
    assert (alert["state"], alert["acknowledged_by"], alert["seen"]) == ("acknowledged", "Ada", "2024-01-13")


def test_a_policy_that_cannot_be_read_is_told_and_alerts_are_told_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find(tmp_path, 0, reason())
    (tmp_path / "decisions").mkdir()
    (tmp_path / "decisions/policy.json").write_text("{")
    assert job.main(["--root", str(tmp_path), "--date", str(week(0) + timedelta(days=1)), "--step", "alert"]) == 5
    assert "where: decisions/policy.json" in capsys.readouterr().err
    assert len(alert_files(tmp_path)) == 1


def test_the_report_is_given_open_alerts_with_age_and_owner(tmp_path: Path) -> None:
    for number in range(3):
        find(
            tmp_path,
            number,
            reason(),
            *([reason("critical", subject="income"), reason(subject="age")] if number == 2 else []),
        )
        run(tmp_path, number)
        if number == 0:
            acknowledge(tmp_path, "Ada")
    root = Root(tmp_path)
    rows = delivering.standing(FolderStore(root), verdicts.until(root, week(2)))
    told = [(row["subject"], row["weeks"], row["acknowledged_by"], row["model_id"]) for row in rows]
    assert told == [("income", 0, None, MODEL), ("score", 2, "Ada", MODEL), ("age", 0, None, MODEL)]
