"""What was there and is gone, told once."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from jobs.decisions import checking
from jobs.decisions.__main__ import main
from jobs.protocol import clock, files, ledger, model_bank, partitions, receipts, strict_json
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.partitions import Input
from jobs.protocol.receipts import Occasion, Report
from jobs.protocol.store import POLICIES, RETRAINING_NOTE, FolderStore
from tests.decisions.wholes import DETAILS, EVIDENCE, ONE_DAY, POLICY_SHA256, TABLE, VERDICT, checked, publish
from tests.protocol.build import SUNDAY, desk, person

if TYPE_CHECKING:
    from pathlib import Path


def test_scores_that_a_run_wrote_and_that_are_gone_are_damage(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    days = [SUNDAY + n * ONE_DAY for n in range(5)]
    for day in days:
        publish(root, "gold/feature_store", [1], [], day)
    for day in days[:4]:
        publish(root, "gold/predictions", [1], [], day)
    report = Report()
    report.change(f"datamart/gold/predictions/snapshot_date={days[3]}", rows=1, why="new")
    receipts.write(root, Occasion("training_inference", days[3], "all"), report, at=clock.now(), seconds=1)
    assert checked(root, capsys) == (0, [])
    homes = [root.at(f"datamart/gold/predictions/snapshot_date={day}") for day in days]
    between = homes[1:3]
    for home in between:
        shutil.rmtree(home)
    code, found = checked(root, capsys)
    assert (code, [(one["where"], "or lost" in one["what"]) for one in found]) == (
        0,
        [(root.name_of(home), True) for home in between],
    )
    shutil.rmtree(homes[3])
    code, found = checked(root, capsys)
    assert (code, [one["where"] for one in found if one["code"]]) == (6, [root.name_of(homes[3])])
    assert "before the next run, which would score the day again" in found[0]["mend"]


def test_scores_that_cite_an_entry_of_another_ledger_are_damage(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    model_id, path = os.listdir(root.at("model_bank"))[0], root.at(partitions.manifest_name("gold/predictions", SUNDAY))
    scored = publish(root, "gold/predictions", [1], [])
    for seq, code in ((3, 0), (1, 6), (53, 6)):
        path.write_bytes(replace(scored, notes={"model_id": model_id, "ledger_seq": seq}).to_bytes())
        found = checked(root, capsys)
        assert (found[0], [one["where"] for one in found[1] if one["code"]]) == (
            code,
            [root.name_of(path.parent)] * (code > 0),
        )


def test_a_model_that_was_never_whole_is_a_remark_and_one_that_was_is_damage(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = root.at("model_bank/20240116-ba9876543210")
    begun.mkdir()
    (begun / ".draft-1-ab").write_bytes(b"")
    code, found = checked(root, capsys)
    assert (code, [one["where"] for one in found]) == (0, ["model_bank/20240116-ba9876543210"])
    next(root.at("model_bank").glob("*/manifest.json")).unlink()
    assert checked(root, capsys)[0] == 6
    assert [one.code for one in checking.models(root, ledger.read(FolderStore(root)))] == [6, 0]


def test_a_damaged_model_that_no_decision_names_is_found(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    copied = model_bank.put(root, SUNDAY, {"recipe.json": b'{"trees": 2}\n'})
    assert checked(root, capsys) == (0, [])
    root.at(f"model_bank/{copied.model_id}/recipe.json").write_bytes(b'{"trees": 3}\n')
    code, found = checked(root, capsys)
    assert (code, [one["where"] for one in found]) == (6, [f"model_bank/{copied.model_id}"])


def test_a_file_that_may_not_be_read_hides_no_other_damage(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = files.sha256_of, next(root.at("datamart/bronze").rglob("*.parquet"))

    def hashed(path: Path) -> str:
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(files, "sha256_of", hashed)
    lost = next(root.at("datamart/silver").rglob("*.parquet"))
    lost.unlink()
    code, found = checked(root, capsys)
    assert (code, {one["where"] for one in found}) == (1, {str(refused), root.name_of(lost)})


def test_a_folder_that_may_not_be_read_and_one_behind_a_link_hide_no_other_damage(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = os.scandir, root.at("datamart/bronze")

    def scanned(path: Path) -> object:
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    lost = next(root.at("datamart/silver").rglob("*.parquet"))
    lost.unlink()
    root.at("datamart/gold/elsewhere").symlink_to(root.at("datamart/silver"))
    monkeypatch.setattr(os, "scandir", scanned)
    code, found = checked(root, capsys)
    assert code == 1
    assert {one["where"] for one in found} == {str(refused), root.name_of(lost), "datamart/gold/elsewhere"}


def test_what_is_lost_on_many_days_for_one_reason_is_told_once(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    days, report = [SUNDAY + n * ONE_DAY for n in range(3)], Report()
    for day in days:
        report.change(f"datamart/gold/predictions/snapshot_date={day}", rows=1, why="new")
    receipts.write(root, Occasion("training_inference", SUNDAY, "all"), report, at=clock.now(), seconds=1)
    assert main(["check", "--root", str(root.path)]) == 6
    said = capsys.readouterr().out
    assert said.count("they are gone\n") == 1
    assert f"snapshot_date={days[0]}, and 2 more like it\n" in said
    assert said.endswith("3 to mend, 0 remarks\n")


def test_a_lost_model_is_told_once_and_not_for_every_day_it_scored(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Input("model_bank/20240101-0123456789ab", "a" * 64)
    for n in range(3):
        publish(root, "gold/predictions", [1], [gone], SUNDAY + n * ONE_DAY)
    code, [lost] = checked(root, capsys)
    assert (code, lost["where"]) == (6, gone.path)
    assert lost["mend"].endswith("cannot be rebuilt: its recipe.json is gone too")


def test_scores_that_evidence_rests_on_are_not_said_to_be_built_again(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(root, "gold/toy_evidence", [1], [Input(f"datamart/gold/predictions/snapshot_date={SUNDAY}", "a" * 64)])
    [lost] = checked(root, capsys)[1]
    assert lost["what"] == "an input of datamart/gold/toy_evidence is missing"
    assert lost["mend"] == "restore it from a backup; if deleted, the day is scored again by the model that serves then"


@pytest.mark.parametrize("cited_by", ["verdict", "recipe"])
def test_a_policy_that_was_used_and_whose_copy_is_gone_is_damage(
    root: Root, cited_by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = f"{POLICIES}/{POLICY_SHA256[:12]}.json"
    if cited_by == "recipe":
        root.at(DETAILS).write_bytes(strict_json.pretty({**VERDICT, "policy_sha256": "a" * 64}))
        root.at(f"{POLICIES}/{'a' * 12}.json").touch()
    root.at(lost).unlink()
    code, found = checked(root, capsys)
    told = [one for one in found if one["code"] and one["what"].startswith("the policy by which")]
    assert (code, [one["where"] for one in told]) == (6, [lost])
    assert told[0]["mend"].endswith("the next run copies it")


@pytest.mark.parametrize("name", [EVIDENCE, TABLE], ids=["evidence", "a-table-of-it"])
def test_evidence_of_a_verdict_that_no_note_cites_is_held_against_its_hash(
    root: Root, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root.at(name)
    for damage, said in ((lambda: path.write_bytes(b"{}"), "changed"), (path.unlink, "missing")):
        damage()
        code, found = checked(root, capsys)
        told = [(one["what"], one["where"]) for one in found if one["code"]]
        assert (code, told) == (6, [(f"evidence that a verdict cites is {said}", name)])


def test_a_manifest_and_a_verdict_that_no_job_wrote_are_damage_with_the_place(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = publish(root, "silver/other", [1], [])
    name, older = partitions.manifest_name("silver/other", SUNDAY), DETAILS.replace(".json", f"-{'b' * 12}.json")
    root.at(name).write_bytes(replace(manifest, counts={"rows": -1}).to_bytes())
    root.at(older).write_bytes(strict_json.pretty({**VERDICT, "reasons": [3]}))
    root.at(DETAILS).with_name(f"decision-{'c' * 12}.json").write_bytes(b"{")
    code, found = checked(root, capsys)
    told = {one["where"]: one["what"] for one in found if one["code"]}
    breach = (
        "the manifest does not keep its contract: /counts/rows is of type integer, but may be a whole number from 0"
    )
    assert (code, told.pop(name)) == (6, breach)
    assert told.pop(older).startswith("the verdict does not keep its contract: /reasons/0 is of type integer, but may")
    [(where, left)] = told.items()
    assert where.endswith("/decision-cccccccccccc.json: line 1, column 2")
    assert left == "the verdict cannot be read: found the end of the file"


def test_where_a_persons_note_points_is_not_looked_at(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = {"path": "datamart/gold/monitoring/week=1999-01-02/decision.json", "sha256": "0" * 64}
    at_desk = desk(FolderStore(root), SUNDAY)
    root.at(RETRAINING_NOTE).unlink(missing_ok=True)
    root.at(RETRAINING_NOTE).write_bytes(person(details=nowhere))
    assert begin(at_desk).state.open
    code, found = checked(root, capsys)
    assert code == 0, found
    assert any("does not name the newest entry" in one["what"] for one in found), "before STATUS.txt is written"


def test_an_entry_that_could_not_follow_is_told_with_its_place(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    sight = SimpleNamespace(state=SimpleNamespace(ignored=(3,)), problems=())
    monkeypatch.setattr(checking, "sight_of", lambda *_: sight)
    [found] = checking.notes(root)
    assert (found.where, found.code) == ("decisions/ledger/00000003.json", 6)
    assert "entry 3 is not valid where it stands" in found.what
