"""What a run leaves behind of itself: a receipt where something changed or went wrong, and no other."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from jobs.protocol import clock, command, receipts, schemas
from jobs.protocol.command import Job, Step
from jobs.protocol.errors import GRAVEST_FIRST, ContractBroken
from jobs.protocol.files import Root
from tests.protocol.toy_jobs import DAY, changes, failing, job, nothing, run


def test_a_run_that_changed_nothing_leaves_no_receipt(tmp_path: Path) -> None:
    assert run(job(nothing), tmp_path) == 0
    assert not (tmp_path / "decisions").exists()


def test_every_run_that_changed_something_leaves_a_receipt_of_its_own(tmp_path: Path) -> None:
    run(job(changes), tmp_path)
    run(job(changes), tmp_path)
    home = tmp_path / "decisions/receipts/toy/2024-03-01"
    assert sorted(os.listdir(home)) == ["1.json", "2.json"]
    receipt = json.loads((home / "1.json").read_bytes())
    assert (receipt["job"], receipt["date"], receipt["step"], receipt["exit_code"]) == ("toy", "2024-03-01", "all", 0)
    assert receipt["changed"] == [{"name": "some/table", "rows": 3}]


@pytest.mark.parametrize("code", GRAVEST_FIRST)
def test_a_receipt_keeps_its_contract_whatever_went_wrong(code: int, tmp_path: Path) -> None:
    kind = type("OfAnyKind", (ContractBroken,), {"exit_code": code})
    assert run(job(failing(kind("w", where="f", mend="m"))), tmp_path) == code
    receipt = json.loads((tmp_path / "decisions/receipts/toy/2024-03-01/1.json").read_bytes())
    assert schemas.complaints(schemas.document("receipt"), receipt) == []


@pytest.mark.parametrize("garbage", [None, b"{", b"[]", b'{"step": "all", "problems": [1]}'])
def test_what_lies_among_receipts_and_is_none_hinders_no_run(garbage: bytes | None, tmp_path: Path) -> None:
    broken = job(failing(ContractBroken("w", where="f", mend="m")))
    assert run(broken, tmp_path) == 4
    home = tmp_path / "decisions/receipts/toy/2024-03-01"
    (home / "2.json").write_bytes(garbage) if garbage else os.mkfifo(home / "2.json")
    assert [run(broken, tmp_path), run(job(changes), tmp_path)] == [4, 0]
    assert sorted(os.listdir(home)) == ["1.json", "2.json", "3.json"]


def test_the_tenth_receipt_is_newer_than_the_ninth_and_a_file_of_another_name_is_none(tmp_path: Path) -> None:
    for _ in range(9):
        run(job(changes), tmp_path)
    (tmp_path / "decisions/receipts/toy/2024-03-01/notes.json").write_bytes(b"{}")
    run(job(failing(ContractBroken("w", where="f", mend="m"))), tmp_path)
    assert [problem.what for problem in receipts.standing(Root(tmp_path), "toy", DAY)] == ["w"]


def test_two_runs_that_end_at_once_leave_a_receipt_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(job(changes), tmp_path)
    monkeypatch.setattr(receipts, "_numbers", lambda _: [])  # as the second one looked before the first one wrote
    run(job(changes), tmp_path)
    assert sorted(os.listdir(tmp_path / "decisions/receipts/toy/2024-03-01")) == ["1.json", "2.json"]


def test_a_failure_that_stands_unchanged_is_receipted_once(tmp_path: Path) -> None:
    broken = job(failing(ContractBroken("w", where="f", mend="m")))
    assert [run(broken, tmp_path), run(broken, tmp_path)] == [4, 4]
    assert os.listdir(tmp_path / "decisions/receipts/toy/2024-03-01") == ["1.json"]


def test_a_name_that_is_no_text_is_receipted_escaped(tmp_path: Path) -> None:
    report, odd = receipts.Report(), os.fsdecode(b"odd\xff")
    report.skip(odd, "w")
    report.fail(ContractBroken(odd, where=odd, mend=odd))
    assert receipts.write(Root(tmp_path), receipts.Occasion("toy", DAY, "all"), report, at=clock.now(), seconds=1.0)
    known = receipts.latest_by_step(Root(tmp_path), "toy", DAY)["all"]
    shown = "odd\\udcff"
    assert known["skipped"] == [{"what": shown, "why": "w"}]
    assert known["problems"] == [{"code": 4, "what": shown, "where": shown, "mend": shown}]


def test_what_is_skipped_is_receipted_when_it_is_news(tmp_path: Path) -> None:
    def write(*skipped: str) -> str | None:
        report = receipts.Report(skipped=[{"what": name, "why": "w"} for name in skipped])
        return receipts.write(Root(tmp_path), receipts.Occasion("toy", DAY, "all"), report, at=clock.now(), seconds=1.0)

    said = [bool(write(*names)) for names in ((), ("a", "b"), ("b",), (), ("b", "c"), ("c", "b"), ("a",))]
    assert said == [False, True, False, False, True, False, True]


def test_by_steps_the_last_one_says_what_the_date_has_come_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = job(failing(ContractBroken("w", where="f", mend="m")), nothing)
    assert run(broken, tmp_path, "--step", "s0") == 0
    capsys.readouterr()
    assert run(broken, tmp_path, "--step", "s1") == 4
    assert capsys.readouterr().err == "toy: w\n  where: f\n  mend:  m\n"
    mended = job(nothing, nothing)
    assert run(mended, tmp_path, "--step", "s0") == 0
    assert run(mended, tmp_path, "--step", "s1") == 0


def test_a_last_step_that_fails_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(job(nothing, failing(ContractBroken("w", where="f", mend="m"))), tmp_path, "--step", "s1") == 4
    assert capsys.readouterr().err == "toy: w\n  where: f\n  mend:  m\n"


def test_a_run_says_in_one_line_what_it_came_to() -> None:
    report = receipts.Report(changed=[{"name": "datamart/gold/a"}, {"name": "decisions/b"}])
    report.skip("two\nlines", "w")
    report.fail(ContractBroken("w", where="f", mend="m"))
    said = r"2 written (1 in gold, 1 in decisions), 1 skipped ('two\nlines: w'), 1 problem"
    assert receipts.summed(report) == said


def test_what_a_run_of_all_steps_failed_at_stands_no_more_once_the_steps_have_succeeded(tmp_path: Path) -> None:
    broken, mended = job(nothing, failing(ContractBroken("w", where="f", mend="m"))), job(nothing, nothing)
    assert run(broken, tmp_path) == 4
    assert run(mended, tmp_path, "--step", "s1") == 4  # the last alone says what stands
    assert [run(mended, tmp_path, "--step", step) for step in ("s0", "s1")] == [0, 0]
    known = sorted((tmp_path / "decisions/receipts").rglob("*.json"))
    assert [run(mended, tmp_path, "--step", step) for step in ("s0", "s1")] == [0, 0]
    assert sorted((tmp_path / "decisions/receipts").rglob("*.json")) == known
    assert [run(broken, tmp_path, "--step", step) for step in ("s0", "s1")] == [0, 4]


def test_what_a_step_failed_at_stands_no_more_once_a_run_of_all_steps_has_succeeded(tmp_path: Path) -> None:
    broken, mended = job(failing(ContractBroken("w", where="f", mend="m")), nothing), job(nothing, nothing)
    assert [run(broken, tmp_path, "--step", step) for step in ("s0", "s1")] == [0, 4]
    assert run(mended, tmp_path) == 0
    assert run(mended, tmp_path, "--step", "s1") == 0
    assert [run(mended, tmp_path), run(mended, tmp_path)] == [0, 0]
    assert len(os.listdir(tmp_path / "decisions/receipts/toy/2024-03-01")) == 2


def test_what_a_person_tried_by_a_step_of_no_dag_does_not_stand_against_the_date(tmp_path: Path) -> None:
    tried = Step("apart", "", failing(ContractBroken("w", where="f", mend="m")), only_when_named=True)
    both = Job("toy", "", (*job(nothing).steps, tried))
    assert [run(both, tmp_path, "--step", step) for step in ("apart", "s0")] == [4, 0]


def test_old_receipts_are_removed_after_ninety_days(tmp_path: Path) -> None:
    run(job(changes), tmp_path)
    home = tmp_path / "decisions/receipts/toy"
    for name, age in (("2020-01-01", 90.5), ("2020-01-02", 89.5)):
        (home / name).mkdir()
        os.utime(home / name, (time.time() - age * 86_400,) * 2)
    run(job(changes), tmp_path)
    assert sorted(os.listdir(home)) == ["2020-01-02", "2024-03-01"]
    assert receipts.standing(command.open_root(str(tmp_path)), "toy", DAY) == []


def test_the_last_second_of_the_ninety_days_is_still_kept_and_no_link_is_followed(tmp_path: Path) -> None:
    root, now, home = Root(tmp_path), clock.now(), tmp_path / "decisions/receipts/toy"
    ages = {home / "2020-01-01": 1, home / "2020-01-02": 0, tmp_path / "elsewhere": 1}
    for folder, beyond in ages.items():
        folder.mkdir(parents=True)
        os.utime(folder, (now.timestamp() - 90 * 86_400 - beyond,) * 2)
    (home / "2020-01-03").symlink_to(tmp_path / "elsewhere")
    receipts.prune(root, "toy", now)
    assert sorted(os.listdir(home)) == ["2020-01-02", "2020-01-03"]
    assert (tmp_path / "elsewhere").is_dir()


def test_what_was_changed_is_passed_over_unless_it_is_asked_for(tmp_path: Path) -> None:
    like_its_end = '],\n  "skipped": ]\n  ],\n  "changed": [\n'
    some: list[dict[str, object]] = [{"name": like_its_end, "rows": 3}, {"name": "b"}]
    for changed in ([], some):
        report = receipts.Report(changed, [{"what": like_its_end, "why": "w"}], [receipts.Problem(4, "w", "f", "m")])
        of = receipts.Occasion("toy", DAY, "all")
        assert receipts.write(Root(tmp_path), of, report, at=clock.now(), seconds=1.0)
        known, short = (
            receipts.latest_by_step(Root(tmp_path), "toy", of.day, changes=it)["all"] for it in (True, False)
        )
        assert (known["changed"], short["changed"]) == (changed, [])
        assert known | {"changed": []} == short
