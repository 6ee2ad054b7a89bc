from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jobs.decisions import checking
from jobs.decisions.__main__ import main
from jobs.protocol import clock, receipts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.receipts import Occasion, Problem, Report
from jobs.protocol.store import quarantine_name
from tests.decisions.wholes import LANDED, checked, publish
from tests.progress import finished
from tests.protocol.build import SUNDAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VOUCHED = ("decisions/ledger", "model_bank", "datamart/bronze", "datamart/silver", "datamart/gold")


def vouched(root: Root) -> list[Path]:
    return sorted(path for place in VOUCHED for path in root.at(place).rglob("*") if path.is_file())


def write(path: Path, data: bytes) -> None:
    """As a failing disk does it: the name, time and mode stay."""
    facts = path.stat()
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(facts.st_mode)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_a_whole_root_is_whole_and_left_as_it_is(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat() for path in root.path.rglob("*")}
    code, found = checked(root, capsys)
    assert (code, [one for one in found if one["code"]]) == (0, [])
    assert {path: path.stat()[:7] for path in root.path.rglob("*")} == {path: one[:7] for path, one in before.items()}
    assert main(["check", "--root", str(root.path)]) == 0
    said = capsys.readouterr()
    assert "everything is whole" in said.out
    assert finished(said.err) == {"partitions"}


def test_hidden_files_among_receipts_and_entries_are_none(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.change("a")
    receipts.write(root, Occasion("training_inference", SUNDAY, "all"), report, at=clock.now(), seconds=1)
    for path in [root.at("decisions/ledger"), *root.at("decisions/receipts").rglob("*")]:
        if path.is_dir():
            (path / ".DS_Store").touch()  # as some systems leave them
    assert main(["check", "--root", str(root.path)]) == 0, capsys.readouterr().out


def test_a_status_that_may_not_be_read_hides_nothing_else(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    root.at("decisions/STATUS.txt").chmod(0o666)
    root.at(LANDED).unlink()
    code, found = checked(root, capsys)
    assert (code, [one["where"] for one in found]) == (6, ["decisions/STATUS.txt", LANDED])


def test_a_reader_who_has_seen_enough_gets_the_code_of_what_was_found(root: Root) -> None:
    root.at(LANDED).unlink()
    words = [sys.executable, "-m", "jobs.decisions", "check", "--root", str(root.path)]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.DEVNULL, check=False)
    os.close(writer)
    assert done.returncode == 6


def test_one_flipped_bit_is_found_wherever_it_is(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    """At a few hundred places spread over every file that something vouches for."""
    places = 0
    for path in vouched(root):
        data = path.read_bytes()
        for at in range(0, len(data), max(1, len(data) // 16)):
            flipped = bytearray(data)
            flipped[at] ^= 1 << (at * 7 + places) % 8
            write(path, bytes(flipped))
            code, found = checked(root, capsys)
            assert code == 6, f"bit in byte {at} of {root.name_of(path)}"
            assert all(one["mend"] and one["where"] for one in found)
            places += 1
        write(path, data)
    assert places > 200
    assert checked(root, capsys)[0] == 0


def test_a_deleted_and_a_cut_file_are_found(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    for path in vouched(root):
        data, mode = path.read_bytes(), path.stat().st_mode
        write(path, data[: len(data) // 2])
        assert checked(root, capsys)[0] == 6, f"{root.name_of(path)} cut"
        if not path.name.startswith("_manifest-"):  # gc removes these, and what needs them says so
            path.unlink()
            assert checked(root, capsys)[0] == 6, f"{root.name_of(path)} deleted"
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
    assert checked(root, capsys)[0] == 0


def test_the_first_damage_of_the_ledger_is_named_and_what_stands_before_it(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    def entry(seq: int) -> Path:
        return root.at(f"decisions/ledger/{seq:08d}.json")

    damages: tuple[tuple[Callable[[], object], str], ...] = (
        (
            lambda: write(entry(4), entry(4).read_bytes().replace(b'"nonce":"', b'"nonce":"0')),
            "ledger entry 5 does not",
        ),
        (lambda: entry(3).unlink(), "entry 3 should come next, but 00000004.json does"),
        (lambda: entry(99_999_999).mkdir(), "entry 3 should come next"),  # no entry
        (lambda: write(entry(2), b"{"), "ledger entry 2 cannot be read"),
    )
    stood = []
    for damage, told in damages:
        damage()
        code, found = checked(root, capsys)
        of_ledger = [one for one in found if one["where"].startswith("decisions/ledger")]
        damaged, stands = [one for one in of_ledger if "a folder lies" not in one["what"]]
        assert damaged["what"].startswith(told)
        assert (code, bool(damaged["mend"])) == (6, True)
        stood.append(stands["what"])
    assert stood[0].startswith("the entries up to 4 can be read; by them model 20240114-")
    assert [one.partition(" can")[0] for one in stood[1:]] == [f"the entries up to {last}" for last in (2, 2, 1)]
    assert stood[-1].endswith("by them no model serves, and decision 1 is open")


def test_an_entry_that_no_job_has_written_is_found_though_the_chain_is_whole(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = root.at("decisions/ledger/00000005.json")
    write(newest, newest.read_bytes().replace(b'"blocked_by":["week"]', b'"blocked_by":[5]'))
    root.at("decisions/STATUS.txt").unlink()
    code, found = checked(root, capsys)
    assert (code, [one["where"] for one in found if one["code"]]) == (6, ["decisions/ledger/00000005.json"])


def test_two_swapped_files_are_found(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    paths = vouched(root)
    for one, other in itertools.pairwise(paths):
        data = one.read_bytes(), other.read_bytes()
        write(one, data[1])
        write(other, data[0])
        assert checked(root, capsys)[0] == 6, f"{root.name_of(one)} and {root.name_of(other)}"
        write(one, data[0])
        write(other, data[1])


def test_an_invalid_note_is_5_and_what_a_crash_left_is_a_remark(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    root.at("decisions/.draft-1-ab").write_bytes(b"")
    code, found = checked(root, capsys)
    assert (code, len([one for one in found if "died while writing" in one["what"]])) == (0, 1)
    root.at("decisions/retraining_decision.json").write_bytes(b"{")
    assert checked(root, capsys)[0] == 5
    write(root.at("decisions/receipts/preprocessing/2024-01-14/1.json"), b"{}")
    assert checked(root, capsys)[0] == 6


def test_an_emptied_note_that_was_kept_is_whole_and_a_torn_pointer_is_damage(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = root.at(quarantine_name(b""))
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(b"")
    assert checked(root, capsys)[0] == 0
    pointer = root.at("decisions/policies/last_good.json")
    pointer.parent.mkdir(exist_ok=True)
    pointer.with_name("a\tb.json").write_bytes(b"{}")
    for torn in (b'{"sha', b'{"sha256": "../../policy"}', b"[]"):
        write(pointer, torn)
        code, found = checked(root, capsys)
        assert (code, [one["where"].rpartition("/")[2] for one in found]) == (6, ["a\tb.json", "last_good.json"])


def test_what_ends_one_look_hides_nothing_that_others_find(
    root: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root.at("decisions/receipts/preprocessing/2024-01-14/1.json"), b"{}")
    for error, code in ((OSError(28, "full", "disk"), 1), (StoreDamaged("w", where="f", mend="m"), 6)):
        monkeypatch.setattr(checking, "notes", lambda _, error=error: _raising(error))
        found = checked(root, capsys)
        assert (found[0], len(found[1])) == (code, 2)


def _raising(error: Exception) -> Iterator[Problem]:
    yield from ()
    raise error


def test_damaged_scores_are_not_to_be_deleted(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    for table, mend in (
        ("silver/other", "delete its folder"),
        ("gold/predictions", "if deleted, the day is scored again"),
    ):
        [part] = publish(root, table, [1], []).parts
        path = root.at(f"datamart/{table}/snapshot_date={SUNDAY}/{part.name}")
        write(path, bytes([*path.read_bytes()[:-1], 0]))
        [told] = [one["mend"] for one in checked(root, capsys)[1] if one["where"] == root.name_of(path)]
        assert mend in told
