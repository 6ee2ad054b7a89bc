"""A report as a reader sees it, and that of a week with other evidence."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

from jobs.monitoring import report, weeks
from jobs.monitoring.panels import Shown
from jobs.monitoring.storing import Judged
from jobs.protocol import policy, verdicts
from jobs.protocol.files import Root
from tests.monitoring.evidences import WEEK
from tests.monitoring.judged_weeks import full_evidence

RULES = policy.load(policy.default_bytes(), "policy")


def page_of(root: Root, week: date = WEEK) -> str:
    return root.at(weeks.report_of(week)).read_text()


def section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}"')[1].split("</section>", maxsplit=1)[0]


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", markup)))


def shown(root: Root, changes: dict[str, Any]) -> str:
    """The page of a week with these changes, without pictures of others."""
    evidence = full_evidence(root, WEEK, 12, **changes)
    verdict = {**(verdicts.read(root, WEEK) or {}), "unknown": []}
    return report.report(Shown(weeks=[Judged(WEEK, evidence, verdict)], policy=RULES, bins={}))
