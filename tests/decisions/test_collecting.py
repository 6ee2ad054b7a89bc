from __future__ import annotations

import errno
import fcntl
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.decisions.__main__ import main
from jobs.protocol import clock, files, ledger, model_bank, partitions, policy
from jobs.protocol.files import Root
from jobs.protocol.partitions import Input, Manifest, Ranges
from jobs.protocol.store import POLICY, FolderStore
from tests.decisions.wholes import ONE_DAY, cited, land, publish
from tests.protocol.build import SUNDAY, person, proposed, writer

BRONZE, SILVER, LABELS, SCORES = "bronze/toy", "silver/toy", "gold/labels", "gold/predictions"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path, durable=False)


def age(root: Root) -> None:
    for path in root.path.rglob("*"):
        os.utime(path, (0, 0))


def gc(root: Root, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["gc", "--root", str(root.path), *words]) == 0
    return capsys.readouterr().out.splitlines()[:-1]


def replaced(root: Root) -> Manifest:
    """An old bronze that a newer one replaced; the old manifest."""
    old = publish(root, BRONZE, [1], [land(root)])
    new = publish(root, BRONZE, [1, 2], [land(root, "id\n1\n2\n")])
    publish(root, SILVER, [1, 2], [cited(new)])
    return old


def recipe(root: Root, *inputs: Input) -> None:
    told = {"inputs": {given.path: given.sha256 for given in inputs}}
    model_bank.put(root, SUNDAY, {"recipe.json": json.dumps(told).encode()})


def test_what_was_replaced_within_two_days_may_still_come_to_be_cited(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(root)
    for hours, listed in ((47, 0), (49, 2)):
        for path in root.path.rglob("*"):
            os.utime(path, (clock.now().timestamp() - hours * 3600,) * 2)
        assert len(gc(root, capsys)) == listed


def test_what_nothing_cites_is_listed_and_removed_on_demand(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    old = replaced(root)
    age(root)
    listed = gc(root, capsys)
    assert len(listed) == 2
    assert all("bronze/toy/snapshot_date=2024-01-14/" in name for name in listed)
    assert [root.at(name).exists() for name in listed] == [True, True]
    assert gc(root, capsys, "--delete") == listed
    assert [root.at(name).exists() for name in listed] == [False, False]
    assert not root.at(f"{partitions.folder(BRONZE, SUNDAY)}/{old.parts[0].name}").exists()
    assert gc(root, capsys) == []
    assert main(["check", "--root", str(root.path)]) == 0


def test_a_pipe_in_place_of_a_note_is_not_waited_for(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def ended(path: Path) -> bytes:
        assert path.is_file()  # a pipe would never end
        return read(path)

    replaced(root)
    age(root)
    root.at("decisions").mkdir()
    os.mkfifo(root.at("decisions/retraining_decision.json"))
    monkeypatch.setattr(Path, "read_bytes", ended)
    assert len(gc(root, capsys)) == 2


def test_what_was_replaced_lately_stays(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(root)
    assert gc(root, capsys) == []


def test_the_recipe_of_a_model_keeps_what_it_cites(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    recipe(root, cited(replaced(root)))
    ledger.append(FolderStore(root), writer(), lambda _: proposed(person()))  # where there is a model there is one
    age(root)
    assert gc(root, capsys) == []


def test_the_name_or_hash_of_a_kept_manifest_or_of_its_file_in_evidence_keeps_both(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    [part] = replaced(root).parts
    kept = next(root.at(partitions.folder(BRONZE, SUNDAY)).glob("_manifest-*"))
    report = root.at("datamart/gold/reports/week=2024-01-20/report.html")
    for text in (f"<a href='{kept.name}'>", f"<td>{files.sha256_of(kept)}</td>", part.name, part.sha256):
        files.write_whole(root, report, text.encode())
        age(root)
        assert gc(root, capsys) == []
    report.unlink()
    assert len(gc(root, capsys)) == 2


def test_evidence_that_names_a_whole_table_keeps_all_of_it(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(root)
    evidence = root.at("datamart/gold/monitoring/week=2024-01-20/decision.json")
    files.write_whole(root, evidence, b'{"inputs": [{"path": "datamart/bronze/toy", "sha256": "of a range"}]}')
    age(root)
    assert gc(root, capsys) == []


def test_scores_keep_the_features_they_were_made_from_and_all_behind_them(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    FolderStore(root).put_if_absent(POLICY, policy.default_bytes())
    ledger.append(FolderStore(root), writer(), lambda _: proposed(person()))  # where there are scores there is one
    bronze = publish(root, BRONZE, [1], [land(root)])
    silver = publish(root, SILVER, [10], [cited(bronze)])
    publish(root, SCORES, [100], [cited(silver)])
    newer = publish(root, BRONZE, [1, 2], [land(root, "id\n1\n2\n")])
    publish(root, SILVER, [10, 20], [cited(newer)])
    age(root)
    assert gc(root, capsys) == []
    publish(root, SCORES, [100, 200], [cited(publish(root, SILVER, [10, 20], [cited(newer)]))])
    age(root)
    assert len(gc(root, capsys, "--delete")) == 6
    assert main(["check", "--root", str(root.path)]) == 0


def test_a_range_keeps_its_table_unless_it_is_what_lies_there_now(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    days = [SUNDAY + ONE_DAY * n for n in range(-20, 1)]
    contents = {day: publish(root, SILVER, [day.day], [], day).content_sha256 for day in days}
    old = Ranges(f"datamart/{SILVER}", contents).input(days[3], SUNDAY)
    publish(root, LABELS, [1], [old])
    contents[days[-2]] = publish(root, SILVER, [99], [], days[-2]).content_sha256
    late = SUNDAY + timedelta(days=1)
    publish(root, SILVER, [1], [], late)
    publish(root, SILVER, [2], [], late)
    age(root)
    listed = gc(root, capsys)
    assert len(listed) == 2, "the labels still rest on the old day; a day after theirs is not in their range"
    assert all(str(late) in name for name in listed)
    publish(root, LABELS, [1], [Ranges(f"datamart/{SILVER}", contents).input(days[3], SUNDAY)])
    age(root)
    assert len(gc(root, capsys)) == 5, "both days, and the old manifest of the labels, whose rows are the same"


def test_a_folder_without_a_manifest_is_left_alone_and_a_damaged_one_stops_it(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(root)
    manifest = root.at(partitions.manifest_name(BRONZE, SUNDAY))
    data = manifest.read_bytes()
    manifest.unlink()
    age(root)
    assert gc(root, capsys) == []
    manifest.write_bytes(data[:-5])
    assert main(["gc", "--delete", "--root", str(root.path)]) == 6


def test_while_a_job_is_at_work_nothing_is_removed(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    replaced(root)
    age(root)
    lock = root.at("datamart/.preprocessing.lock")
    files.write_whole(root, lock, b"")
    with lock.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert main(["gc", "--delete", "--root", str(root.path)]) == 75
        assert "a job is at work on this root: preprocessing\n" in capsys.readouterr().err
        assert main(["gc", "--root", str(root.path)]) == 0
    assert len(list(root.at(partitions.folder(BRONZE, SUNDAY)).iterdir())) == 4


def test_nothing_is_removed_for_a_part_of_an_option(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["gc", "--root", str(root.path), "--del"])
    assert stopped.value.code == 2
    assert "unrecognized arguments: --del" in capsys.readouterr().err


@pytest.mark.parametrize("hidden", ["model_bank", "datamart/silver/toy"])
def test_nothing_is_removed_while_a_folder_that_may_cite_it_cannot_be_listed(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    old = replaced(root)
    recipe(root, cited(old))
    ledger.append(FolderStore(root), writer(), lambda _: proposed(person()))
    age(root)
    real, fails = os.scandir, [1]  # once: whoever looks again finds it

    def scanned(path: str | int | os.PathLike[str] = ".") -> Any:
        if str(path) == str(root.at(hidden)) and fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO), fails.pop())
        return real(path)

    monkeypatch.setattr(os, "scandir", scanned)
    assert main(["gc", "--root", str(root.path), "--delete"]) == 1
    assert root.at(f"{partitions.folder(BRONZE, SUNDAY)}/{old.parts[0].name}").is_file()


def test_nothing_is_collected_while_the_decisions_that_may_cite_it_are_refused(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(root)
    root.at("decisions").mkdir(exist_ok=True)
    age(root)
    root.at("decisions").chmod(0o777)
    before = sorted(root.path.rglob("*"))
    assert main(["gc", "--delete", "--root", str(root.path)]) == 6
    assert "decisions is world-writable" in capsys.readouterr().err
    assert sorted(root.path.rglob("*")) == before
