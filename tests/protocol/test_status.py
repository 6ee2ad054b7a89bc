from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger as ledgers
from jobs.protocol import policy, policy_in_force, status, verdicts
from jobs.protocol.claims import claim
from jobs.protocol.decisions import fold
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.guards import Circumstances, blocked_by
from jobs.protocol.ingest import begin, place
from jobs.protocol.outlook import BLOCKS, survey
from jobs.protocol.state import State
from jobs.protocol.store import POLICY, RETRAINING_NOTE, STATUS, FolderStore
from tests.protocol.build import MODEL, OPEN_RULES, READY, SUNDAY, desk, entry, machine, person, rules
from tests.protocol.build import proposed as proposed_by
from tests.protocol.statuses import path, proposed, told, trained, usable

if TYPE_CHECKING:
    from datetime import date


DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(Root(tmp_path, durable=False))
    store.put_if_absent(POLICY, policy.default_bytes())
    return store


def test_an_empty_root_says_what_comes_first(store: FolderStore) -> None:
    said = told(store)
    assert "SERVING MODEL none yet OPEN DECISION none" in said
    assert "There is no note; training writes the first one." in said
    assert "Training builds the first one when enough history has matured" in said
    assert said.endswith("LEDGER empty")
    assert "PROBLEMS" not in said


def test_an_open_decision_shows_whose_why_and_until_when(store: FolderStore) -> None:
    proposed(store, machine())
    said = told(store)
    assert "wanted a retraining, priority HIGH" in said
    assert "proposed by training itself, 2024-01-14 (ledger entry 1)" in said
    assert "because Performance score 0.650 below threshold" in said
    assert "valid 2024-01-14 to 2024-01-21 inclusive" in said
    assert "Decision 1 may be claimed by the next training run" in said


def test_a_served_model_shows_since_when_and_why_and_what_time_blocks(store: FolderStore) -> None:
    trained(store)
    path(store, RETRAINING_NOTE).write_bytes(person(reason="Again"))
    begin(desk(store))
    said = told(store)
    assert f"SERVING MODEL model {MODEL} since 2024-01-14 why promoted (ledger entry 3) pinned no" in said
    assert "Decision 4 waits: a training run on 2024-01-16 or later may claim it." in said
    story = "decision 1, a retraining, by training itself: completed (ledger entry 3), its model promoted"
    assert f"{story}; because: Performance score 0.650 below threshold" in said
    assert "a note counts only once" in said
    assert "may be claimed by the next training run" in told(store, SUNDAY + 2 * DAY)
    assert "Decision 4 was valid until 2024-01-21: it expires." in told(store, SUNDAY + 8 * DAY)


def test_a_model_that_was_not_promoted_is_told_with_the_log_that_says_why(store: FolderStore) -> None:
    trained(store, promote=False)
    assert "its model not promoted (decisions/retraining_log_2024_01_08.txt says why); because:" in told(store)


def test_what_blocks_is_said_in_words(store: FolderStore) -> None:
    at_desk = proposed(store, machine())
    claim(at_desk, replace(OPEN_RULES, mode="advise"), replace(READY, readiness=False), "")
    said = told(store)
    assert 'blocked by approval: the policy\'s mode is "advise": write a name into approved_by' in said
    assert "blocked by readiness: too little history" in said


def test_every_guard_has_its_words() -> None:
    nothing = Circumstances(note=False, policy=False, new_rows=0, readiness=False, data_quality=False)
    strict = rules(mode="advise", max_per_28_days=1)
    standing = fold([entry(1, proposed_by(b"note"))]).open
    assert standing is not None
    waiting = replace(standing, valid_from=SUNDAY + 9 * DAY)
    blocks = blocked_by(State(trained=(SUNDAY,)), waiting, SUNDAY, strict, nothing)
    assert sorted(blocks) == sorted(BLOCKS)


def test_a_note_that_cannot_be_read_is_shown_with_place_and_mend(store: FolderStore) -> None:
    proposed(store, machine())
    path(store, RETRAINING_NOTE).write_bytes(person(retrain="yes"))
    said = told(store)
    assert 'PROBLEMS 1. line 4, column 16: retrain is "yes", but may be true or false' in said
    assert "where: decisions/retraining_decision.json mend: correct these places and save" in said
    assert "It is left in place." in said  # without a model there is no week to judge
    assert "Decision 1 waits." in said
    path(store, RETRAINING_NOTE).write_bytes(machine())
    trained(store)
    path(store, RETRAINING_NOTE).write_bytes(person(retrain="yes"))
    assert "The next note of monitoring takes its place, and quarantine keeps it." in told(store)


@pytest.mark.parametrize(
    ("wanted", "then"),
    [(machine(SUNDAY + DAY), "takes its place, and quarantine keeps it."), (person(SUNDAY + DAY), "left in place.")],
    ids=["monitoring", "a person"],
)
def test_a_broken_note_over_an_open_decision_makes_way_only_if_monitoring_wanted_that(
    store: FolderStore, wanted: bytes, then: str
) -> None:
    trained(store)
    path(store, RETRAINING_NOTE).write_bytes(wanted)
    begin(desk(store, SUNDAY + DAY))
    path(store, RETRAINING_NOTE).write_bytes(person(retrain="yes"))
    assert then in told(store, SUNDAY + DAY)


def test_a_note_that_had_its_turn_is_told_with_what_it_wanted(store: FolderStore) -> None:
    first = machine(retrain=False)
    place(proposed(store, first), machine(), begin(desk(store)))
    path(store, RETRAINING_NOTE).write_bytes(first)
    assert "The note is old (decision 1, no retraining, by" in told(store)


def test_entries_that_are_not_valid_where_they_stand_are_named(store: FolderStore) -> None:
    proposed(store, machine())
    sight = survey(desk(store))
    assert "ignored" not in status.text(sight)
    ignoring = status.text(replace(sight, state=replace(sight.state, ignored=(2, 3))))
    assert "  ignored      entries 2, 3: not valid where they stand\n" in ignoring


def test_the_last_five_that_ended_are_told_newest_first_and_below_them_one_whose_note_came_back(
    store: FolderStore,
) -> None:
    for turn in [*range(1, 9), 1]:
        path(store, RETRAINING_NOTE).write_bytes(person(reason=f"Reason {turn}."))
        begin(desk(store))
    ended = told(store).partition("RECENTLY ENDED")[2].partition("To ask again")[0]
    assert re.findall(r"because: Reason (\d)", ended) == ["8", "7", "6", "5", "4", "1"]
    assert re.findall(r"Reason (\d)\. its note was found again and moved to", ended) == ["1"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(None, "decisions/policies (last_good.json there names the newest)", id="gone"),
        pytest.param(b'{"guards": {"cooldown_days": -1}}', "cooldown_days", id="a-limit-broken"),
        pytest.param(b'{"guards": ', "1.", id="half-saved"),
    ],
)
def test_a_policy_that_cannot_be_used_is_shown(store: FolderStore, data: bytes | None, expected: str) -> None:
    policy_in_force.begin(store, dry_run=False)
    proposed(store, machine())
    path(store, POLICY).unlink()
    if data:
        path(store, POLICY).write_bytes(data)
    said = told(store)
    assert "Decision 1 waits." in said
    assert expected in said.partition("PROBLEMS")[2].partition("SERVING")[0]
    assert "Nothing is claimed or promoted until policy.json can be read" in said


def test_where_no_job_has_run_nothing_is_to_be_restored(store: FolderStore) -> None:
    path(store, POLICY).unlink()
    said = told(store)
    assert "no job has run on this root yet: there is no policy" in said
    assert "is this the right --root?" in said


def test_what_does_not_fit_on_a_line_of_eighty_letters_goes_on_below_its_own_first_word(store: FolderStore) -> None:
    proposed(store, machine())
    place = f"decisions/{'x' * 46}-y"
    problem = StoreDamaged(f"{'a' * 75} b", where=f"{place} {place}", mend=f"{'c' * 60} {'d' * 60}")
    said = status.text(replace(survey(desk(store, unusable=usable)), policy_problem=problem)).splitlines()
    begin = said.index("PROBLEMS") + 1
    assert said[begin : begin + 6] == [
        f"  1. {'a' * 75}",
        "     b",
        f"     where: {place}",
        f"            {place}",
        f"     mend:  {'c' * 60}",
        f"            {'d' * 60}",
    ]
    assert len(said[-1]) - len(said[-1].lstrip()) == 2


def test_words_of_a_person_cannot_steer_a_terminal(store: FolderStore) -> None:
    path(store, RETRAINING_NOTE).write_bytes(person(reason="a\x1b[2J\nLEDGER\u202e b"))
    begin(desk(store))
    assert "because a [2J LEDGER b" in told(store)


def test_it_is_written_only_when_its_text_changes(store: FolderStore) -> None:
    def written(day: date) -> int:
        status.refresh(desk(store, day, unusable=usable))
        return path(store, STATUS).stat().st_ino

    proposed(store, machine())
    first = written(SUNDAY)
    assert written(SUNDAY + DAY) == first
    later = written(SUNDAY + 8 * DAY)
    assert later != first
    path(store, RETRAINING_NOTE).unlink()
    assert written(SUNDAY + 8 * DAY) != later
    known = ledgers.read(store)
    assert ledgers.witnessed(store) == (1, known.head)


def test_a_verdict_that_cannot_be_read_keeps_nothing_from_being_said(store: FolderStore) -> None:
    proposed(store, machine())
    verdict = path(store, verdicts.name_of(SUNDAY - DAY))
    verdict.parent.mkdir(parents=True)
    verdict.write_bytes(b"{")
    assert status.refresh(desk(store, unusable=usable)).verdict == ""
    assert "OPEN DECISION" in path(store, STATUS).read_text()
    with pytest.raises(StoreDamaged):
        verdicts.blocks_training(store.root, SUNDAY)


@pytest.mark.parametrize("left", [None, b'"nonce":"another'], ids=["is-lost", "is-another"])
def test_a_ledger_whose_newest_entry_stops_a_run_before_it_writes(store: FolderStore, left: bytes | None) -> None:
    proposed(store, machine())
    status.refresh(desk(store, unusable=usable))
    ledgers.refuse_loss(store)
    newest = path(store, ledgers.name_of(1))
    held = newest.read_bytes()
    newest.unlink()
    if left:
        newest.write_bytes(held.replace(b'"nonce":"', left))
    with pytest.raises(StoreDamaged, match="names an entry 1 that is not in the ledger"):
        ledgers.refuse_loss(FolderStore(store.root))


def test_a_status_that_is_older_than_the_ledger_stops_nobody(store: FolderStore) -> None:
    proposed(store, machine())
    status.refresh(desk(store, unusable=usable))
    begin(desk(store, SUNDAY + 8 * DAY))  # the decision expires: an entry that no status has seen
    assert len(ledgers.read(store).entries) > 1
    ledgers.refuse_loss(FolderStore(store.root))
