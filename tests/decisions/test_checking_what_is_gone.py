"""What `check` says of files and folders that are not where they belong."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from jobs.decisions.__main__ import main
from jobs.protocol import verdicts
from jobs.protocol.files import Root
from tests.decisions.wholes import LANDED, ONE_DAY, checked, land, publish
from tests.protocol.build import SUNDAY

if TYPE_CHECKING:
    from pathlib import Path


def test_a_corrected_landing_file_is_work_and_a_lost_one_is_damage(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    land(root, "id\n1\n2\n3\n")
    code, found = checked(root, capsys)
    assert (code, [one["where"] for one in found]) == (0, [LANDED])
    assert found[0]["mend"].startswith("if it was landed again")
    root.at(LANDED).unlink()
    code, found = checked(root, capsys)
    assert (code, found[0]["where"]) == (6, LANDED)


def test_a_partition_without_its_manifest_or_an_emptied_one_is_found(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    home = root.at("datamart/bronze/toy/snapshot_date=2024-01-14")
    shutil.rmtree(home)
    code, found = checked(root, capsys)
    assert code == 6
    [lost] = found
    assert lost["what"] == "an input of datamart/silver/toy is missing"
    assert lost["where"] == "datamart/bronze/toy/snapshot_date=2024-01-14"
    assert lost["mend"].startswith("run the job that writes it (training_inference: scores; else preprocessing)")


def test_a_folder_named_after_a_day_that_no_calendar_has_stops_nobody(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("gold/monitoring/week=2024-02-30", "silver/toy/snapshot_date=2024-02-30"):
        root.at(f"datamart/{name}").mkdir()
    root.at("datamart/gold/monitoring/week=2024-02-30/decision.json").write_bytes(b"{}")
    assert checked(root, capsys)[0] == 0
    assert verdicts.weeks(root, SUNDAY) == [SUNDAY - ONE_DAY]


def test_a_model_bank_and_a_ledger_that_were_moved_away_are_found(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    root.at("model_bank").rename(root.at("elsewhere"))
    code, found = checked(root, capsys)
    assert (code, found[0]["where"].partition("/")[0]) == (6, "model_bank")
    root.at("elsewhere").rename(root.at("model_bank"))
    root.at("decisions/ledger").rename(root.at("elsewhere"))
    code, found = checked(root, capsys)
    assert code == 6
    assert "STATUS.txt names an entry 5 that is not in the ledger" in found[0]["what"]


def test_a_root_that_lost_its_decisions_is_not_asked_whether_any_job_has_run(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(root, "gold/predictions", [1], [])
    shutil.rmtree(root.at("decisions"))
    for command, code in (("check", 6), ("doctor", 0)):
        assert main([command, "--root", str(root.path)]) == code
        assert "no job has run" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "doctor"])
def test_a_folder_on_which_no_job_has_run_is_asked_about(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--root", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "remark: no job has run on this root yet\n  where: decisions\n  mend:  is this the right --root?"
    )
    assert said.endswith(", 1 remark\n")
