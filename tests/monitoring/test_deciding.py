"""The note of a week, on a real folder, whatever lies there already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jobs.decisions.__main__ import main as decisions
from jobs.protocol import files, ledger, policy, verdicts
from jobs.protocol.files import Root
from jobs.protocol.store import RETRAINING_NOTE, STATUS, FolderStore
from tests.monitoring.deciding import DAY, FEW, RULES, judged, kinds, note, run, serving
from tests.monitoring.evidences import WEEK, drifted, finding
from tests.protocol.build import SUNDAY, person

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return serving(tmp_path)


def test_the_note_says_what_the_verdict_says(root: Root) -> None:
    verdict = judged(root, **drifted(0.6))
    run(root)
    path = f"{verdicts.folder(WEEK)}/decision.json"
    found = note(root)
    assert found.pop("decision_id").startswith("2024-01-14-")
    assert list(found.items()) == [
        ("decision_date", "2024-01-14"),
        ("performance_score", 0.70),
        ("retrain", True),
        ("reason", verdict["sentence"]),
        ("priority", "HIGH"),
        ("valid_until", "2024-01-21"),
        ("approved_by", None),
        ("details", {"path": path, "sha256": files.sha256_of(root.at(path))}),
    ]
    standing = ledger.read(FolderStore(root)).state.open
    assert standing
    assert (standing.source, standing.retrain, standing.priority) == ("monitor", True, "HIGH")


@pytest.mark.parametrize("changes", [{}, drifted(0.27), {"quality__findings": [finding("critical")]}])
def test_no_action_and_alert_are_written_too(root: Root, changes: dict[str, Any]) -> None:
    judged(root, **changes)
    run(root)
    assert (note(root)["retrain"], kinds(root)) == (False, ["proposed"])


def test_a_week_has_one_note_though_the_job_runs_five_times(root: Root) -> None:
    judged(root, **drifted(0.6))
    seen = set()
    for days in range(5):
        run(root, SUNDAY + days * DAY)
        seen.add((root.at(RETRAINING_NOTE).read_bytes(), root.at(STATUS).read_bytes()))
    assert (len(seen), kinds(root)) == (1, ["proposed"])


def test_the_bytes_do_not_depend_on_the_day_of_the_run(root: Root, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = serving(tmp_path_factory.mktemp("other"))
    for each, day in ((root, SUNDAY), (other, SUNDAY + 5 * DAY)):
        judged(each, **drifted(0.6))
        run(each, day)
    assert root.at(RETRAINING_NOTE).read_bytes() == other.at(RETRAINING_NOTE).read_bytes()


def test_the_next_week_takes_its_place(root: Root) -> None:
    judged(root, **drifted(0.6))
    run(root)
    judged(root, WEEK + 7 * DAY)
    run(root, SUNDAY + 7 * DAY)
    assert (note(root)["retrain"], kinds(root)) == (False, ["proposed", "proposed"])


def test_insufficient_data_replace_nothing(root: Root) -> None:
    judged(root, **drifted(0.6))
    run(root)
    before = root.at(RETRAINING_NOTE).read_bytes()
    judged(root, WEEK + 7 * DAY, **FEW)
    session = run(root, SUNDAY + 7 * DAY)
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (before, ["proposed"])
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "there is too little to judge"}]
    assert "Too little can be judged" in root.at(STATUS).read_text()


def test_a_backfill_writes_no_note(root: Root) -> None:
    judged(root, WEEK + 28 * DAY)
    run(root, SUNDAY + 28 * DAY)
    before = root.at(RETRAINING_NOTE).read_bytes()
    root.at(STATUS).unlink()
    judged(root, **drifted(0.6))
    run(root)
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (before, ["proposed"])
    assert not root.at(STATUS).exists()


def test_a_run_whose_clock_is_before_the_ledger_says_so_and_a_mere_backfill_does_not(root: Root) -> None:
    judged(root, WEEK + 28 * DAY)
    run(root, SUNDAY + 28 * DAY)
    judged(root, **drifted(0.6))
    assert not run(root, today=SUNDAY + 28 * DAY).run.report.problems
    (problem,) = run(root).run.report.problems
    assert (problem.code, problem.where) == (6, "decisions/ledger")
    assert problem.what == f"the ledger has an entry dated {SUNDAY + 28 * DAY}, but today is {SUNDAY}"


def test_a_note_whose_days_have_passed_is_not_written(root: Root) -> None:
    judged(root, **drifted(0.4))
    valid = RULES.decision.valid_days | {"MEDIUM": 1}  # type: ignore[operator]
    short = policy.load(json.dumps({"decision": {"valid_days": valid}}).encode(), "policy.json")
    session = run(root, SUNDAY + 3 * DAY, short)
    assert not root.at(RETRAINING_NOTE).exists()
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "the note would no longer be valid"}]


def test_done_again_when_the_days_of_its_note_have_passed_it_does_nothing(root: Root) -> None:
    judged(root)
    run(root)
    said = run(root, today=SUNDAY + 8 * DAY).run.report
    assert (said.changed, said.skipped) == ([], [])


def test_a_week_judged_anew_when_the_days_of_its_note_have_passed_writes_none(root: Root) -> None:
    judged(root, **drifted(0.4))
    run(root, today=SUNDAY + 30 * DAY)
    assert kinds(root) == ["proposed"], "days made good one by one have their trainings still to come"
    before = root.at(RETRAINING_NOTE).read_bytes()
    judged(root, **drifted(0.6))
    session = run(root, today=SUNDAY + 30 * DAY)
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (before, ["proposed"])
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "the note would no longer be valid"}]
    run(root, today=SUNDAY + 7 * DAY)
    assert kinds(root) == ["proposed", "proposed"]


def test_weeks_that_are_made_good_late_have_their_notes_one_after_the_other(root: Root) -> None:
    for number in range(2):
        judged(root, WEEK + 7 * number * DAY, **drifted(0.4))
        run(root, SUNDAY + 7 * number * DAY, today=SUNDAY + 30 * DAY)
    assert (note(root)["decision_date"], kinds(root)) == ("2024-01-21", ["proposed", "proposed"])


def test_a_week_without_a_verdict_only_puts_the_desk_in_order(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), person())
    run(root)
    assert kinds(root) == ["proposed"]


def test_the_commands_of_decisions_know_what_was_decided(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    judged(root, **drifted(0.6))
    run(root)
    for command in (["explain", "2024-01-14"], ["check"], ["gc"]):
        assert decisions([*command, "--root", str(root.path)]) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "The scores have moved: PSI 0.600" in said
    assert "week=2024-01-13/decision.json" in said
    assert "missing now" not in said
    assert "changed since" not in said
