"""The note of a week where a person has written one, or where training is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.protocol import files, ingest, strict_json, verdicts
from jobs.protocol.claims import claim, complete
from jobs.protocol.files import Root
from jobs.protocol.store import RETRAINING_NOTE, STATUS, FolderStore, quarantine_name
from tests.monitoring.deciding import DAY, FEW, judged, kinds, note, run, serving
from tests.monitoring.evidences import WEEK, drifted
from tests.protocol.build import OPEN_RULES, OTHER, PASSED, READY, SUNDAY, desk, person

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return serving(tmp_path)


def test_a_persons_decision_stands_and_status_says_what_monitoring_would(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), person(retrain=False))
    judged(root, **drifted(0.6))
    session = run(root)
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "a person's decision is open"}]
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (person(retrain=False), ["proposed"])
    assert "would now say: The scores have moved" in " ".join(root.at(STATUS).read_text().split())


def test_a_claim_is_left_in_peace(root: Root) -> None:
    judged(root, **drifted(0.6))
    run(root)
    assert "would now say" not in root.at(STATUS).read_text(), "the open decision says it"
    claim(desk(FolderStore(root), SUNDAY + DAY, job="training_inference"), OPEN_RULES, READY, "")
    judged(root, **drifted(0.7))
    session = run(root, SUNDAY + DAY)
    assert kinds(root) == ["proposed", "claimed"]
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "training is at work on a decision"}]


def test_a_completed_decision_is_not_asked_for_again(root: Root) -> None:
    judged(root, **drifted(0.6))
    run(root)
    trainer = desk(FolderStore(root), SUNDAY + DAY, job="training_inference")
    _, entry = claim(trainer, OPEN_RULES, READY, "")
    assert entry
    complete(trainer, entry.seq, PASSED)
    run(root, SUNDAY + DAY)
    assert kinds(root) == ["proposed", "claimed", "completed"]
    assert not root.at(RETRAINING_NOTE).exists()


def test_a_note_that_a_person_deleted_is_not_put_back(root: Root) -> None:
    judged(root, **drifted(0.6))
    run(root)
    root.at(RETRAINING_NOTE).unlink()
    for _ in range(2):
        run(root, SUNDAY + DAY)
    assert kinds(root) == ["proposed", "withdrawn"]
    assert not root.at(RETRAINING_NOTE).exists()


def test_a_note_that_changes_meanwhile_is_looked_at_anew(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person saves between ingest and placing: their decision is recorded, and stands."""
    judged(root, **drifted(0.6))
    place = ingest.place
    calls: list[bytes] = []

    def late(at: Any, data: bytes, seen: Any) -> Any:
        if not calls:
            files.write_whole(root, root.at(RETRAINING_NOTE), person(retrain=False))
        calls.append(data)
        return place(at, data, seen)

    monkeypatch.setattr(ingest, "place", late)
    run(root)
    assert (len(calls), kinds(root)) == (2, ["proposed"])
    assert root.at(RETRAINING_NOTE).read_bytes() == person(retrain=False)


def test_a_note_that_others_keep_changing_is_looked_at_three_times(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(root, **drifted(0.6))
    calls: list[bytes] = []

    def changed(_: Any, data: bytes, seen: Any) -> Any:
        calls.append(data)
        return seen, "changed"

    monkeypatch.setattr(ingest, "place", changed)
    session = run(root)
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "somebody keeps changing the note"}]
    assert (len(calls), len(set(calls))) == (3, 1)


def test_a_verdict_on_a_model_that_serves_no_more_writes_no_note(root: Root) -> None:
    verdict = judged(root, **drifted(0.6)) | {"model_id": OTHER}
    files.write_whole(root, root.at(verdicts.name_of(WEEK)), strict_json.pretty(verdict))
    session = run(root)
    why = "the model that was judged no longer serves"
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": why}]
    assert not root.at(RETRAINING_NOTE).exists()


def test_a_half_saved_note_makes_way_and_is_kept(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), b'{"decision_date": "2024-')
    judged(root, **drifted(0.6))
    changed = {one["name"]: one for one in run(root).run.report.changed}
    assert note(root)["retrain"] is True
    kept = quarantine_name(b'{"decision_date": "2024-')
    assert root.at(kept).is_file()
    assert changed[kept]["why"] == "it was in place of the note: found a string without an end"
    assert RETRAINING_NOTE in changed


def test_a_half_saved_note_that_stays_is_a_problem_of_the_run(root: Root) -> None:
    judged(root, WEEK, **FEW)
    files.write_whole(root, root.at(RETRAINING_NOTE), b'{"decision_date": "2024-')
    assert run(root).run.report.code == 5
    judged(root, **drifted(0.6))
    assert run(root).run.report.code == 0


def test_a_persons_decision_of_the_same_date_does_not_make_a_week_one_that_is_judged_anew(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), person(SUNDAY))
    run(root)
    root.at(RETRAINING_NOTE).unlink()
    run(root)
    judged(root, **drifted(0.6))
    run(root, today=SUNDAY + 30 * DAY)
    assert kinds(root) == ["proposed", "withdrawn", "proposed"]


def test_a_note_of_today_stands_while_missed_days_are_made_good_and_is_read_in_its_turn(root: Root) -> None:
    """The schedule was down from Sunday to Tuesday, and on Tuesday a person wrote a veto."""
    veto, tuesday = person(SUNDAY + 2 * DAY, retrain=False), SUNDAY + 2 * DAY
    files.write_whole(root, root.at(RETRAINING_NOTE), veto)
    judged(root, **drifted(0.6))
    report = run(root, today=tuesday).run.report
    why = "the note in place is dated after this run"
    assert (report.skipped, report.code) == ([{"what": RETRAINING_NOTE, "why": why}], 0)
    assert "dated after this run, so a later run reads it. It is left in place." in " ".join(
        root.at(STATUS).read_text().split()
    )
    assert "PROBLEMS" not in root.at(STATUS).read_text()
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (veto, [])
    run(root, tuesday)
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (veto, ["proposed"])


def test_a_mistyped_date_makes_way_also_where_missed_days_are_made_good(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), person(SUNDAY + 3 * DAY))
    judged(root, **drifted(0.6))
    run(root, today=SUNDAY + 2 * DAY)
    assert kinds(root) == ["proposed"]
    assert root.at(quarantine_name(person(SUNDAY + 3 * DAY))).is_file()


def test_what_is_no_plain_file_is_left_and_told_as_what_it_is(root: Root) -> None:
    waited: list[float] = []
    root.at(RETRAINING_NOTE).symlink_to("policy.json")
    judged(root, **drifted(0.6))
    report = run(root, wait=waited.append).run.report
    why = "the note in place is not a plain file that a job may read"
    assert (report.skipped, report.code, len(waited)) == ([{"what": RETRAINING_NOTE, "why": why}], 5, 1)
    said = " ".join(root.at(STATUS).read_text().split())
    assert "see PROBLEMS. It is left in place." in said


@pytest.mark.parametrize("approved", [False, True])
def test_a_training_is_remembered_with_the_reasons_of_the_note_that_a_person_approved(
    root: Root, *, approved: bool
) -> None:
    judged(root, **drifted(0.6))
    run(root)
    if approved:
        files.write_whole(root, root.at(RETRAINING_NOTE), strict_json.pretty(note(root) | {"approved_by": "Ann"}))
    trainer = desk(FolderStore(root), SUNDAY + DAY, job="training_inference")
    ingest.begin(trainer)
    _, entry = claim(trainer, OPEN_RULES, READY, "")
    assert entry
    ended = complete(trainer, entry.seq, PASSED).state.ended[-1]
    assert ended.decision.source == ("person" if approved else "monitor")
    [taught] = run(root, SUNDAY + 7 * DAY).sources.trainings
    assert "drift" in taught["reasons"]
