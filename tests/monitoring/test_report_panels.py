"""What the panels of a report show of a week in which something is missing, unknown or remarkable."""

from __future__ import annotations

import re

import pytest

from jobs.measures.counts import ScoreCounts
from jobs.monitoring import performance
from jobs.monitoring.page import NOT_COMPUTED
from jobs.protocol.files import Root
from jobs.protocol.strict_json import Json
from tests.monitoring.evidences import WEEK, measure, unknown
from tests.monitoring.judged_weeks import full_evidence
from tests.monitoring.report_pages import section, shown, words

SECTIONS = ("drift", "performance", "calibration", "vintages", "estimate", "quality")


def test_a_section_that_broke_says_so(judged: tuple[Root, str]) -> None:
    found = shown(judged[0], unknown(*SECTIONS))
    for panel in ("scores", "features", "ranking", "calibration", "vintages", "estimate", "quality"):
        assert "ValueError in somewhere.py:1" in section(found, panel)
        assert re.search(r'class="state">.*unknown', section(found, panel))


def test_a_section_that_is_absent_is_not_computed(judged: tuple[Root, str]) -> None:
    found = shown(judged[0], dict.fromkeys(SECTIONS))
    for panel in ("scores", "features", "ranking", "calibration", "vintages", "estimate", "quality"):
        assert re.search(rf'class="state">.*{NOT_COMPUTED}', section(found, panel))


def test_too_few_rows_are_no_good_news(judged: tuple[Root, str]) -> None:
    few = {"auc": measure(None, 40, reason="fewer than 1000 rows"), "n": 40, "bads": 3}
    found = section(shown(judged[0], {"performance": few}), "ranking")
    assert "insufficient data" in found
    assert "fewer than 1000 rows" in found


def test_what_the_rules_weigh_beside_their_main_figures_is_shown(judged: tuple[Root, str]) -> None:
    early = {"month": "2023-10", "loans": 80, "n": 61, "bads": 2, "rate": 0.033, "interval": [0.012, 0.123]}
    healthy = full_evidence(judged[0], WEEK, 12)
    healthy["drift"]["features"][0]["csi"] |= {"missing_part": 0.0123, "unseen_part": 0.0046}
    healthy["concept"]["cusum"]["path"] = [0.0, 1.234]
    healthy["calibration"]["grades"][0]["p_too_high"] = 0.321
    healthy["target"]["early"] = [early]
    found = shown(judged[0], {name: healthy[name] for name in ("drift", "concept", "calibration", "target")})
    for panel, said in (
        ("features", "0.012 0.005"),
        ("ranking", "slow decay: CUSUM of the losses, in standard errors 1.234"),
        ("calibration", "0.321"),
        ("calibration", "Brier score, reliability part 0.001"),
        ("vintages", "2023-10 80 61 2 3.3% 1.2% to 12.3%"),
        ("estimate", "chance alone keeps it within 0.660 to 0.740"),
    ):
        assert said in words(section(found, panel))


def test_zero_is_a_number(judged: tuple[Root, str]) -> None:
    found = shown(judged[0], {"performance": {"auc": measure(0.0, 4000), "n": 4000, "bads": 3}})
    assert "insufficient data" not in section(found, "ranking")


def test_the_bad_rate_is_drawn_of_every_month_with_known_outcomes(judged: tuple[Root, str]) -> None:
    """Not only of those whose loans matured in the last four weeks."""
    rates = {"bad_rate": 0.19, "low": 0.17, "high": 0.21}
    nothing = {"matured": 0, "share_matured": 0.0, **dict.fromkeys(rates)}
    months = [
        {"month": f"2022-{n:02d}", "loans": 90, "matured": 90, "share_matured": 1.0, **rates} for n in range(1, 8)
    ]
    found = shown(judged[0], {"vintages": {"months": [*months, {"month": "2023-01", "loans": 90, **nothing}]}})
    drawn = section(found, "vintages").partition("Numbers of Bad rate by month")[2].partition("</details>")[0]
    assert re.findall(r"2\d{3}-\d\d", drawn.partition("<tbody>")[2]) == [one["month"] for one in months]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(unknown("curves"), id="curves-broke"),
        pytest.param(unknown("target"), id="target-broke"),
        pytest.param(unknown("concept"), id="concept-broke"),
        pytest.param(
            {
                "calibration": performance.calibration(ScoreCounts.of((), ()), {}),
                "curves": performance.curves(ScoreCounts.of((), ()), ScoreCounts.of((0.1, 0.2), (0, 1))),
                "target": {"change": measure(None, 0), "months": [], "early": []},
            },
            id="no-loan-has-matured",
        ),
    ],
)
def test_what_is_missing_from_the_evidence_takes_no_panel_with_it(judged: tuple[Root, str], changes: Json) -> None:
    assert "could not be shown" not in shown(judged[0], changes)


def test_a_panel_that_cannot_be_drawn_leaves_the_others(judged: tuple[Root, str]) -> None:
    found = shown(judged[0], {"curves": {"roc": "no points"}})
    assert "could not be shown: " in section(found, "ranking")
    assert "could not be shown" not in found.replace(section(found, "ranking"), "")
