from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger as ledgers
from jobs.protocol import model_bank, schemas, status
from jobs.protocol.claims import choose, claim, complete, fail_attempt
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE, STATUS, FolderStore
from tests.protocol.build import (
    MODEL,
    OPEN_RULES,
    OTHER,
    PASSED,
    READY,
    SUNDAY,
    desk,
    machine,
    person,
    refused_unheld,
    rules,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(Root(tmp_path))


def started(store: FolderStore, note: bytes | None = None) -> int:
    store.put_if_absent(RETRAINING_NOTE, note or machine())
    begin(desk(store))
    entry = claim(desk(store), OPEN_RULES, READY, "2024-01-14T08:00:00+00:00")[1]
    assert entry is not None
    assert entry.kind == "claimed"
    return entry.seq


def kinds(store: FolderStore) -> list[str]:
    return [entry.kind for entry in ledgers.read(store).entries]


def serves(store: FolderStore) -> dict[str, object]:
    fields: dict[str, object] = json.loads(store.get(SERVING_NOTE) or b"{}")
    return fields


def test_a_promoted_model_serves_and_both_notes_say_so(store: FolderStore) -> None:
    ledger = complete(desk(store), started(store), PASSED)
    assert ledger.state.model_id == MODEL
    told = {"claim", "verdict", "model_id", "model_sha256", "reasons", "metrics"}
    assert ledger.entries[-1].body.keys() == told
    assert serves(store) == {"model_id": MODEL, "since": "2024-01-14", "reason": "promoted", "pinned": False}
    assert store.get(RETRAINING_NOTE) is None


def test_a_model_that_fails_its_gates_is_kept_out(store: FolderStore) -> None:
    ledger = complete(desk(store), started(store), replace(PASSED, promote=False))
    assert (ledger.state.model_id, ledger.entries[-1].body["verdict"], serves(store)) == (None, "kept", {})


def test_what_was_said_of_a_training_decides_nothing(store: FolderStore) -> None:
    ended = complete(desk(store), started(store), replace(PASSED, reasons=("a gate had nothing to judge",))).entries[-1]
    assert (ended.body["verdict"], ended.body["reasons"]) == ("promoted", ["a gate had nothing to judge"])


def test_an_edit_that_came_after_the_claim_stays_in_place(store: FolderStore, tmp_path: Path) -> None:
    seq = started(store)
    (tmp_path / RETRAINING_NOTE).write_bytes(person())
    complete(desk(store), seq, PASSED)
    assert store.get(RETRAINING_NOTE) == person()


@pytest.mark.parametrize(
    "wish", [{"model_id": OTHER}, {"model_id": MODEL, "pinned": True}], ids=["rolled-back", "pinned"]
)
def test_a_persons_choice_during_a_training_wins_over_its_promotion(
    store: FolderStore, tmp_path: Path, wish: dict[str, object]
) -> None:
    complete(desk(store), started(store), PASSED)
    seq = started(store, person())
    (tmp_path / SERVING_NOTE).write_text(json.dumps(wish))
    ledger = complete(desk(store), seq, replace(PASSED, model_id="20240117-000000000000", reasons=("so",)))
    assert kinds(store)[-2:] == ["serving", "completed"]
    ended = ledger.entries[-1].body
    assert (ended["verdict"], ledger.state.model_id) == ("kept", wish["model_id"])
    why = "the model that serves is pinned" if "pinned" in wish else "another model serves than when it was claimed"
    assert ended["reasons"] == ["so", f"it passed its gates, but {why}"]
    assert serves(store) == wish


def test_a_choice_that_is_saved_at_the_moment_of_a_promotion_wins_over_it(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(desk(store), started(store), PASSED)
    seq, real = started(store, person()), FolderStore.remove_if

    def saved_first(at: FolderStore, name: str, expected: bytes) -> bool:
        if name == SERVING_NOTE:
            (tmp_path / name).write_text(json.dumps({"model_id": OTHER}))
        return real(at, name, expected)

    monkeypatch.setattr(FolderStore, "remove_if", saved_first)
    ledger = complete(desk(store), seq, replace(PASSED, model_id="20240117-000000000000"))
    assert (ledger.entries[-1].body["verdict"], serves(store)) == ("kept", {"model_id": OTHER})
    assert ledger.entries[-1].body["reasons"] == ["it passed its gates, but the serving note was saved just then"]


def test_a_serving_note_that_cannot_be_read_stays_and_promotes_nothing(store: FolderStore, tmp_path: Path) -> None:
    complete(desk(store), started(store), PASSED)
    seq = started(store, person())
    (tmp_path / SERVING_NOTE).write_bytes(b"{half")
    ledger = complete(desk(store), seq, replace(PASSED, model_id=OTHER))
    assert (ledger.state.model_id, store.get(SERVING_NOTE)) == (MODEL, b"{half")
    assert ledger.entries[-1].body["reasons"] == ["it passed its gates, but the serving note cannot be used"]


def test_a_link_in_place_of_the_serving_note_is_told_and_not_followed(store: FolderStore, tmp_path: Path) -> None:
    complete(desk(store), started(store), PASSED)
    (tmp_path / SERVING_NOTE).rename(tmp_path / "elsewhere")
    (tmp_path / SERVING_NOTE).symlink_to(tmp_path / "elsewhere")
    ledger, chosen = choose(desk(store))
    assert chosen.problem
    assert (chosen.problem.where, ledger.state.model_id) == (SERVING_NOTE, MODEL)
    assert (tmp_path / SERVING_NOTE).is_symlink()


def test_an_old_serving_note_found_after_a_promotion_is_a_persons_wish(store: FolderStore, tmp_path: Path) -> None:
    complete(desk(store), started(store), PASSED)
    before = store.get(SERVING_NOTE) or b""
    complete(desk(store), started(store, person()), replace(PASSED, model_id=OTHER))
    assert serves(store)["model_id"] == OTHER
    (tmp_path / SERVING_NOTE).write_bytes(before)
    assert choose(desk(store))[0].state.model_id == MODEL
    assert kinds(store)[-1] == "serving"


def test_a_damaged_model_is_refused_and_the_one_before_serves_on(store: FolderStore, tmp_path: Path) -> None:
    complete(desk(store), started(store), PASSED)
    (tmp_path / SERVING_NOTE).write_text(json.dumps({"model_id": OTHER}))
    ledger, chosen = choose(desk(store, unusable=lambda _: "its manifest is missing"))
    assert chosen.problem is not None
    assert "its manifest is missing" in chosen.problem.what
    assert (ledger.state.model_id, serves(store)) == (MODEL, {"model_id": OTHER})


def test_a_serving_note_that_was_deleted_is_written_again_and_means_nothing(store: FolderStore, tmp_path: Path) -> None:
    complete(desk(store), started(store), PASSED)
    before, said = store.get(SERVING_NOTE), kinds(store)
    (tmp_path / SERVING_NOTE).unlink()
    choose(desk(store))
    assert (store.get(SERVING_NOTE), kinds(store)) == (before, said)


def test_a_new_reason_alone_is_no_new_choice(store: FolderStore, tmp_path: Path) -> None:
    complete(desk(store), started(store), PASSED)
    said = kinds(store)
    (tmp_path / SERVING_NOTE).write_text(json.dumps({"model_id": MODEL, "reason": "still good"}))
    assert choose(desk(store, unusable=lambda _: "damaged"))[1].problem is None
    assert kinds(store) == said


def test_the_model_that_serves_can_be_pinned_even_where_it_is_damaged(store: FolderStore, tmp_path: Path) -> None:
    complete(desk(store), started(store), PASSED)
    (tmp_path / SERVING_NOTE).write_text(json.dumps({"model_id": MODEL, "pinned": True}))
    ledger, chosen = choose(desk(store, unusable=lambda _: "damaged"))
    assert chosen.problem is None
    assert ledger.state.serving is not None
    assert ledger.state.serving.pinned


def test_a_serving_note_as_the_jobs_wrote_it_is_not_judged_again(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(desk(store), started(store), PASSED)
    monkeypatch.setattr(
        schemas, "complaints", lambda *_, **__: pytest.fail("a tenth of a second that it need not cost")
    )
    assert choose(desk(store))[1].data == store.get(SERVING_NOTE)


def test_a_strange_model_is_tried_while_nothing_is_held_and_its_files_are_looked_at_again(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = model_bank.put(store.root, SUNDAY, {"model.txt": b"of nobody"}).model_id
    store.put_if_absent(SERVING_NOTE, json.dumps({"model_id": strange}).encode())
    tried: list[str] = []
    monkeypatch.setattr(subprocess, "run", partial(refused_unheld, store.root, tried))
    unusable = partial(model_bank.unusable, store.root)
    status.refresh(desk(store, unusable=unusable))
    assert len(tried) == 1
    assert "a trial ended with code 3" in " ".join(store.root.at(STATUS).read_text().split())
    store.root.at(f"model_bank/{strange}/model.txt").write_bytes(b"of noone!")
    status.refresh(desk(store, unusable=unusable))
    assert "does not match the manifest" in " ".join(store.root.at(STATUS).read_text().split())


def test_only_the_current_claim_completes_and_only_once(store: FolderStore) -> None:
    seq = started(store)
    fail_attempt(desk(store), seq, "died")
    complete(desk(store), seq, PASSED)
    assert kinds(store) == ["proposed", "claimed", "attempt_failed"]
    again = started(store)
    for _ in range(2):
        complete(desk(store), again, PASSED)
    fail_attempt(desk(store), again, "late")
    assert kinds(store)[3:] == ["claimed", "completed"]


def test_an_attempt_that_failed_counts_and_one_that_was_stopped_does_not(store: FolderStore) -> None:
    attempts = []
    for stopped in (True, False):
        state = fail_attempt(desk(store), started(store), "why", stopped=stopped).state
        attempts.append(state.open and state.open.attempts)
    state = fail_attempt(desk(store), started(store), "nobody told it to stop").state
    assert [*attempts, state.open and state.open.attempts] == [0, 1, 2]


def test_after_its_last_day_a_decision_that_no_run_has_ended_yet_is_neither_claimed_nor_deferred(
    store: FolderStore,
) -> None:
    store.put_if_absent(RETRAINING_NOTE, machine())
    begin(desk(store))
    for days, said in ((8, None), (7, "claimed")):
        entry = claim(desk(store, SUNDAY + timedelta(days=days)), OPEN_RULES, READY, "")[1]
        assert (entry and entry.kind) == said


def test_what_blocks_a_claim_is_recorded_with_the_first_day_on_which_time_blocks_no_more(store: FolderStore) -> None:
    complete(desk(store), started(store), PASSED)
    store.put_if_absent(RETRAINING_NOTE, person())
    begin(desk(store))
    entry = claim(desk(store), rules(min_new_rows=0), READY, "")[1]
    assert entry
    assert entry.body == {"decision": 4, "blocked_by": ["cooldown", "week"], "retry_after": "2024-01-16"}
    assert claim(desk(store), rules(min_new_rows=0), READY, "")[1] is None, "what blocks it is recorded once"
