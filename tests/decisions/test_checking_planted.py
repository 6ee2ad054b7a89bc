"""What lies where a file of ours belongs, and is none."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from jobs.decisions.__main__ import main
from tests.decisions.wholes import LANDED, checked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobs.protocol.files import Root

A_SOCKET = partial(os.mknod, mode=stat.S_IFSOCK | 0o600)  # elsewhere for the superuser alone


@pytest.mark.parametrize(
    "plant",
    [
        os.mkfifo,
        os.mkdir,
        partial(os.symlink, "/dev/zero"),
        partial(os.symlink, __file__),
        *[A_SOCKET] * (sys.platform == "linux"),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "decisions/ledger/00000006.json",  # where the next entry belongs
        "decisions/ledger/00000003.json",
        "decisions/STATUS.txt",
        "decisions/.aside-retraining_decision.json-ab",
        "decisions/policies/last_good.json",
        "decisions/quarantine/0123456789ab.json",
        "decisions/receipts/preprocessing/2024-01-14/2.json",
        "decisions/receipts/training_inference/2024-01-14/2.json",
        "model_bank/20240114-0123456789ab/manifest.json",
        "datamart/silver/toy/snapshot_date=2024-01-14/_manifest.json",
        "datamart/silver/toy/snapshot_date=2024-01-14/_manifest-0123456789ab.json",
        LANDED,
    ],
)
@pytest.mark.timeout(30)
def test_what_is_planted_in_place_of_a_file_is_named_and_never_waited_for(
    root: Root, capsys: pytest.CaptureFixture[str], plant: Callable[[Path], object], place: str
) -> None:
    path = root.at(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    plant(path)
    code, found = checked(root, capsys)
    assert code == 6
    assert any(place.removesuffix(".json") in one["where"] for one in found if one["code"])
    assert "a bug" not in str(found)
    for word in ("show", "lint", "gc", "doctor"):
        assert main([word, "--root", str(root.path)]) in (0, 5, 6), word
    assert main(["explain", "2024-01-14", "--root", str(root.path)]) in (0, 6)


def test_a_folder_behind_a_link_is_damage_where_jobs_decide(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    root.at("decisions/elsewhere").symlink_to(root.at("datamart"))
    code, found = checked(root, capsys)
    assert code == 6
    assert "decisions/elsewhere" in [one["where"] for one in found if one["code"]]


def test_a_pipe_in_a_partition_hides_no_other_damage_of_it(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    home = root.at("datamart/silver/toy/snapshot_date=2024-01-14")
    os.mkfifo(home / "_manifest-0123456789ab.json")
    [part] = home.glob("part-*")
    part.write_bytes(part.read_bytes() + b"x")
    for name in ("a", "b", "c", "d"):
        (home / name).touch()
    found = [one["where"] for one in checked(root, capsys)[1] if one["where"].startswith(root.name_of(home))]
    places = ["_manifest-0123456789ab.json", "a", "b", "c", "d", part.name]
    assert list(dict.fromkeys(found)) == [f"{root.name_of(home)}/{name}" for name in places]


@pytest.mark.parametrize("other", ["silver/toy/snapshot_date=2023-12-31", "silver/other/snapshot_date=2024-01-14"])
def test_a_partition_that_was_copied_to_another_day_or_table_is_found(
    root: Root, capsys: pytest.CaptureFixture[str], other: str
) -> None:
    shutil.copytree(root.at("datamart/silver/toy/snapshot_date=2024-01-14"), root.at(f"datamart/{other}"))
    code, found = checked(root, capsys)
    assert code == 6
    [told] = [one for one in found if one["what"] == "the manifest belongs to another partition"]
    assert told["where"] == f"datamart/{other}/_manifest.json"


def test_an_empty_partition_is_found(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    home = "datamart/silver/toy/snapshot_date=2024-01-13"
    root.at(home).mkdir()
    code, found = checked(root, capsys)
    assert (code, [(one["what"], one["where"]) for one in found if one["code"]]) == (
        6,
        [("the partition is empty", home)],
    )
