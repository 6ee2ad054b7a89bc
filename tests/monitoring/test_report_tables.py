"""Each table of a full week's report: its headings, and the row below them that says most, as a reader sees both."""

from __future__ import annotations

import re
from html import unescape

import pytest

from jobs.monitoring import report, weeks
from jobs.monitoring.page import NONE
from jobs.protocol.files import Root
from tests.monitoring.evidences import WEEK
from tests.monitoring.judged_weeks import NAMES, judge_weeks

TABLES = {
    "Reasons of this verdict": (
        "rule = drift; subject = score; severity = ◕ high; value = 0.350; threshold = 0.300; p = < 0.001; n = "
        "2,000; distance to flip = 0.050; in words = The scores have moved: PSI 0.350 is above 0.300."
    ),
    "Set aside": (
        "rule = calibration; subject = portfolio; severity = ◔ low; value = 1.080; threshold = 0.100; p = < "
        "0.001; n = 2,000; why it does not count = hysteresis; in words = More bads came than promised."
    ),
    "Open alerts": (
        "rule = drift; subject = score; severity = ◕ high; weeks open = 1; since = 2024-01-06; acknowledged "
        "by = -; in words = The scores have moved: PSI 0.350 is above 0.300."
    ),
    "Scores by bin of the reference": (
        "bin = <= 0.0213; reference rows = 500; reference share = 10.0%; rows = 20; share = 2.0%; contribution = 0.000"
    ),
    "Grades": ("bin = A; reference rows = 1,000; reference share = 20.0%; rows = 400; share = 20.0%; contribution = -"),
    "Drift of the scores": (
        "measure = score PSI; value = 0.350; 95 % interval = -; n = 2,000; reference n = 5,000; p = < 0.001"
    ),
    "dti": (
        "bin = <= 0.0213; reference rows = 500; reference share = 10.0%; rows = 20; share = 2.0%; contribution = 0.000"
    ),
    "CSI by week, the newest first; grey: too few rows, hatched: the schema changed, blank: not in that week": (
        "feature = dti; importance = 12.9%; 01-13 = ◕ 0.33; 01-06 = ◑ 0.29; 12-30 = ◑ 0.26; 12-23 = ◔ 0.23; 12-16"
        " = ◔ 0.19; 12-09 = ◔ 0.16; 12-02 = ◔ 0.12; 11-25 = 0.08; 11-18 = 0.05; 11-11 = 0.01; 11-04 = 0.02; 10-28"
        " = 0.01; 10-21 = 0.01"
    ),
    "Features of this week, by CSI": (
        "feature = revol_util; CSI = 0.333; n = 2,000; adjusted p = < 0.001; importance = 5.6%; missing = 0.0%; "
        "missing, reference = 1.0%; CSI of missing = 0.000; CSI of unseen = 0.000; severity of CSI = ◕ high"
    ),
    "ROC curve": "line = now; goods rejected = 0.200; bads caught = 0.462",
    "KS: goods and bads by score": "line = bads; score (PD) = 0.090; share at or below = 0.243",
    "Precision and recall": "line = now; recall = 0.010; precision = 0.550",
    "Performance on matured loans": "measure = AUC; value = 0.685; 95 % interval = 0.664 to 0.706; n = 3,624",
    "Against the reference": (
        "measure = AUC lost since the reference; value = 0.020; 95 % interval = -0.001 to 0.041; n = 3,624; "
        "reference n = 9,000"
    ),
    "Gains, riskiest scores first": (
        "scores from = 0.380; to = 0.418; n = 320; bads = 138; bad rate = 43.1%; 95 % interval = 37.8% to 48.6%; "
        "mean PD = 40.0%; bads so far = 18.2%; goods so far = 7.5%; lift = 1.816; KS = 0.107; "
        "in order = yes"
    ),
    "Reliability": (
        "scores = 0.020 to 0.058; n = 320; bads = 14; expected = 4.0%; observed = 4.4%; 95 % interval = 2.5% to 7.0%"
    ),
    "Calibration": (
        "measure = observed over expected bads; value = 1.080; 95 % interval = 1.000 to 1.160; n = 3,624; p = 0.040"
    ),
    "Grades: expected and observed bads": (
        "grade = A; n = 420; bads = 18; bad rate = 4.3%; expected rate = 4.0%; p, PDs not too low = 0.300; "
        "p, not too high = 0.700; light = ○ green"
    ),
    "Vintages": (
        "quarter = 2022-Q1; month on book = 3; loans = 2,700; at risk = 2,580; bads = 17; share = 7.5%; low = "
        "7.0%; high = 8.0%; not all are that old = no"
    ),
    "Bad rate by month": "month = 2022-07; matured = 900; bad rate = 19.0%; 95 % interval = 17.0% to 21.0%",
    "Change of the bad rate": (
        "measure = against the reference; value = 0.0%; 95 % interval = -2.0% to 2.0%; n = 3,000; reference n = "
        "5,000; p = 0.900"
    ),
    "Maturity by month of application": (
        "month = 2022-12; loans = 900; matured = 780; share matured = 86.7%; bad rate of these = 19.0%; low = "
        "17.0%; high = 21.0%"
    ),
    "Estimated and realised": "week = 2022-11-19; realised = 0.710; estimated = 0.706; n = 2,008",
    "Estimated for the rows of the window, before outcomes are known": (
        "measure = AUC; value = 0.688; 95 % interval = -; n = 2,000"
    ),
    "Findings": (
        "rule = DQ-2; subject = revol_util; severity = ◑ medium; value = 0.012; threshold = 0.010; p = -; n = "
        "2,000; in words = revol_util: 1.2 % of the week's values lie outside their range; 1 % is the limit."
    ),
    "What arrived in the week": "table = silver/loan_terms; days = 7; rows = 2,000; cells refused = 0",
    "AUC over the weeks": "line = realised; week to = 2023-10-21; AUC = 0.712",
    "Drift over the weeks": "line = score PSI; week to = 2023-10-21; index = 0.020",
    "Weeks": (
        "week to = 2024-01-13; decision = ◕ retrain; severity = high; priority = MEDIUM; model = "
        "20230601-0123456789ab; score PSI = 0.350; AUC realised = 0.685; n = 3,624; AUC estimated = 0.688; n = "
        "2,000"
    ),
}
_TABLE = re.compile(r"<caption>(.*?)</caption>\s*<thead>(.*?)</thead>\s*<tbody>(.*?)</tbody>", re.DOTALL)


def cells(row: str) -> list[str]:
    return [
        unescape(re.sub(r"<[^>]*>", "", cell)).replace(NONE, "-")
        for cell in re.findall(r"<t[hd]\b.*?</t[hd]>", row, re.DOTALL)
    ]


def shown(page: str) -> dict[str, str]:
    """By caption, the row with the most that differs, each cell after its heading."""
    found = {}
    for caption, heads, body in _TABLE.findall(page):
        row = max((cells(one) for one in body.split("</tr>")), key=lambda one: len({*one}))
        pairs = zip(cells(heads), row, strict=True)
        found[unescape(caption)] = "; ".join(f"{head} = {cell}" for head, cell in pairs)
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = Root(tmp_path_factory.mktemp("judged"), durable=False)
    judge_weeks(root)
    report.write(root, WEEK)
    return shown(root.at(weeks.report_of(WEEK)).read_text())


def test_each_table_tells_under_its_headings_what_the_evidence_holds(tables: dict[str, str]) -> None:
    others = {"Policy", "Hashes (sha256)", *NAMES} - TABLES.keys()  # settings, and features that look like the one here
    assert {caption: row for caption, row in tables.items() if caption not in others} == TABLES
