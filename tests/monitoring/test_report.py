from __future__ import annotations

import hashlib
import re
import shutil
from base64 import b64encode
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from jobs.monitoring import alerts, delivering, report, storing, weeks
from jobs.monitoring.lookup import at
from jobs.monitoring.panels import Shown
from jobs.protocol import files, strict_json, verdicts
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from jobs.protocol.strict_json import Json
from tests.monitoring.evidences import WEEK
from tests.monitoring.judged_weeks import full_evidence, judge_weeks, keep
from tests.monitoring.report_pages import RULES, page_of, section, words


def verdicts_of(root: Root) -> list[Json]:
    return verdicts.until(root, WEEK)


def test_the_page_leads_with_the_verdict_and_what_is_new(judged: tuple[Root, str]) -> None:
    first = words(judged[1].split("<main")[0])
    assert first.index("Retrain: the scores have moved, PSI 0.350") < first.index("Since last week")
    assert "score PSI went from 0.320 to 0.350" in first
    assert "decision is still retrain" in first


def test_every_panel_of_a_full_week_is_shown(judged: tuple[Root, str]) -> None:
    assert "could not be shown" not in judged[1]
    assert "could not be computed" not in judged[1]
    assert judged[1].count("<section id=") == 10


def test_every_path_that_a_panel_names_leads_into_the_evidence(judged: tuple[Root, str]) -> None:
    week = storing.judged(judged[0], WEEK)
    assert week is not None
    known = Shown(weeks=[week], policy=RULES, bins={}).known
    named = re.findall(
        r'(?<!attribute=)"(\w{4,}\.[\w.]+)"', (Path(report.__file__).parent / "templates/panels.html.j2").read_text()
    )
    named = [path for path in named if not path.endswith(".j2")]
    assert len(named) > 60
    assert [path for path in named if at(known, path) is None] == ["concept.unknown", "concept.unknown"]


def test_open_alerts_stand_beside_the_verdict_with_their_age_and_who_looks_after_them(
    judged: tuple[Root, str],
) -> None:
    verdict = words(section(judged[1], "verdict"))
    assert "Open alerts" in verdict
    assert "weeks open" in verdict
    first = delivering.standing(FolderStore(judged[0]), verdicts_of(judged[0]))[0]
    assert f"{first['rule']} {first['subject']} ◕ {first['severity']} {first['weeks']}" in verdict


def test_an_alert_that_is_older_than_the_weeks_shown_keeps_its_age_and_its_owner(tmp_path: Path) -> None:
    root = Root(tmp_path, durable=False)
    judge_weeks(root, count=1)
    last = verdicts_of(root)[-1]
    for back in range(report.EARLIER + 3, 0, -1):
        day = WEEK - timedelta(days=7 * back)
        earlier = strict_json.pretty(last | {"week": day.isoformat()})
        files.write_whole(root, root.at(verdicts.name_of(day)), earlier)
    episode = next(iter(alerts.episodes(verdicts.until(root, WEEK)).values()))
    owned = {"opened": episode.opened.isoformat(), "week": WEEK.isoformat(), "acknowledged_by": "Ada"}
    files.write_whole(root, root.at(episode.file), strict_json.pretty(owned))
    report.write(root, WEEK)
    assert f"high {report.EARLIER + 3} {episode.opened} Ada" in words(section(page_of(root), "verdict"))


def test_a_damaged_verdict_on_an_earlier_week_is_told_of_and_the_others_are_shown(tmp_path: Path) -> None:
    root, told = Root(tmp_path, durable=False), list[JobError]()
    judge_weeks(root, count=3)
    root.at(verdicts.name_of(WEEK - timedelta(days=7))).write_bytes(b"{")
    assert len(report.write(root, WEEK, told.append)) == 2
    assert {str(each.where) for each in told} == {verdicts.name_of(WEEK - timedelta(days=7))}
    assert f"Compared with the week to {WEEK - timedelta(days=14)}" in page_of(root)
    index = root.at(report.INDEX).read_text()
    assert [f"week={WEEK - timedelta(days=7 * back)}/" in index for back in (0, 1)] == [True, False]


def test_the_appendix_holds_every_setting_every_hash_and_the_words(judged: tuple[Root, str]) -> None:
    said = words(section(judged[1], "appendix"))
    for setting in ("drift.psi.high 0.3", "decision.valid_days.HIGH 7", "cutoff.approval_rate none"):
        assert setting in said
    assert verdicts_of(judged[0])[-1]["evidence"]["sha256"] in said
    assert "Words AUC Chance that a random bad loan" in said


def test_every_chart_has_a_name_and_its_numbers(judged: tuple[Root, str]) -> None:
    figures = judged[1].count("<figure>")
    named = re.findall(r'<div role="img" aria-label="([^"]{40,})">', judged[1])
    assert figures == len(named) == judged[1].count("<details>") > 10


def test_the_pictures_of_scores_tell_of_the_cut_off_and_of_the_reference_s_ks(judged: tuple[Root, str]) -> None:
    assert "Dashed line: the cut-off 0.123, in (0.115, 0.134]." in words(section(judged[1], "scores"))
    assert re.search(r"KS 0\.400 \(n [\d,]+\), of the reference 0\.2\d\d\.", words(section(judged[1], "ranking")))
    off_the_diagonal = r"Off the diagonal by more than their interval: \d of \d+\."  # reads well of one band, too
    assert re.search(off_the_diagonal, words(section(judged[1], "calibration")))


def test_the_same_files_give_the_same_bytes(judged: tuple[Root, str], tmp_path: Path) -> None:
    copy = Root(tmp_path / "copy", durable=False)
    shutil.copytree(judged[0].path, copy.path)
    shutil.rmtree(copy.at(weeks.REPORTS))
    assert len(report.write(copy, WEEK)) == 2
    assert page_of(copy) == judged[1]
    assert report.write(copy, WEEK) == []


def test_weeks_that_come_later_do_not_change_a_report(tmp_path: Path) -> None:
    root = Root(tmp_path, durable=False)
    judge_weeks(root, count=3)
    report.write(root, WEEK)
    before = page_of(root)
    keep(root, full_evidence(root, WEEK + timedelta(days=7), 3))
    report.write(root, WEEK)
    assert page_of(root) == before
    assert f"week={WEEK}/report.html" in root.at(report.INDEX).read_text()
    assert (WEEK + timedelta(days=7)).isoformat() in root.at(report.INDEX).read_text()


@pytest.mark.parametrize("failing", ["index.html", "report.html"])
def test_the_report_is_the_last_page_written_so_that_a_run_which_died_is_finished_by_the_next(
    judged: tuple[Root, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    root = Root(tmp_path / "copy", durable=False)
    shutil.copytree(judged[0].path, root.path)
    shutil.rmtree(root.at(weeks.REPORTS))
    dead = [root.at(f"{folder}/.draft-1-dead") for folder in (weeks.REPORTS, f"{weeks.REPORTS}/week={WEEK}")]

    def dies(where: Root, target: Path, data: bytes, **how: Any) -> None:
        if target.name == failing:
            raise OSError("no space left")
        real(where, target, data, **how)

    real = files.write_whole
    with monkeypatch.context() as patched:
        patched.setattr(files, "write_whole", dies)
        with pytest.raises(OSError, match="no space"):
            report.write(root, WEEK)
    assert not root.at(weeks.report_of(WEEK)).exists()
    for path in dead:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    root.at(report.INDEX).unlink(missing_ok=True)
    assert report.write(root, WEEK) == [report.INDEX, weeks.report_of(WEEK)]
    assert f"week={WEEK}/report.html" in root.at(report.INDEX).read_text()
    assert not any(path.exists() for path in dead)


def test_tables_that_are_not_those_of_the_evidence_are_never_shown(tmp_path: Path) -> None:
    root = Root(tmp_path, durable=False)
    judge_weeks(root, count=1)
    found = storing.judged(root, WEEK)
    assert found is not None
    bins = root.at(at(found.evidence, "files.bins.path"))
    bins.write_bytes(b"PAR1" + bins.read_bytes()[4:-9])
    for damage in ("changed", "missing"):
        with pytest.raises(StoreDamaged, match=f"evidence that a verdict cites is {damage}"):
            report.write(root, WEEK)
        bins.unlink(missing_ok=True)


def test_only_our_own_style_and_script_may_run(judged: tuple[Root, str]) -> None:
    page = judged[1]
    rule = unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0])
    assert rule.startswith("default-src 'none';")
    for tag in ("style", "script"):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        assert len(texts) == 1
        assert f"{tag}-src 'sha256-{digest}'" in rule
    assert not re.search(r"<[^>]*\s(on\w+|style|src)=", page)
    assert not re.search(r'href="(?!#|\.\./index\.html)', page)
    assert len(page) < 1_500_000


def test_changed_evidence_is_refused(tmp_path: Path) -> None:
    root = Root(tmp_path, durable=False)
    judge_weeks(root, count=1)
    path = next(root.at("datamart/gold/monitoring").glob("*/evidence-*.json"))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(StoreDamaged, match="verdict cites is changed"):
        report.write(root, WEEK)
    path.unlink()
    with pytest.raises(StoreDamaged, match="verdict cites is missing"):
        report.write(root, WEEK)
    with pytest.raises(StoreDamaged, match="no verdict"):
        report.write(root, WEEK - timedelta(days=7))


def test_a_week_before_whose_evidence_is_damaged_is_shown_without_its_numbers(tmp_path: Path) -> None:
    root = Root(tmp_path, durable=False)
    earlier = judge_weeks(root, count=2)[0]
    report.write(root, WEEK)
    assert "score PSI went from" in words(page_of(root))
    (path,) = root.at(f"datamart/gold/monitoring/week={earlier}").glob("evidence-*.json")
    path.write_bytes(path.read_bytes() + b" ")
    report.write(root, WEEK)
    said = words(page_of(root))
    assert f"Compared with the week to {earlier}" in said
    assert "score PSI went from" not in said
