from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.protocol.decisions import fold
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.notes import (
    Kind,
    classify,
    evidence_of,
    read_retraining,
    read_serving,
    retraining_bytes,
    serving_bytes,
)
from jobs.protocol.state import State
from tests.protocol.build import MODEL, SUNDAY, VALID_DAYS, entry, machine, person, proposed
from tests.protocol.test_decisions import claimed, completed, fact, serving

if TYPE_CHECKING:
    from jobs.protocol.state import Fact

DAY = timedelta(days=1)
NOTE = machine()
IDENTITY = json.loads(NOTE)["decision_id"]
OPEN = proposed(NOTE, decision_id=IDENTITY)
DONE = [OPEN, claimed(note=NOTE), completed(2)]


def after(*facts: Fact) -> State:
    return fold(entry(seq, fact) for seq, fact in enumerate(facts, start=1))


def edited(note: bytes, **fields: object) -> bytes:
    return json.dumps(json.loads(note) | fields, indent=2).encode()


def test_a_machines_note_starts_with_the_originals_four_fields_and_knows_itself() -> None:
    fields = json.loads(NOTE)
    assert list(fields)[:4] == ["decision_date", "performance_score", "retrain", "reason"]
    assert list(fields)[-2:] == ["decision_id", "details"]
    assert read_retraining(NOTE, VALID_DAYS).source == "monitor"
    assert NOTE.endswith(b"\n")


def test_a_note_of_the_originals_four_fields_is_valid_and_the_rest_is_filled_in() -> None:
    note = read_retraining(person(), VALID_DAYS)
    assert (note.priority, note.valid_from, note.valid_until) == ("MEDIUM", SUNDAY, SUNDAY + 7 * DAY)
    assert note.source == "person"
    assert read_retraining(person(valid_until="2024-01-14"), VALID_DAYS).valid_until == SUNDAY
    urgent = read_retraining(person(priority="IMMEDIATE", valid_from="2024-01-16"), VALID_DAYS)
    assert urgent.valid_until == date(2024, 1, 30)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda note: b"\xef\xbb\xbf" + note, id="byte-order-mark"),
        pytest.param(lambda note: note.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(lambda note: note[:-1], id="no-final-newline"),
        pytest.param(lambda note: note.replace(b"0.65,", b"0.650,"), id="another-spelling-of-a-number"),
        pytest.param(lambda note: edited(note, reason="Mine"), id="another-reason"),
    ],
)
def test_any_other_bytes_are_a_persons_and_are_read_all_the_same(change: Any) -> None:
    note = read_retraining(change(NOTE), VALID_DAYS)
    assert note.source == "person"
    assert note.retrain


@given(
    score=st.none() | st.floats(0, 1),
    retrain=st.booleans(),
    reason=st.text(st.characters(codec="utf-8")),
    day=st.dates(date(2000, 1, 1), date(2999, 1, 1)),
)
def test_what_is_written_is_read_back_as_a_machines(
    score: float | None, day: date, reason: str, *, retrain: bool
) -> None:
    data = retraining_bytes(
        {"decision_date": day.isoformat(), "performance_score": score, "retrain": retrain, "reason": reason}
    )
    note = read_retraining(data, VALID_DAYS)
    assert (note.source, note.decision_date, note.retrain) == ("monitor", day, retrain)


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (b"", "line 1, column 1"),
        (NOTE[:40], "perhaps it was saved only in part"),
        (NOTE + b"{}", "line 15, column 1"),
        (b"[]", "line 1, column 1: the retraining note is [], but may be an object in { }"),
        (b'{"retrain": true}', "line 1, column 1: decision_date, performance_score, reason must be there"),
        (person(retrain="yes"), 'line 4, column 16: retrain is "yes", but may be true or false'),
        (person(priority="Urgent"), 'priority is "Urgent", but may be "MEDIUM", "HIGH" or "IMMEDIATE"'),
        (person(priorty="HIGH"), "line 6, column 16: priorty is unknown; did you mean 'priority'?"),
        (person(Retrain=True), "Retrain is unknown; did you mean 'retrain'?"),
        (person(xyz=1), "xyz is unknown; known here: $schema, decision_date"),
        (
            person(decision_date="14.1.2024"),
            'line 2, column 22: decision_date is "14.1.2024", but may be a date like "2024-01-14"\n',
        ),
        (person(decision_date="2024-02-30"), 'decision_date is "2024-02-30", but may be a date'),
        (person(decision_date="20240114"), "but may be a date"),
        (person(decision_date="9999-12-31"), "decision_date is too late"),
        (person(valid_from="9999-12-31"), "valid_from is too late"),
        (person(valid_until="2024-01-01"), "is 2024-01-01, before its valid_from 2024-01-14"),
        (person(performance_score=True), "performance_score is true, but may be a number or null"),
        (person(approved_by=""), 'approved_by is "", but may be a name or null'),
        (person(reason="x" * 5000), "but may be a text of at most 4000 characters"),
        (b'{"retrain": True}', "True"),
        (person() + b" " * (64 << 10), "bytes"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_note_that_cannot_be_read_says_where_what_and_what_is_allowed(note: bytes, said: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_retraining(note, VALID_DAYS)
    assert said in str(caught.value)
    assert "decisions/retraining_decision.json" in caught.value.where
    assert caught.value.mend


def test_every_breach_is_named_at_once() -> None:
    with pytest.raises(ConfigInvalid, match=r"retrain is .*; .*priority is .*; .*xyz"):
        read_retraining(person(retrain=1, priority="LOW", xyz=None), VALID_DAYS)


@given(st.data())
def test_no_mutation_of_a_note_gives_anything_but_a_reading_or_one_clear_refusal(data: st.DataObject) -> None:
    note = data.draw(st.sampled_from([NOTE, person(), edited(NOTE, retrain=False)]))
    at = data.draw(st.integers(0, len(note)))
    length = data.draw(st.integers(0, 20))
    note = note[:at] + data.draw(st.binary(max_size=8)) + note[at + length :]
    found = classify(note, State(), SUNDAY, VALID_DAYS)
    assert (found.kind in (Kind.NEW, Kind.CLOSED)) == (found.problem is None)
    assert found.data == note


@pytest.mark.parametrize(
    ("data", "facts", "kind"),
    [
        (None, [OPEN], Kind.ABSENT),
        (NOTE, [OPEN], Kind.SAME),
        (NOTE, DONE, Kind.CLOSED),
        (NOTE, [OPEN, fact("withdrawn", decision=1, reason="")], Kind.CLOSED),
        (NOTE[:99], [OPEN], Kind.INVALID),
        (machine(SUNDAY - 7 * DAY), [], Kind.NEW),
        (machine(SUNDAY - 8 * DAY), [], Kind.OUT_OF_DATE),
        (machine(SUNDAY + DAY), [], Kind.FUTURE),
        (person(valid_from="2024-04-15"), [], Kind.FUTURE),
        (person(valid_from="2024-04-07", valid_until="2024-04-15"), [], Kind.NEW),
        (person(valid_until="2024-04-16"), [], Kind.FUTURE),
        (edited(NOTE, reason="Mine"), [OPEN], Kind.NEW),
        (edited(NOTE, reason="Mine"), DONE, Kind.OVERTAKEN),
        (edited(NOTE, decision_date="2024-01-13"), DONE, Kind.NEW),
        (edited(NOTE, reason="Mine"), [OPEN, fact("withdrawn", decision=1, reason="")], Kind.NEW),
        (NOTE, [proposed(person(), source="person")], Kind.WAITING),
        (edited(NOTE, reason="Mine"), [proposed(person(), source="person")], Kind.NEW),
    ],
)
def test_the_bytes_found_are_one_of_these(data: bytes | None, facts: list[Fact], kind: Kind) -> None:
    found = classify(data, after(*facts), SUNDAY, VALID_DAYS)
    assert found.kind is kind
    assert (found.problem is not None) == (kind not in (Kind.ABSENT, Kind.SAME, Kind.CLOSED, Kind.NEW))


@pytest.mark.parametrize(
    ("data", "facts", "source"),
    [
        (NOTE, [], "cold_start"),
        (NOTE, [serving(MODEL)], "monitor"),
        (person(), [], "person"),
        (edited(NOTE, retrain=False), [serving(MODEL)], "person"),
    ],
    ids=["no-model-serves", "a-model-serves", "typed", "edited"],
)
def test_whose_a_new_note_is_follows_from_its_bytes(data: bytes, facts: list[Fact], source: str) -> None:
    wanted = classify(data, after(*facts), SUNDAY, VALID_DAYS).wanted
    assert wanted
    assert wanted.source == source


def test_a_date_too_far_ahead_is_named_by_its_own_field() -> None:
    for field in ("valid_from", "valid_until"):
        problem = classify(person(SUNDAY, **{field: "2024-04-16"}), State(), SUNDAY, VALID_DAYS).problem
        assert problem
        assert f"{field} is 2024-04-16, over 92 days ahead" in problem.what


def test_a_note_cites_the_verdict_that_its_details_name_and_nothing_else() -> None:
    cited = evidence_of(b"\xef\xbb\xbf" + NOTE)
    assert cited
    assert (cited.path, cited.sha256) == ("datamart/gold/monitoring/week=2024-01-14/decision.json", "0" * 64)
    strange: tuple[object, ...] = ("mine", None, {}, {"path": cited.path + "/.."}, {"path": "../" + cited.path})
    assert [evidence_of(person(details=each)) for each in strange] == [None] * 5


def test_a_serving_note_is_read_back_and_only_its_three_fields_count() -> None:
    data = serving_bytes(MODEL, SUNDAY, "promoted", pinned=False)
    assert json.loads(data) == {"model_id": MODEL, "since": "2024-01-14", "reason": "promoted", "pinned": False}
    bare = read_serving(b'{"since": 3, "model_id": "%s"}' % MODEL.encode())
    assert (bare.model_id, bare.reason, bare.pinned) == (MODEL, "", False)


@pytest.mark.parametrize("name", ["../../etc", "20240115-0123456789AB", MODEL + "\n", "*", ""])
def test_a_model_is_named_by_its_id_and_nothing_else(name: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"model_id is .* but may be the name of a folder in model_bank"):
        read_serving(json.dumps({"model_id": name}).encode())
