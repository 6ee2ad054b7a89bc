"""What an index knows of files, and when they are asked again."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.protocol import index
from jobs.protocol.errors import StoreDamaged, as_job_error
from jobs.protocol.files import Root
from jobs.protocol.index import Index, identity_of


def test_an_index_is_asked_again_only_when_the_file_changes(tmp_path: Path) -> None:
    root, asked = Root(tmp_path), []
    (tmp_path / "f").write_bytes(b"1")

    def read(name: str) -> list[str]:
        asked.append(name)
        return [root.at(name).read_text()]

    index = Index(root, "toy")
    assert index.facts("f", identity_of((tmp_path / "f").lstat()), read) == ["1"]
    index.save()
    assert Index(root, "toy").facts("f", identity_of((tmp_path / "f").lstat()), read) == ["1"]
    assert asked == ["f"]
    (tmp_path / "f").write_bytes(b"22")
    assert Index(root, "toy").facts("f", identity_of((tmp_path / "f").lstat()), read) == ["22"]


def test_news_are_added_to_an_index_and_the_last_word_counts(tmp_path: Path) -> None:
    stat = identity_of(tmp_path.lstat())
    for names, fact in (("abcdef", "old"), ("a", "new")):
        index = Index(Root(tmp_path), "toy")
        for name in names:
            index.remember(name, stat, [fact])
        index.save()
    path = tmp_path / "datamart/.index/toy.json"
    lines = path.read_text().splitlines()
    assert (len(lines), lines[-1].startswith('["a"')) == (8, True)
    shutil.move(path, path.with_name("other.json"))
    found = Index(Root(tmp_path), "other")
    assert [found.recall(name, stat) for name in "abf"] == [["new"], ["old"], ["old"]]
    for name in "bcd":
        found.remember(name, stat, ["newest"])
    found.save()
    assert len(path.with_name("other.json").read_text().splitlines()) == 7, "written anew where half of it is news"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"",
        b"{",
        b"[]",
        b'{"version": 99}\n',
        b'4\n["a"',
        b'4\n["a", [1], ["x"]]\n',
        b'4\n["a", [1, 2, 3, 4], ["x"]]',
        b'4\n["a", [1, 2, 3, 4], ["x"]]\n["b", [1], ["x"]]\n',
        b'4\n["a", [1, 2, 3, 4], []]\n',
    ],
)
def test_a_damaged_index_is_an_empty_one(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "datamart/.index/toy.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert Index(Root(tmp_path), "toy").files == {}


def test_an_index_that_is_a_pipe_is_none_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "datamart/.index/toy.json"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    index = Index(Root(tmp_path), "toy")
    index.remember("a", identity_of(tmp_path.lstat()), ["x"])
    index.save()
    assert path.is_file()


def test_a_disk_that_is_full_for_the_news_of_an_index_names_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Index(Root(tmp_path), "toy")
    for name in "abc":
        known.remember(name, [1, 2, 3, 4], ["said"])
    known.save()
    known.remember("a", [1, 2, 3, 5], ["said"])

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")  # a write names no file

    monkeypatch.setattr(Index, "_lines", full)
    with pytest.raises(OSError, match="No space left") as found:
        known.save()
    assert as_job_error(found.value).where == str(tmp_path / "datamart/.index")


def test_a_file_that_the_system_refuses_is_named_from_the_root_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "table/snapshot_date=2024-03-01").mkdir(parents=True)

    real = os.stat

    def refusing(path: Path | str, **how: Any) -> os.stat_result:
        if isinstance(path, Path):
            return real(path, **how)
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.stat", refusing)
    with pytest.raises(PermissionError) as found:
        index.identities(Root(tmp_path), "table", index.day_of, "/_manifest.json")
    assert found.value.filename == "table/snapshot_date=2024-03-01/_manifest.json"


@pytest.mark.parametrize("open_to_all", ["datamart", "datamart/gold", "datamart/gold/feature_store"])
def test_nothing_is_read_from_a_folder_that_is_world_writable_or_lies_in_one(tmp_path: Path, open_to_all: str) -> None:
    day = tmp_path / "datamart/gold/feature_store/snapshot_date=2024-03-01"
    day.mkdir(parents=True)
    (day / "_manifest.json").touch()
    assert [*index.manifests(Root(tmp_path), "gold/feature_store")] == [date(2024, 3, 1)]
    (tmp_path / open_to_all).chmod(0o757)
    with pytest.raises(StoreDamaged, match="is world-writable") as found:
        index.manifests(Root(tmp_path), "gold/feature_store")
    assert found.value.where == open_to_all
    tmp_path.chmod(0o777)  # what is above is not the jobs' to judge
    (tmp_path / open_to_all).chmod(0o775)
    assert index.manifests(Root(tmp_path), "gold/feature_store")
