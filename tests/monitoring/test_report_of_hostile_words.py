"""Whatever stands in names, categories, reasons and settings, the report has the elements that it has of tame words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from jobs.monitoring import report
from jobs.protocol import ledger, policy_in_force
from jobs.protocol.files import Root
from jobs.protocol.state import SERVING, Fact
from jobs.protocol.store import FolderStore
from tests.monitoring.evidences import WEEK
from tests.monitoring.hostile_pages import HOSTILE, TAME, reported
from tests.monitoring.report_pages import RULES, page_of, words
from tests.protocol.build import MODEL, writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest


class Elements(HTMLParser):
    """Every element of a page with the names of its attributes, and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # type: ignore[explicit-override]
        leads = [value or "" for name, value in attrs if name in ("href", "src", "id")]
        self.found[tag, *(name for name, _ in attrs), *leads] += 1


def page_with(home: Path, said: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> str:
    home.mkdir()
    chosen = {"model_id": MODEL, "reason": said[2], "pinned": True}
    ledger.append(FolderStore(Root(home)), writer(day=WEEK), lambda _: Fact(SERVING, "serving", chosen))
    rules, beside = replace(RULES, alerts=replace(RULES.alerts, hosts=(said[3],))), report._beside

    def of_categories(*args: Any) -> list[dict[str, Any]]:
        return [row | ({"bin": f"{said[1]} {at}"} if "bin" in row else {}) for at, row in enumerate(beside(*args))]

    with monkeypatch.context() as here:
        here.setattr(policy_in_force, "kept", lambda *_: rules)
        here.setattr(report, "_beside", of_categories)
        return page_of(reported(home, said))


def test_hostile_words_stay_words_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tame = page_with(tmp_path / "tame", TAME, monkeypatch)
    hostile = page_with(tmp_path / "hostile", HOSTILE, monkeypatch)
    assert Elements(hostile).found == Elements(tame).found
    assert [one for one in HOSTILE if one not in words(hostile)] == []
    assert "could not be shown" not in hostile
