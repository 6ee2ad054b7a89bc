from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from jobs.protocol import ledger as ledgers
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.ledger import append, name_of, read
from jobs.protocol.state import RETRAINING, SERVING, Fact, State
from jobs.protocol.store import FolderStore
from tests.protocol.build import MODEL, OTHER, proposed, writer

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

SCHEMA = json.loads((Path(ledgers.__file__).parents[1] / "contracts" / "ledger_entry.json").read_text())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(Root(tmp_path))


def swap(model: str) -> Fact:
    return Fact(SERVING, "serving", {"model_id": model, "reason": "better", "pinned": False})


def three(store: FolderStore) -> None:
    for model in (MODEL, OTHER, MODEL):
        append(store, writer(), lambda _, model=model: swap(model))  # type: ignore[misc]


def test_an_entry_is_canonical_numbered_chained_and_keeps_its_schema(store: FolderStore) -> None:
    three(store)
    first, second, _ = [store.get(name_of(seq)) or b"" for seq in (1, 2, 3)]
    assert first.startswith(b'{"as_of":"2024-01-14","at":"2024-01-14T06:00:00+00:00","body":{"model_id":')
    assert (json.loads(first)["prev"], len(json.loads(second)["prev"])) == ("", 64)
    for seq in (1, 2, 3):
        Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(
            json.loads(store.get(name_of(seq)) or b"")
        )


def test_reading_on_from_what_is_known_gives_the_same(store: FolderStore) -> None:
    append(store, writer(), lambda _: swap(MODEL))
    other = FolderStore(store.root)
    read(other)
    append(store, writer(), lambda _: swap(OTHER))
    assert read(other) == read(store) == read(FolderStore(store.root))
    assert read(store).state.model_id == OTHER


def test_a_store_reads_no_entry_twice(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    three(store)
    known = read(store)
    monkeypatch.setattr(FolderStore, "get", None)
    assert read(store) == known


def test_what_was_read_and_is_gone_is_told(store: FolderStore, tmp_path: Path) -> None:
    three(store)
    read(store)
    (tmp_path / name_of(3)).unlink()
    with pytest.raises(StoreDamaged, match="entry 3 has disappeared"):
        append(store, writer(), lambda _: swap(OTHER))


def test_nothing_to_say_writes_nothing(store: FolderStore) -> None:
    assert append(store, writer(), lambda _: None)[1] is None
    assert store.list("decisions/ledger") == ()


def test_what_cannot_follow_is_not_written(store: FolderStore) -> None:
    with pytest.raises(JobError, match="expired cannot be recorded now: that decision is not open"):
        append(store, writer(), lambda _: Fact(RETRAINING, "expired", {"decision": 1}))
    assert store.list("decisions/ledger") == ()


def test_whoever_loses_the_number_thinks_again(store: FolderStore) -> None:
    seen: list[str | None] = []

    def say(state: State) -> Fact | None:
        seen.append(state.model_id)
        if len(seen) == 1:
            append(store, writer(), lambda _: swap(MODEL))
        return swap(OTHER)

    ledger, entry = append(store, writer(), say)
    assert (seen, entry and entry.seq, ledger.state.model_id) == ([None, MODEL], 2, OTHER)


def test_a_store_that_answers_no_but_took_it_is_believed_by_the_nonce(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FolderStore.put_if_absent
    monkeypatch.setattr(FolderStore, "put_if_absent", lambda *given: bool(real(*given)) and False)
    _, entry = append(store, writer(), lambda _: swap(MODEL))
    assert entry is not None
    assert store.list("decisions/ledger") == ("00000001.json",)


def test_what_somebody_puts_in_place_of_the_next_entry_just_then_is_told_as_damage(store: FolderStore) -> None:
    def say(_: State) -> Fact:
        store.put_if_absent(name_of(1), b"[]")
        return swap(MODEL)

    with pytest.raises(StoreDamaged, match="entry 1 is not an entry"):
        append(store, writer(), say)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("seq", [1, 2])
def test_any_flipped_byte_before_the_newest_entry_is_found(store: FolderStore, tmp_path: Path, seq: int) -> None:
    three(store)
    path = tmp_path / name_of(seq)
    path.chmod(0o640)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(flip(whole, at))
        with pytest.raises(StoreDamaged):
            read(FolderStore(store.root))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "00000002.json").unlink(), "entry 2 should come next, but 00000003.json does"),
        (lambda folder: (folder / "00000003.json~").touch(), "entry 4 should come next"),
        (lambda folder: (folder / "00000001.json").rename(folder / "00000004.json"), "entry 1 should come next"),
        (lambda folder: (folder / "00000004.json").symlink_to("00000003.json"), "not a plain file"),
        (lambda folder: (folder / "00000004.json").write_bytes(b""), "cannot be read"),
        (lambda folder: (folder / "00000004.json").write_bytes(b" " * (600 << 10)), "cannot be read: the file has"),
        (lambda folder: (folder / "00000004.json").write_bytes(b"[]"), "is not an entry"),
        (lambda folder: (folder / "00000004.json").write_bytes(b'{"v":2}'), "is of version 2"),
        (lambda folder: (folder / "00000004.json").write_bytes(b'{"v":"1"}'), "is not an entry"),
        (lambda folder: (folder / "00000004.json").write_bytes(b'{"v":1,"seq":true}'), "has no valid seq"),
        (lambda folder: (folder / "00000004.json").write_bytes(b'{"v":1,"seq":4}'), "has no valid prev"),
        (lambda folder: (folder / "00000004.json").hardlink_to(folder / "00000003.json"), "gives its number as 3"),
    ],
    ids=[
        "deleted",
        "backup",
        "renamed",
        "link",
        "empty",
        "too-large",
        "no-object",
        "newer",
        "text",
        "truth",
        "fields",
        "copied",
    ],
)
def test_damage_is_named_with_its_file_and_never_repaired(
    store: FolderStore, tmp_path: Path, damage: Any, said: str
) -> None:
    three(store)
    damage(tmp_path / "decisions/ledger")
    before = store.list("decisions/ledger")
    with pytest.raises(StoreDamaged, match=said) as caught:
        append(store, writer(), lambda _: swap(OTHER))
    assert caught.value.exit_code == 6
    assert store.list("decisions/ledger") == before


@pytest.mark.parametrize("name", ["00000004.json", "00000009.json", "notes.txt"])
def test_of_a_file_that_may_be_no_entry_both_mends_are_told(store: FolderStore, tmp_path: Path, name: str) -> None:
    three(store)
    (tmp_path / "decisions/ledger" / name).write_bytes(b"to do: ask why\n")
    with pytest.raises(StoreDamaged) as caught:
        read(store)
    assert caught.value.mend.startswith("restore ")
    assert " or move this file away, if it was put there by hand" in caught.value.mend


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"source": 3},
        *(dict(proposed(b"x").body) | wrong for wrong in ({"valid_until": "soon"}, {"valid_until": 3}, {"note": 3})),
    ],
)
def test_a_forged_newest_entry_is_damage_and_no_crash(store: FolderStore, body: dict[str, Any]) -> None:
    three(store)
    fact = Fact(RETRAINING, "proposed", body | {"supersedes": None, "about": MODEL})
    data = ledgers.entry_bytes(writer(), fact, 4, read(store).head, "n")
    store.put_if_absent(name_of(4), data)
    with pytest.raises(StoreDamaged, match="entry 4 has a body that does not fit its kind"):
        read(store)


def claim_number(root: Path, number: int, start: Barrier) -> int:
    start.wait(60)
    fact = proposed(b"note", reason=number)
    _, entry = append(FolderStore(Root(root)), writer(), lambda state: None if state.head else fact)
    return entry.seq if entry else 0


def test_sixteen_processes_race_for_one_number_and_one_gets_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(16) as pool:
        start = manager.Barrier(16)
        got = pool.starmap(claim_number, [(tmp_path, number, start) for number in range(16)], chunksize=1)
    assert sorted(got) == [0] * 15 + [1]
    assert read(FolderStore(Root(tmp_path))).state.head == 1


@pytest.mark.parametrize("topic", ["audit", RETRAINING], ids=["a-topic-of-later", "one-that-could-not-follow"])
def test_what_is_no_training_vouches_for_no_model(store: FolderStore, topic: str) -> None:
    body = {"claim": 7, "verdict": "kept", "model_id": MODEL, "model_sha256": "a" * 64, "metrics": {}, "reasons": []}
    store.put_if_absent(name_of(1), ledgers.entry_bytes(writer(), Fact(topic, "completed", body), 1, "", "n"))
    assert (ledgers.trainings(read(store)), ledgers.vouched(store, MODEL)) == ([], None)
