from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from jobs.protocol.decisions import fold, objection
from jobs.protocol.state import RETRAINING, SERVING, Fact, State
from tests.protocol.build import MODEL, OTHER, SUNDAY, entry, proposed

NOTE = b"the note"
DAY = timedelta(days=1)


def said(*facts: Fact) -> State:
    return fold(entry(seq, fact) for seq, fact in enumerate(facts, start=1))


def fact(kind: str, **body: Any) -> Fact:
    return Fact(SERVING if kind == "serving" else RETRAINING, kind, body)


def claimed(decision: int = 1, note: bytes = NOTE) -> Fact:
    return fact("claimed", decision=decision, note_sha256=hashlib.sha256(note).hexdigest(), lease_until="")


def completed(claim: int, verdict: str = "promoted", model: str = MODEL) -> Fact:
    return fact("completed", claim=claim, verdict=verdict, model_id=model)


def serving(model: str, *, pinned: bool = False) -> Fact:
    return fact("serving", model_id=model, reason="better", pinned=pinned)


OPEN = proposed(NOTE)
MINE = proposed(NOTE, source="person")
FAILED = [claimed(), fact("attempt_failed", claim=2, reason=""), claimed(), fact("attempt_failed", claim=4, reason="")]


@pytest.mark.parametrize(
    ("facts", "how"),
    [
        pytest.param([OPEN, claimed(), completed(2)], "completed", id="completed"),
        pytest.param([OPEN, proposed(b"later", supersedes=1)], "superseded", id="superseded-by-a-later-note"),
        pytest.param([OPEN, serving(OTHER)], "superseded", id="superseded-by-a-change-of-its-model"),
        pytest.param([OPEN, fact("withdrawn", decision=1, reason="")], "withdrawn", id="withdrawn"),
        pytest.param(
            [
                OPEN,
                *FAILED,
                claimed(),
                fact("attempt_failed", claim=6, reason=""),
                fact("declined", decision=1, reason=""),
            ],
            "declined",
            id="declined-after-three-attempts",
        ),
        pytest.param(
            [OPEN, claimed(), serving(OTHER), fact("attempt_failed", claim=2, reason="")],
            "superseded",
            id="superseded-when-its-claim-fails-and-its-model-is-gone",
        ),
    ],
)
def test_a_decision_ends_once_and_in_this_way(facts: list[Fact], how: str) -> None:
    state = said(*facts)
    assert [(ending.decision.seq, ending.how) for ending in state.ended] == [(1, how)]
    assert state.ignored == ()


def test_a_decision_expires_on_the_day_after_its_last() -> None:
    state, gone = said(OPEN), fact("expired", decision=1)
    assert objection(state, gone, SUNDAY + 7 * DAY) == "it is still valid"
    assert objection(state, gone, SUNDAY + 8 * DAY) is None


def test_a_decision_may_be_claimed_from_its_first_day_to_its_last() -> None:
    state = said(OPEN)
    for days, why in ((-1, "it is not valid on this date"), (0, None), (7, None), (8, "it is not valid on this date")):
        assert objection(state, claimed(), SUNDAY + days * DAY) == why


@pytest.mark.parametrize(
    ("before", "wanted", "why"),
    [
        ([MINE], proposed(b"m", supersedes=1), "a person's decision is open"),
        ([OPEN, claimed()], proposed(b"p", source="person", supersedes=1), "the open decision is claimed"),
        ([OPEN], proposed(b"p", supersedes=None), "another decision is open than the one it supersedes"),
        ([OPEN], proposed(NOTE, supersedes=1), "these bytes were proposed before"),
        ([OPEN, claimed(), completed(2)], proposed(NOTE, about=MODEL), "these bytes were proposed before"),
        ([serving(MODEL)], OPEN, "another model serves than the one it is about"),
        ([serving(MODEL)], proposed(NOTE, source="cold_start", about=MODEL), "a model serves"),
        ([], claimed(), "that decision is not open"),
        ([OPEN], claimed(2), "that decision is not open"),
        ([OPEN, claimed()], claimed(), "it is claimed already"),
        ([OPEN], claimed(note=b"an edit"), "the note in place is not the open decision's"),
        ([proposed(NOTE, retrain=False)], claimed(), "it does not ask for a retraining"),
        ([proposed(NOTE, valid_from="2024-01-15")], claimed(), "it is not valid on this date"),
        ([proposed(NOTE, valid_until="2024-01-13")], claimed(), "it is not valid on this date"),
        ([OPEN, *FAILED, claimed(), fact("attempt_failed", claim=6, reason="")], claimed(), "its attempts are used up"),
        ([OPEN, claimed()], completed(1), "that claim is not open"),
        ([OPEN, claimed(), serving(OTHER)], completed(2), "the serving model changed since the claim"),
        (
            [serving(MODEL, pinned=True), proposed(NOTE, about=MODEL), claimed(2)],
            completed(3),
            "a person has pinned the serving model",
        ),
        ([OPEN, claimed()], completed(2, "perhaps"), "there is no such verdict"),
        ([OPEN, claimed()], fact("withdrawn", decision=1, reason=""), "it is claimed"),
        ([OPEN, claimed()], fact("expired", decision=1), "it is claimed"),
        ([OPEN], fact("declined", decision=1, reason=""), "it may be tried again"),
        (
            [OPEN, fact("deferred", decision=1, blocked_by=["week"])],
            fact("deferred", decision=1, blocked_by=["week"]),
            "that is recorded already",
        ),
        ([serving(MODEL)], serving(MODEL), "it serves so already"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_cannot_follow_is_refused_and_changes_nothing_if_it_is_found(
    before: list[Fact], wanted: Fact, why: str
) -> None:
    state = said(*before)
    assert objection(state, wanted, SUNDAY) == why
    after = said(*before, wanted)
    assert after.ignored == (len(before) + 1,)
    assert (after.open, after.ended, after.served) == (state.open, state.ended, state.served)


def test_a_persons_decision_outlives_a_change_of_the_model() -> None:
    assert said(MINE, serving(OTHER)).open is not None


def test_a_claim_outlives_a_change_of_the_model_and_then_keeps_it() -> None:
    state = said(OPEN, claimed(), serving(OTHER), completed(2, "kept"))
    assert (state.model_id, [ending.how for ending in state.ended]) == (OTHER, ["completed"])


def test_which_model_served_when_follows_from_the_changes_up_to_that_day() -> None:
    entries = [entry(1, OPEN), entry(2, claimed()), entry(3, completed(2)), entry(4, serving(OTHER), SUNDAY + 3 * DAY)]
    state = fold(entries)
    days = {shift: state.serving_on(SUNDAY + shift * DAY) for shift in (-1, 0, 2, 3, 400)}
    assert {shift: change and (change.seq, change.model_id) for shift, change in days.items()} == {
        -1: None,
        0: (3, MODEL),
        2: (3, MODEL),
        3: (4, OTHER),
        400: (4, OTHER),
    }
    assert fold(entries, until=SUNDAY).model_id == MODEL


def test_topics_and_kinds_that_are_not_known_only_move_the_head() -> None:
    state = said(OPEN, Fact("weather", "rain", {}), Fact(RETRAINING, "dreamt", {}))
    assert (state.head, state.ignored, state.open) == (3, (), said(OPEN).open)


def test_a_run_before_the_newest_entry_is_a_backfill() -> None:
    state = said(OPEN)
    assert [state.is_backfill(SUNDAY + shift * DAY) for shift in (-1, 0, 1)] == [True, False, False]
    assert not State().is_backfill(SUNDAY)
    late = fold([entry(1, OPEN, SUNDAY + DAY), entry(2, fact("withdrawn", decision=1, reason=""))])
    assert late.is_backfill(SUNDAY), "also after an entry of an earlier day"


def test_what_blocked_a_decision_is_forgotten_once_it_is_claimed() -> None:
    deferred = fact("deferred", decision=1, blocked_by=["week"])
    state = said(OPEN, deferred, claimed(), fact("attempt_failed", claim=3, reason=""), deferred)
    assert (state.ignored, state.open and state.open.blocked_by) == ((), ("week",))


def test_a_training_counts_in_the_week_of_its_claim() -> None:
    state = fold([entry(1, OPEN), entry(2, claimed()), entry(3, completed(2), SUNDAY + DAY)])
    assert state.trained == (SUNDAY,)
