from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.protocol import files, index, partitions, strict_json
from jobs.protocol import shelf as shelves
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.index import Index, manifests
from jobs.protocol.layers import PREDICTIONS
from jobs.protocol.partitions import Input, Manifest
from jobs.protocol.shelf import Shelf
from tests import stored
from tests.sql.built import FIRST, SECOND, build

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2024, 2, 29)


def publish(root: Root, values: list[int], made_from: str = "a") -> Manifest:
    folder = partitions.drafts_folder(root, "silver/toy")
    with files.draft(root, folder) as path:
        pl.DataFrame({"id": values}).write_parquet(path)
        manifest = Manifest(
            table="silver/toy",
            date=DAY,
            contract="silver/toy",
            contract_version=1,
            contract_sha256="c" * 64,
            layer_version=1,
            parts=(partitions.part_of(path, len(values)),),
            inputs=(Input("datamart/bronze/toy/snapshot_date=2024-02-29", made_from),),
            counts={"rows": len(values)},
        )
        partitions.publish(root, manifest, [path])
    return manifest


def home(root: Root) -> Path:
    return root.at(partitions.folder("silver/toy", DAY))


def test_a_partition_reads_back_as_it_was_published(tmp_path: Path) -> None:
    root = Root(tmp_path)
    written = publish(root, [1, 2, 3])
    found = partitions.read(root, "silver/toy", DAY)
    assert found == written
    assert stored.scan(root, written).collect()["id"].to_list() == [1, 2, 3]


@pytest.mark.parametrize("fact", ["counts", "notes", "parts", "inputs"])
def test_a_manifest_that_no_job_writes_is_damage_though_its_hash_fits(tmp_path: Path, fact: str) -> None:
    root = Root(tmp_path)
    facts = publish(root, [1]).facts()
    facts[fact] = [{}] if fact in ("counts", "notes") else [{**facts[fact][0], "sha256": -1}]
    data = strict_json.pretty(facts | {"sha256": hashlib.sha256(strict_json.canonical(facts)).hexdigest()})
    with pytest.raises(StoreDamaged):
        partitions.parse(data, where="manifest")


def test_who_writes_alone_looks_at_each_manifest_once_and_again_when_told_to(tmp_path: Path) -> None:
    root = Root(tmp_path)
    with index.alone():
        publish(root, [1])
        before = dict(manifests(root, "silver/toy"))
        again = publish(root, [2], made_from="b")
        assert manifests(root, "silver/toy") == before
        Shelf(root=root, index=Index(root, "toy")).built("silver/toy").register(again)
        after = dict(manifests(root, "silver/toy"))
        assert after.keys() == before.keys()
        assert after != before
        shutil.rmtree(home(root))
        assert manifests(root, "silver/toy") == after
        index.forget()
        assert manifests(root, "silver/toy") == {}
    publish(root, [4], made_from="d")
    before = manifests(root, "silver/toy")
    publish(root, [5], made_from="e")
    assert manifests(root, "silver/toy") != before


@pytest.mark.parametrize("whole", [0, 2], ids=["by-their-names", "read-at-once"])
def test_scores_of_before_a_column_was_added_are_read_beside_those_of_after(
    tmp_path: Path, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "MOST_WHOLE", whole)
    build(tmp_path, PREDICTIONS, FIRST, {"id": [1], "pd": [0.1]})
    build(tmp_path, PREDICTIONS, SECOND, {"id": [2], "pd": [0.2], "more": [0]})
    shelf = Shelf(root=Root(tmp_path), index=Index(Root(tmp_path), "toy"))
    assert shelf.scan(PREDICTIONS, [FIRST, SECOND]).select("pd").collect()["pd"].to_list() == [0.1, 0.2]


def test_a_folder_of_a_day_that_no_calendar_has_stops_nobody(tmp_path: Path) -> None:
    root = Root(tmp_path)
    publish(root, [1])
    shutil.copytree(home(root), home(root).with_name("snapshot_date=2024-02-30"))
    assert list(manifests(root, "silver/toy")) == [DAY]


def test_there_is_no_partition_without_a_manifest(tmp_path: Path) -> None:
    root = Root(tmp_path)
    publish(root, [1])
    (home(root) / "_manifest.json").unlink()
    assert partitions.read(root, "silver/toy", DAY) is None
    assert list(manifests(root, "silver/toy")) == []


def test_publishing_the_same_again_touches_nothing(tmp_path: Path) -> None:
    root = Root(tmp_path)
    publish(root, [1, 2])
    before = {path.name: path.stat().st_mtime_ns for path in home(root).iterdir()}
    publish(root, [1, 2])
    assert {path.name: path.stat().st_mtime_ns for path in home(root).iterdir()} == before


def test_what_a_corrected_partition_replaces_stays_readable(tmp_path: Path) -> None:
    root = Root(tmp_path)
    first = publish(root, [1, 2])
    second = publish(root, [1, 3], made_from="b")
    assert partitions.read(root, "silver/toy", DAY) == second
    kept = [name for name in os.listdir(home(root)) if name.startswith("_manifest-")]
    assert [partitions.parse((home(root) / name).read_bytes(), where=name) for name in kept] == [first]
    assert stored.scan(root, first).collect()["id"].to_list() == [1, 2]
    assert stored.scan(root, second).collect()["id"].to_list() == [1, 3]


def test_readers_open_only_what_the_manifest_lists(tmp_path: Path) -> None:
    root = Root(tmp_path)
    manifest = publish(root, [1])
    (home(root) / "part-000-of-001-000000000000.parquet").write_bytes(b"planted")
    assert stored.scan(root, manifest).collect().height == 1


@pytest.mark.parametrize("whole", [0, 2], ids=["by-its-name", "read-at-once"])
def test_no_file_that_has_lost_a_bit_is_read(tmp_path: Path, whole: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MOST_WHOLE", whole)
    root = Root(tmp_path)
    part = home(root) / publish(root, [1, 2]).parts[0].name
    rows = Shelf(root=root, index=Index(root, "toy")).scan("silver/toy", [DAY])
    assert rows.collect()["id"].to_list() == [1, 2]
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreDamaged, match="a file's content does not match its name"):
        Shelf(root=root, index=Index(root, "toy")).scan("silver/toy", [DAY])


@pytest.mark.parametrize("whole", [0, 2], ids=["by-its-name", "read-at-once"])
def test_no_link_is_followed_to_a_file_or_manifest(tmp_path: Path, whole: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MOST_WHOLE", whole)
    root = Root(tmp_path)
    part = home(root) / publish(root, [1, 2]).parts[0].name
    for path in (part, home(root) / partitions.MANIFEST):
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreDamaged, match=r"it is not a plain file|the manifest cannot be read"):
            Shelf(root=root, index=Index(root, "toy")).scan("silver/toy", [DAY])
        path.unlink()
        (tmp_path / "elsewhere").rename(path)
    assert Shelf(root=root, index=Index(root, "toy")).scan("silver/toy", [DAY]).collect().height == 2


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_file_that_is_not_as_the_manifest_says_is_damage(tmp_path: Path, damage: str) -> None:
    root = Root(tmp_path)
    manifest = publish(root, [1])
    part = home(root) / manifest.parts[0].name
    part.unlink() if damage == "gone" else part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(StoreDamaged, match=r"a file's content does not match its name|a file is missing"):
        stored.scan(root, manifest)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-2], id="cut"),
        pytest.param(lambda data: data.replace(b'"rows": 1', b'"rows": 2', 1), id="rows-that-do-not-add-up"),
        pytest.param(lambda data: data.replace(b'"rows": 1', b'"rows": "1"'), id="rows-that-are-no-numbers"),
        pytest.param(lambda data: data.replace(b'"rows": 1', b'"rows":  1', 1), id="a-blank-more"),
        pytest.param(lambda data: data.replace(b'"contract"', b'"contr\\u0061ct"'), id="the-same-otherwise-written"),
        pytest.param(lambda data: data.replace(b'"format": 1', b'"format": 2'), id="of-a-newer-format"),
        pytest.param(lambda _data: b"[]", id="another-shape"),
        pytest.param(lambda data: data.replace(b'"inputs"', b'"imports"'), id="another-key"),
    ],
)
def test_a_changed_manifest_is_damage(tmp_path: Path, change: object) -> None:
    root = Root(tmp_path)
    publish(root, [1])
    path = home(root) / "_manifest.json"
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(StoreDamaged):
        partitions.read(root, "silver/toy", DAY)


def test_a_manifest_names_no_time_host_or_absolute_path(tmp_path: Path) -> None:
    first, second = (publish(Root(tmp_path / name), [1, 2]) for name in ("a", "b"))
    assert first.to_bytes() == second.to_bytes()
    assert str(tmp_path) not in first.to_bytes().decode()
    assert strict_json.parse(first.to_bytes(), where="m")["format"] == 1


def test_content_is_the_rows_alone_and_made_from_is_all_that_decides_them(tmp_path: Path) -> None:
    manifest = publish(Root(tmp_path), [1, 2])
    recounted = replace(manifest, counts={"rows": 3})
    raised = replace(manifest, layer_version=2)
    other = replace(manifest, inputs=(Input("x", "y"),))
    assert (recounted.content_sha256, recounted.made_from) == (manifest.content_sha256, manifest.made_from)
    assert len({manifest.made_from, raised.made_from, other.made_from}) == 3


@pytest.mark.parametrize("folder", ["datamart/silver/../../snapshot_date=2024-02-29", "/etc", "model_bank/x"])
def test_what_is_cited_is_looked_for_in_folders_of_partitions_only(tmp_path: Path, folder: str) -> None:
    manifest = publish(Root(tmp_path), [1])
    assert shelves.cited(Root(tmp_path), partitions.folder("silver/toy", DAY), manifest.content_sha256) == manifest
    with pytest.raises(StoreDamaged, match="that is not a partition"):
        shelves.cited(Root(tmp_path), folder, manifest.content_sha256)
