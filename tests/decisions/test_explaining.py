from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.decisions.__main__ import main
from jobs.protocol import files, partitions
from jobs.protocol.claims import TRAINER, choose, claim
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin, place
from jobs.protocol.store import SERVING_NOTE, FolderStore
from tests.decisions.wholes import DETAILS, LANDED, ONE_DAY, cited, land, publish, whole
from tests.protocol.build import OPEN_RULES, OTHER, READY, SUNDAY, desk, machine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def told(root: Root, capsys: pytest.CaptureFixture[str], day: str = str(SUNDAY)) -> str:
    assert main(["explain", day, "--root", str(root.path)]) == 0
    return capsys.readouterr().out


def test_a_date_is_explained_from_run_to_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Root(tmp_path, durable=False)
    model_id = whole(root)
    publish(root, "silver/toy", [1], [], SUNDAY - ONE_DAY)
    said = told(root, capsys)
    assert "preprocessing, step all: exit code 0, 1 written (1 in silver)" in said
    assert "entry 1 proposed (training_inference/2024-01-14/abc): source cold_start" in said
    assert f"{model_id}, by entry 3 of 2024-01-14: promoted" in said
    assert "\n    auc: 0.7\n" in said
    assert "decision 1 (cold_start, HIGH): Performance score 0.650 below threshold" in said
    assert f"  evidence {DETAILS} " in said
    assert "datamart/silver/toy/snapshot_date=2024-01-14: 2 rows, content " in said
    assert "from datamart/bronze/toy/snapshot_date=2024-01-14 " in said
    assert "OPEN ON 2024-01-14\n  decision 4 (monitor, HIGH): Next week" in said
    assert "changed since" not in said
    assert ", 1 partitions" not in said
    places = [line for line in said.partition("PARTITIONS OF")[2].splitlines() if line.startswith("  datamart")]
    assert places
    assert all(f"={SUNDAY}: " in line for line in places)
    assert "missing" not in said
    assert "OPEN ON 2024-02-14\n  none" in told(root, capsys, "2024-02-14"), "its last day has passed"


def test_a_day_is_explained_by_the_model_that_scored_it_also_where_that_served_only_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Root(tmp_path, durable=False)
    model_id, before = whole(root), SUNDAY - ONE_DAY
    scored = publish(root, "gold/predictions", [1], [], before)
    noted = replace(scored, notes={"model_id": model_id, "ledger_seq": 3})
    root.at(partitions.manifest_name("gold/predictions", before)).write_bytes(noted.to_bytes())
    assert f"{model_id}, by entry 3 of 2024-01-14: promoted" in told(root, capsys, str(before))


def test_evidence_that_was_replaced_is_found_where_it_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Root(tmp_path, durable=False)
    whole(root)
    path = root.at(DETAILS)
    kept = f"decision-{files.sha256_of(path)[:12]}.json"
    path.rename(path.with_name(kept))
    path.write_bytes(b"{}")
    said = told(root, capsys)
    assert f", replaced since and kept as {kept}\n" in said
    path.with_name(kept).write_bytes(b"{ }")
    assert "changed since" in told(root, capsys)


def test_a_decision_that_is_claimed_stays_open_when_its_last_day_has_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Root(tmp_path, durable=False)
    whole(root)
    trainer = desk(FolderStore(root), SUNDAY + 7 * ONE_DAY)
    place(trainer, machine(SUNDAY + 7 * ONE_DAY), begin(trainer))
    with files.locked(root, root.at(TRAINER), "held"):
        claim(trainer, OPEN_RULES, READY, "2999-01-01T08:00:00+00:00")
    assert "OPEN ON 2024-03-14\n  decision" in told(root, capsys, "2024-03-14")


def test_a_persons_choice_that_ended_a_decision_is_told_as_theirs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Root(tmp_path, durable=False)
    whole(root)
    root.at(SERVING_NOTE).unlink(missing_ok=True)
    root.at(SERVING_NOTE).write_text(json.dumps({"model_id": OTHER, "reason": "", "pinned": False}))
    ledger, _ = choose(desk(FolderStore(root), SUNDAY + ONE_DAY, unusable=lambda _: None))
    assert (ledger.state.ended[-1].seq, ledger.state.ended[-1].how) == (6, "superseded")
    said = told(root, capsys, str(SUNDAY + ONE_DAY))
    assert f"{OTHER}, by entry 6 of 2024-01-15: chosen\n  a person chose it in serving_decision.json" in said


def test_a_day_before_any_model_says_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Root(tmp_path, durable=False)
    whole(root)
    assert "THE MODEL THAT SCORES 2024-01-13\n  none" in told(root, capsys, "2024-01-13")


def test_inputs_that_changed_or_went_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Root(tmp_path, durable=False)
    whole(root)
    root.at(DETAILS).write_bytes(b"{}")
    root.at(LANDED).unlink()
    said = told(root, capsys)
    assert [line.rpartition(", ")[2] for line in said.splitlines() if DETAILS in line] == ["changed since"] * 2
    assert [line.rpartition(", ")[2] for line in said.splitlines() if LANDED in line] == ["missing now"]
    publish(root, "gold/toy", [1], [cited(publish(root, "silver/toy", [1], [land(root)]))])
    publish(root, "silver/toy", [1, 2, 3], [])
    assert "from datamart/silver/toy/snapshot_date=2024-01-14" in (said := told(root, capsys))
    assert sum(line.endswith("changed since") for line in said.splitlines()) == 4
