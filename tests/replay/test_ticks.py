"""What a replay does to ticks and to files that land, seen by jobs that only look around."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from jobs.protocol import clock
from jobs.protocol.command import REPLAY_CLOCK, STOPPED, Stopped
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.replay import __main__ as replay
from jobs.replay import replaying
from jobs.replay.schedule import TICKS, Chances, Landing, days

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, LAST = date(2016, 1, 1), date(2016, 1, 31)
TABLES = ("demographic", "financial")
WHOLE = 10  # bytes of each landed file
RARELY = 1e-9  # so that no tick runs in a process of its own


class Seen(NamedTuple):
    """A run of a job; the files of its day by size, and the seconds since one of them was last written."""

    job: str
    at: datetime
    files: dict[str, int]
    quiet: float


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    yield
    clock.stand_at(None)


def land(original: Root, table: str, day: str) -> None:
    path = original.at(f"datamart/landing/{table}/{table}_{day}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * WHOLE)


def played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chances: Chances, code: int = 0
) -> tuple[replaying.Replay, list[Seen]]:
    seen: list[Seen] = []
    original, root = Root(tmp_path / "original"), Root(tmp_path / "into", durable=False)
    for day in days(FIRST, LAST, Chances()):
        for table in TABLES:
            land(original, table, f"{day.date:%Y_%m_%d}")

    def look(job: str, argv: list[str], *, at: datetime) -> int:
        assert argv == ["--root", str(root.path), "--date", at.date().isoformat()]
        assert datetime.fromisoformat(root.at(REPLAY_CLOCK).read_text().strip()) == at
        found = {path.parent.name: path.stat() for path in root.at("datamart/landing").rglob(f"*{at:%Y_%m_%d}.csv")}
        quiet = at.timestamp() - max(stat.st_mtime for stat in found.values())
        seen.append(Seen(job, at, {table: stat.st_size for table, stat in found.items()}, quiet))
        return code

    monkeypatch.setattr(replaying, "_mains", lambda: {job: partial(look, job) for job, *_ in TICKS})
    root.at("decisions").mkdir(parents=True)
    replayed = replaying.Replay(original, root, chances)
    replayed.play(FIRST, LAST, Events())
    return replayed, seen


def test_a_tick_comes_once_or_twice_or_never_as_the_schedule_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chances = Chances(missed=0.3, twice=0.3, seed=2)
    times = {"missed": 0, "once": 1, "twice": 2}
    ticks = [tick for day in days(FIRST, LAST, chances) for tick in day.ticks]
    assert {str(tick.fate) for tick in ticks} == set(times)
    _, seen = played(tmp_path, monkeypatch, chances)
    assert [one[:2] for one in seen] == [tick[:2] for tick in ticks for _ in range(times[tick.fate])]


def test_a_file_whose_name_holds_no_date_that_can_be_is_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(Root(tmp_path / "original"), "financial", "2016_02_30")
    replayed, _ = played(tmp_path, monkeypatch, Chances(missed=RARELY))
    assert not [*replayed.root.at("datamart/landing").rglob("*2016_02_30.csv")]


def test_what_happened_is_told_in_its_order_whoever_came_to_know_of_it_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(self: replaying.Replay, day: date, _: Events) -> None:
        at = datetime.combine(LAST + (LAST - day), datetime.min.time(), UTC)
        self.happenings.append(replaying.Happening(at, "somebody", "knows"))

    monkeypatch.setattr(replaying.Replay, "_tell", tell)
    found = [one.at for one in played(tmp_path, monkeypatch, Chances(missed=RARELY))[0].happenings]
    assert len(found) == LAST.day
    assert found == sorted(found)


def test_a_job_that_was_stopped_stops_the_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Stopped):
        played(tmp_path, monkeypatch, Chances(missed=RARELY), code=STOPPED)


def test_a_late_file_is_not_there_and_a_torn_one_not_whole_until_the_next_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chances = Chances(missed=0.5, seed=4)
    replayed, seen = played(tmp_path, monkeypatch, chances)
    landings = {day.date: day.landing for day in days(FIRST, LAST, chances)}
    found = {one.at.date(): sorted(one.files.values()) for one in seen}
    sizes = {Landing.ON_TIME: [WHOLE, WHOLE], Landing.LATE: [WHOLE], Landing.TORN: [WHOLE // 2, WHOLE]}
    assert {landings[day] for day in found} == set(sizes)
    assert landings[FIRST] is Landing.LATE, "what lands on the first day is no history"
    assert found == {day: sizes[landings[day]] for day in found}
    built = {one.at.date(): one.quiet for one in seen if one.job == "preprocessing"}
    assert built == {day: 0 if landings[day] is Landing.TORN else 1800 for day in built}, "a torn one is at work on"
    landed = [*replayed.root.at("datamart/landing").rglob("*.csv")]
    assert {path.stat().st_size for path in landed} == {WHOLE}
    assert len(landed) == len(TABLES) * len(landings)
    told = [one.at.date() for one in replayed.happenings if one.job == "landing"]
    assert told == [day for day, landing in landings.items() if landing is not Landing.ON_TIME]


def test_a_file_lands_half_an_hour_after_midnight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replayed, _ = played(tmp_path, monkeypatch, Chances(missed=RARELY))
    (path,) = replayed.root.at("datamart/landing/financial").glob(f"*{LAST:%Y_%m_%d}.csv")
    assert datetime.fromtimestamp(path.stat().st_mtime, UTC) == datetime(2016, 1, 31, 0, 30, tzinfo=UTC)


def test_an_invariant_that_does_not_hold_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(replay, "_replayed", lambda *_: ["a decision ended twice"])
    assert replay.main(["--start", "2016-01-01", "--end", "2016-01-02", "--into", "nowhere"]) == 1
    assert capsys.readouterr().err == "replay: a decision ended twice\n"


@pytest.mark.parametrize("code", [0, 3, 4, 5, 6, 75, 99])
def test_a_run_that_was_done_or_refused_its_input_breaks_no_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    replayed, _ = played(tmp_path, monkeypatch, Chances(kill=RARELY), code)
    assert list(replaying.refused(replayed.happenings)) == []


def test_runs_that_a_bug_or_the_system_ended_are_counted_and_the_first_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed, seen = played(tmp_path, monkeypatch, Chances(kill=RARELY), code=1)
    (said,) = replaying.refused(replayed.happenings)
    assert said == f"{len(seen)} runs ended with 1, the first on {FIRST}: "
