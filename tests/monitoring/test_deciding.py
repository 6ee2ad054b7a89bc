"""The note of a week, on a real folder, whatever lies there already."""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs.decisions.__main__ import main as decisions
from jobs.monitoring.deciding import decide
from jobs.monitoring.retraining import judge
from jobs.monitoring.session import Session
from jobs.protocol import files, ingest, ledger, model_bank, policy, strict_json, verdicts
from jobs.protocol.claims import choose, claim, complete
from jobs.protocol.command import Run
from jobs.protocol.events import Events
from jobs.protocol.facts import RETRAINING
from jobs.protocol.files import Root
from jobs.protocol.index import Index
from jobs.protocol.notes import serving_bytes
from jobs.protocol.policies import POLICY as POLICY_FILE
from jobs.protocol.shelf import Shelf
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE, STATUS, FolderStore, quarantine_name
from tests.monitoring.evidences import WEEK, drifted, evidence, finding
from tests.protocol.build import OPEN_RULES, PASSED, READY, SUNDAY, desk, person

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.protocol.policy import Policy

RULES = policy.load(None, "policy.json")
DAY = timedelta(days=1)
FIRST = date(2023, 6, 1)
FEW = {"window__rows": 10, "performance__n": 10}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """One in which a model serves."""
    store, root = FolderStore(Root(tmp_path)), Root(tmp_path)
    store.put_if_absent(POLICY_FILE, policy.default_bytes())
    model = model_bank.put(root, FIRST, {"recipe.json": b'{"trees": 1}\n'})
    store.put_if_absent(SERVING_NOTE, serving_bytes(model.model_id, FIRST, "the first", pinned=False))
    choose(desk(store, FIRST, job="training_inference"), lambda _: None)
    return root


def judged(root: Root, week: date = WEEK, **changes: Any) -> dict[str, Any]:
    """A week's verdict and evidence, as they lie there."""
    found = evidence(week, **changes)
    data = strict_json.pretty(found)
    sha256 = hashlib.sha256(data).hexdigest()
    name = f"{verdicts.folder(week)}/evidence-{sha256[:12]}.json"
    files.write_whole(root, root.at(name), data)
    cited = {"evidence": {"path": name, "sha256": sha256}, "policy_sha256": RULES.sha256, "previous": None}
    verdict = judge(found, RULES) | cited
    files.write_whole(root, root.at(f"{verdicts.folder(week)}/decision.json"), strict_json.pretty(verdict))
    return verdict


def run(
    root: Root, day: date = SUNDAY, rules: Policy = RULES, wait: Any = lambda _: None, today: date | None = None
) -> Session:
    """One run of the step."""
    of = Run(root, day, today or day, False, Events(), argparse.Namespace(), 0.0)
    at = desk(FolderStore(root), day, wait=wait)
    session = Session(of, FolderStore(root), at, rules, None, Shelf(root=root, index=Index(root, "monitoring")))
    decide(session)
    return session


def kinds(root: Root) -> list[str]:
    return [entry.kind for entry in ledger.read(FolderStore(root)).entries if entry.topic == RETRAINING]


def note(root: Root) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(root.at(RETRAINING_NOTE).read_bytes())
    return found


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
    other = Root(tmp_path_factory.mktemp("other"))
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
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "too little can be judged"}]
    assert "Too little can be judged" in root.at(STATUS).read_text()


def test_a_persons_decision_stands_and_status_says_what_monitoring_would(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), person(retrain=False))
    judged(root, **drifted(0.6))
    run(root)
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (person(retrain=False), ["proposed"])
    assert "would now say: The scores have moved" in " ".join(root.at(STATUS).read_text().split())


def test_a_claim_is_left_in_peace(root: Root) -> None:
    judged(root, **drifted(0.6))
    run(root)
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
    complete(trainer, entry.seq, PASSED, lambda _: None)
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


def test_a_half_saved_note_makes_way_and_is_kept(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), b'{"decision_date": "2024-')
    judged(root, **drifted(0.6))
    run(root)
    assert note(root)["retrain"] is True
    assert root.at(quarantine_name(b'{"decision_date": "2024-')).is_file()


def test_a_backfill_writes_no_note(root: Root) -> None:
    judged(root, WEEK + 28 * DAY)
    run(root, SUNDAY + 28 * DAY)
    before = root.at(RETRAINING_NOTE).read_bytes()
    root.at(STATUS).unlink()
    judged(root, **drifted(0.6))
    run(root)
    assert (root.at(RETRAINING_NOTE).read_bytes(), kinds(root)) == (before, ["proposed"])
    assert not root.at(STATUS).exists()


def test_a_note_whose_days_have_passed_is_not_written(root: Root) -> None:
    judged(root, **drifted(0.4))
    valid = RULES.decision.valid_days | {"MEDIUM": 1}  # type: ignore[operator]
    short = policy.load(json.dumps({"decision": {"valid_days": valid}}).encode(), "policy.json")
    session = run(root, SUNDAY + 3 * DAY, short)
    assert not root.at(RETRAINING_NOTE).exists()
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "its last day has passed"}]


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
    assert session.run.report.skipped == [{"what": RETRAINING_NOTE, "why": "its last day has passed"}]
    run(root, today=SUNDAY + 7 * DAY)
    assert kinds(root) == ["proposed", "proposed"]


def test_a_persons_decision_of_the_same_date_does_not_make_a_week_one_that_is_judged_anew(root: Root) -> None:
    files.write_whole(root, root.at(RETRAINING_NOTE), person(SUNDAY))
    run(root)
    root.at(RETRAINING_NOTE).unlink()
    run(root)
    judged(root, **drifted(0.6))
    run(root, today=SUNDAY + 30 * DAY)
    assert kinds(root) == ["proposed", "withdrawn", "proposed"]


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
    assert "The scores have moved: stability index 0.600" in said
    assert "week=2024-01-13/decision.json" in said
    assert "missing now" not in said
    assert "changed since" not in said
