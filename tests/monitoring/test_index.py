"""The page of all weeks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.monitoring import report, weeks
from jobs.protocol.files import Root
from tests.monitoring.receivers import find
from tests.monitoring.test_alerts import MODEL, week

if TYPE_CHECKING:
    from pathlib import Path


def test_a_week_stands_in_the_index_with_its_decision_what_its_auc_is_and_its_report(tmp_path: Path) -> None:
    find(tmp_path, 0, performance_score=None, insufficient_data=True)
    find(tmp_path, 1, performance_score=0.7, estimated=True, decision="no_action", severity="none")
    find(tmp_path, 2, performance_score=0.65, priority="HIGH", decision="retrain", severity="high")
    root = Root(tmp_path, durable=False)
    reported = root.at(weeks.report_of(week(0)))
    reported.parent.mkdir(parents=True)
    reported.touch()
    page = report._index(root, week(2))
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2], re.DOTALL)
    assert [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row)).strip() for row in rows] == [
        f"2024-01-20 ◕ retrain high HIGH {MODEL} 0.650 realised Something moved.",
        f"2024-01-13 ○ no action none none {MODEL} 0.700 estimated Something moved.",
        f"2024-01-06 \N{EN DASH} insufficient data medium none {MODEL} not computed none Something moved.",
    ]
    assert re.findall(r'href="([^"#]*)"', "".join(rows)) == [f"week={week(number)}/report.html" for number in (2, 0)], (
        "the report of the week that is reported, and those that lie there"
    )
