"""How numbers, marks and pictures read on a page."""

from __future__ import annotations

import re
from datetime import date

import pytest

from jobs.monitoring import charts, panels
from jobs.monitoring.page import NOT_COMPUTED, cell, decided, distribution, in_words, lines, number, points
from jobs.monitoring.panels import Shown
from jobs.monitoring.storing import Judged
from jobs.protocol import policy
from jobs.protocol.events import amount
from tests.monitoring.evidences import measure

RULES = policy.load(policy.default_bytes(), "policy")
FINE = {"insufficient_data": False, "severity": "none"}


def test_a_week_with_too_few_rows_is_marked_as_such_wherever_it_is_named() -> None:
    few = decided({"insufficient_data": True, "decision": "no_action", "severity": "none"})
    fine = decided({"insufficient_data": False, "decision": "no_action", "severity": "none"})
    assert (few.text, few.mark) == ("insufficient data", "insufficient")
    assert (fine.text, fine.mark) == ("no action", "none")


def test_a_feature_is_marked_by_effect_and_by_chance() -> None:
    def mark(value: float | None, p: float | None, *, schema: bool = False, n: int = 900) -> str:
        one = {"name": "dti", "csi": measure(value, n), "p_adjusted": p, "schema_change": schema}
        return panels.grade(one, RULES).mark

    assert [mark(0.31, 0.001), mark(0.31, 0.2), mark(0.05, 0.001)] == ["high", "none", "none"]
    assert [mark(0.31, p) for p in (0.049, 0.051)] == ["high", "none"], "by chance as the judge sees it"
    assert [mark(0.31, 0.001, n=n) for n in (499, 500)] == ["insufficient", "high"], "as few rows as are not judged"
    assert mark(0.31, None) == "high", "no chance is known that would explain it"
    assert mark(RULES.drift.psi.high, 0.001) == "medium", "a bound lies above its band"
    assert [mark(None, None), mark(0.6, 0.0, schema=True), mark(0.6, 0.0)] == ["insufficient", "schema", "critical"]


def test_news_names_reasons_that_came_and_went() -> None:
    def changes(*subjects: str) -> list[str]:
        """From week to week one letter a subject."""
        weeks = [
            Judged(
                date(2024, 1, 6 + 7 * n), {}, {"decision": "alert", "reasons": reasons, "model_id": f"model {n}"} | FINE
            )
            for n, reasons in enumerate([[{"rule": "drift", "subject": one} for one in each] for each in subjects])
        ]
        return Shown(weeks=weeks, policy=RULES, bins={}).changes

    found = changes("dt", "ds")
    assert "new reason: drift, s" in found
    assert "no longer a reason: drift, t" in found
    assert "model went from model 0 to model 1" in found
    assert "Compared with the week to 2024-01-06:" in found
    assert "no earlier week" in changes("d")[0]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(1234567), "1,234,567"),
        (number(0.12345), "0.123"),
        (number(0.12345, "%"), "12.3%"),
        (number(0.0), "0.000"),
        (number(-0.00049), "-0.00049"),
        (number(0.0005), "0.001"),
        (number(None), NOT_COMPUTED),
        (cell(True).text, "yes"),
        (number(0.0004, "p"), "< 0.001"),
        (number(None, "p"), "\N{EN DASH}"),
        (in_words(measure(0.7, 2000, interval=[0.68, 0.72])), "0.700 (95 % interval 0.680 to 0.720, n 2,000)"),
        (in_words(measure(None, 3, reason="one class only")), f"{NOT_COMPUTED} (one class only)"),
        (amount(1, "reason"), "1 reason"),
        (amount(2, "reason"), "2 reasons"),
    ],
)
def test_numbers_read_well(shown: str, expected: str) -> None:
    assert shown == expected


def test_a_point_has_the_ends_of_its_interval_and_none_stands_where_there_is_no_value() -> None:
    weeks = [{"week": 1, "auc": measure(0.7, 20, interval=[0.6, 0.8])}, {"week": 2, "auc": measure(None, 0)}]
    weeks += [{"week": 3, "auc": 0.5}]
    assert points(weeks, "week", "auc", "auc.interval") == [(1, 0.7, 0.6, 0.8), (3, 0.5)]
    assert points(None, "week", "auc") == []


def test_a_week_without_rows_is_said_to_have_none() -> None:
    found = distribution("Scores", [{"bin": "a", "reference_rows": 30, "rows": 0}])
    assert found is not None
    assert "0 rows now against 30 of the reference" in found.says


def test_a_distribution_is_told_by_its_largest_shift_and_its_index() -> None:
    bins = [
        {"bin": "(1.00000, 2.50000]", "reference_rows": 900, "rows": 50},
        {"bin": "> 2.50000", "reference_rows": 600, "rows": 150},
        {"bin": "missing", "reference_rows": 500, "rows": 50},
    ]
    found = distribution("dti", bins, measure(0.35, 250))
    assert found is not None
    assert found.says == (
        "Shares of 3 bins, 250 rows now against 2,000 of the reference. "
        "Largest shift in > 2.5: 30.0% in the reference, 60.0% now. Index 0.350 (n 250)."
    )


def test_a_cut_off_is_marked_in_its_bin_and_told() -> None:
    bins = [{"bin": name, "reference_rows": 9, "rows": 5} for name in ("<= 1.50000", "(1.50000, 2.50000]", "> 2.50000")]
    found = distribution("score", bins, cutoff={"value": 1.75, "bin": bins[1]["bin"]})
    assert found is not None
    assert found.says.endswith("Dashed line: the cut-off 1.750, in (1.5, 2.5].")
    assert charts.svg(found.chart, "a").count("var(--warn)") == 1
    plain = distribution("score", bins)
    assert plain is not None
    assert "cut-off" not in plain.says
    assert "var(--warn)" not in charts.svg(plain.chart, "a")


def test_a_line_that_is_alone_is_not_taken_for_another() -> None:
    figure = lines(
        "ROC curve", "", {"now": [], "reference": [(0.0, 0.0), (1.0, 1.0)]}, x="goods rejected", y="bads caught"
    )
    assert figure is not None
    drawn = charts.svg(figure.chart, "a")
    assert re.findall(r">(now|reference)<", drawn) == ["now", "reference"], "the key names both"
    assert charts.INKS[1] in drawn


def test_a_picture_keeps_only_what_it_needs() -> None:
    hostile = "<script>alert(1)</script>\" onload='x'"
    drawn = charts.svg(charts.bars([{"bin": hostile, "before": 0.4, "now": 0.6}]), "a")
    assert "&lt;script&gt;" in drawn
    assert not re.search(r"<script|<image|<a[ >]|style=|href|aria-|class=|#000", drawn)
    assert {*re.findall(r"<(\w+)", drawn)} <= {"svg", "g", "path", "line", "rect", "text", "defs", "clipPath"}
    for name in ("currentColor", "var(--now)", "var(--before)"):
        assert name in drawn
