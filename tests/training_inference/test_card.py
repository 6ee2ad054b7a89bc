from __future__ import annotations

import pytest

from jobs.training_inference import card


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"auc_lower": 0.123456}, "<table><tr><th>auc lower</th><td>0.1235</td></tr></table>", id="facts"),
        pytest.param(
            [{"x": 1}, {"x": None, "y": True}],
            "<table><tr><th>x</th><th>y</th></tr><tr><td>1</td><td></td></tr><tr><td></td><td>True</td></tr></table>",
            id="rows",
        ),
        pytest.param(
            {"of": {"one": 1}}, "<td><table><tr><th>one</th><td>1</td></tr></table></td>", id="facts-of-facts"
        ),
        pytest.param(["p", "q"], "p<br>q", id="texts"),
        pytest.param({"<b>": "<i>&"}, "<th>&lt;b&gt;</th><td>&lt;i&gt;&amp;</td>", id="hostile"),
    ],
)
def test_the_page_of_a_card_shows_facts_as_rows_and_escapes_every_text(value: object, expected: str) -> None:
    section = card.page({"title": "T", "a_section": value}).decode().partition("<h2>a section</h2>")[2]
    assert expected in section
