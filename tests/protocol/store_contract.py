"""What every store must keep. A store's own test module subclasses `StoreContract` and says how to open it."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import pytest

from jobs.protocol.store import NOTES, RETRAINING_NOTE, SERVING_NOTE

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from jobs.protocol.store import FolderStore

PLAIN = "decisions/STATUS.txt"
ENTRY = "decisions/ledger/00000001.json"
RACERS = 16


def race(opener: Callable[[], FolderStore], name: str, number: int, start: Barrier) -> bool:
    """One racer, in a process of its own."""
    start.wait(60)
    return opener().put_if_absent(name, b"%d" % number)


def swap(opener: Callable[[], FolderStore], name: str, number: int, start: Barrier) -> bool:
    start.wait(60)
    return opener().replace_if(name, b"first", b"%d" % number)


class StoreContract:
    """Give `opener`: a picklable call that opens the same empty storage, also from another process."""

    @pytest.fixture
    def store(self, opener: Callable[[], FolderStore]) -> FolderStore:
        return opener()

    def test_what_was_put_is_read_back(self, store: FolderStore) -> None:
        assert store.put_if_absent("a/b/c.bin", bytes(range(256)))
        assert store.get("a/b/c.bin") == bytes(range(256))

    def test_an_empty_file_is_not_an_absent_one(self, store: FolderStore) -> None:
        assert store.put_if_absent("a/empty", b"")
        assert store.get("a/empty") == b""

    @pytest.mark.parametrize("name", ["nothing", "no/folder/here.json", RETRAINING_NOTE])
    def test_an_absent_name_gives_none_and_changes_nothing(self, store: FolderStore, name: str) -> None:
        assert store.get(name) is None
        assert not store.replace_if(name, b"", b"new")
        assert not store.remove_if(name, b"")
        assert store.get(name) is None

    def test_a_folder_lists_its_own_names_in_order(self, store: FolderStore) -> None:
        for name in ("a/2", "a/1", "a/inner/3", "b/4"):
            assert store.put_if_absent(name, b"x")
        assert store.list("a") == ("1", "2")
        assert store.list("absent") == ()

    def test_a_taken_name_is_not_put_again(self, store: FolderStore) -> None:
        assert store.put_if_absent(ENTRY, b"first")
        assert not store.put_if_absent(ENTRY, b"second")
        assert store.get(ENTRY) == b"first"

    @pytest.mark.parametrize("name", [PLAIN, *NOTES])
    def test_only_the_expected_bytes_are_replaced(self, store: FolderStore, name: str) -> None:
        assert store.put_if_absent(name, b"first")
        assert not store.replace_if(name, b"other", b"new")
        assert store.get(name) == b"first"
        assert store.replace_if(name, b"first", b"new")
        assert store.get(name) == b"new"

    @pytest.mark.parametrize("name", [PLAIN, *NOTES])
    def test_only_the_expected_bytes_are_removed(self, store: FolderStore, name: str) -> None:
        assert store.put_if_absent(name, b"first")
        assert not store.remove_if(name, b"other")
        assert store.get(name) == b"first"
        assert store.remove_if(name, b"first")
        assert store.get(name) is None
        assert not store.remove_if(name, b"first")

    def test_a_file_over_the_limit_is_refused_and_one_at_it_is_read(self, store: FolderStore) -> None:
        store.put_if_absent("a/file", b"x" * 11)
        assert store.get("a/file", 11) == b"x" * 11
        with pytest.raises(Exception, match="more than 10 bytes"):
            store.get("a/file", 10)

    @pytest.mark.parametrize(
        "name",
        [
            "/etc/passwd",
            "../up",
            "a/../b",
            "a//b",
            "a/./b",
            "",
            "a/",
            ".draft-1",
            "a/.hidden",
            "a\nb",
            "a\0b",
            "a\\b",
            "\ud800",
        ],
        ids=repr,
    )
    def test_a_name_that_could_lead_elsewhere_is_refused(self, store: FolderStore, name: str) -> None:
        for act in (store.get, store.list, lambda name: store.put_if_absent(name, b"")):
            with pytest.raises(Exception, match="not a valid name"):
                act(name)

    def test_sixteen_processes_race_for_one_name_and_one_wins(self, opener: Callable[[], FolderStore]) -> None:
        assert self._winners(race, opener, ENTRY) == [int(opener().get(ENTRY) or b"-1")]

    def test_sixteen_processes_replace_the_same_note_and_one_wins(self, opener: Callable[[], FolderStore]) -> None:
        opener().put_if_absent(SERVING_NOTE, b"first")
        winners = self._winners(swap, opener, SERVING_NOTE)
        with opener().settled():
            pass
        assert winners == [int(opener().get(SERVING_NOTE) or b"-1")]

    @staticmethod
    def _winners(
        act: Callable[[Callable[[], FolderStore], str, int, Barrier], bool],
        opener: Callable[[], FolderStore],
        name: str,
    ) -> list[int]:
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager, context.Pool(RACERS) as pool:
            start = manager.Barrier(RACERS)
            won = pool.starmap(act, [(opener, name, number, start) for number in range(RACERS)], chunksize=1)
        return [number for number, yes in enumerate(won) if yes]


def hidden(path: Path) -> list[str]:
    return [one.name for one in path.rglob(".*")]
