from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.monitoring import report, weeks
from jobs.protocol.files import Root
from tests.monitoring.evidences import WEEK
from tests.monitoring.hostile_pages import HOSTILE, TAME, reported
from tests.monitoring.judged_weeks import judge_weeks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Dialog, Page

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[2] / "requirements/npm/node_modules/axe-core/axe.min.js"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
OFFLINE = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *OFFLINE])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    made = Root(tmp_path_factory.mktemp("judged"), durable=False)
    judge_weeks(made, count=4)
    report.write(made, WEEK)
    return made


class Visit:
    """A page, all that it asked for, and all that it complained about."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        self.page: Page = browser.new_page(**options)
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.goto(path.as_uri())

    def _dialog(self, dialog: Dialog) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()

    def elements(self) -> dict[str, int]:
        """How many there are of each element."""
        found: dict[str, int] = self.page.evaluate(
            "() => [...document.querySelectorAll('*')].reduce("
            "(of, one) => ({...of, [one.localName]: (of[one.localName] || 0) + 1}), {})"
        )
        return found


def _report(root: Root) -> Path:
    return root.at(weeks.report_of(WEEK)).resolve()


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, root: Root) -> None:
    visit = Visit(browser, _report(root))
    assert visit.asked == [_report(root).as_uri()]
    assert visit.said == []
    took = visit.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert took < 5000  # far under a second on a quiet machine


def test_every_panel_has_content(browser: Browser, root: Root) -> None:
    page = Visit(browser, _report(root)).page
    for section in page.locator("section").all():
        assert section.locator("h2").inner_text()
        assert section.locator("table, svg, dl").count() > 0
    for picture in page.locator("figure svg").all():
        box = picture.bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 80


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_runs_over_the_side(browser: Browser, root: Root, width: int) -> None:
    page = Visit(browser, _report(root), viewport={"width": width, "height": 900}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["report", "index"])
def test_the_page_is_for_everybody(browser: Browser, root: Root, scheme: Any, name: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make setup-page")
    path = _report(root) if name == "report" else root.at(report.INDEX).resolve()
    page = Visit(browser, path, color_scheme=scheme, bypass_csp=True).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(AXE.read_text())
    rules = RULES if scheme == "light" else ["color-contrast"]  # all else is the same in the dark
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    broken = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found["violations"]]
    assert broken == []
    assert len(found["passes"]) >= (20 if scheme == "light" else 1)


def test_tables_are_sorted_from_the_keyboard(browser: Browser, root: Root) -> None:
    page = Visit(browser, _report(root)).page
    table = page.locator("table", has_text="Features of this week, by CSI")
    head = table.locator("thead th", has_text="importance")

    def shown() -> list[float]:
        return [float(text.rstrip("%")) for text in table.locator("tbody td:nth-child(5)").all_inner_texts()]

    before = shown()
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert shown() == sorted(before) != before
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    assert shown() == sorted(before, reverse=True)
    table.locator("thead button").first.click()
    assert head.get_attribute("aria-sort") is None
    names = table.locator("tbody th").all_inner_texts()
    assert names == sorted(names)


def test_the_keyboard_reaches_the_panels_first(browser: Browser, root: Root) -> None:
    page = Visit(browser, _report(root)).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the panels"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_hostile_words_stay_words(browser: Browser, tmp_path: Path) -> None:
    plain = Visit(browser, _report(reported(tmp_path / "plain", TAME)))
    hostile = Visit(browser, _report(reported(tmp_path / "hostile", HOSTILE)))
    hostile.page.mouse.move(300, 300)
    assert hostile.elements() == plain.elements()
    assert hostile.said == []
    assert len(hostile.asked) == 1
    text = hostile.page.locator("body").inner_text()
    assert all(re.sub(r"\s+", " ", word) in text for word in HOSTILE)
    handlers = (
        "[...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames()).filter(n => /^on|^style$/.test(n))"
    )
    assert hostile.page.evaluate(handlers) == []
