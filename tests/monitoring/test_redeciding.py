"""Weeks judged again by another policy."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs.monitoring import job
from jobs.monitoring.retraining import judge
from jobs.protocol import files, policy, strict_json, verdicts
from jobs.protocol.files import Root
from tests.monitoring.evidences import WEEK, Json, drifted, evidence

if TYPE_CHECKING:
    from pathlib import Path

RULES = policy.load(None, "policy.json")
STRICT = {"drift": {"psi": {"low": 0.05, "medium": 0.1, "high": 0.2, "critical": 0.3}}}
LAX = {"drift": {"psi": {"low": 1.0, "medium": 2.0, "high": 3.0, "critical": 4.0}}}
DRIFTS = (0.01, 0.15, 0.28, 0.45)


def feature(csi: float) -> Json:
    return {"drift__features__0__csi__value": csi, "drift__features__0__p_adjusted": 0.0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four weeks in which the scores move ever further, judged by the policy as it comes."""
    past: list[Json] = []
    for number, psi in enumerate(DRIFTS):
        keep(Root(tmp_path), WEEK + timedelta(days=7 * number), drifted(psi), past)
    return tmp_path


def keep(root: Root, week: date, changes: Json, past: list[Json]) -> None:
    found = evidence(week, **changes)
    data = strict_json.pretty(found)
    sha256 = hashlib.sha256(data).hexdigest()
    name = f"{verdicts.folder(week)}/evidence-{sha256[:12]}.json"
    files.write_whole(root, root.at(name), data)
    resting_on = {"evidence": {"path": name, "sha256": sha256}, "policy_sha256": RULES.sha256, "previous": None}
    past.append(judge(found, RULES, past) | resting_on)
    files.write_whole(root, root.at(f"{verdicts.folder(week)}/decision.json"), strict_json.pretty(past[-1]))


def redecided(
    root: Path, capsys: pytest.CaptureFixture[str], rules: object = STRICT, *more: str, code: int = 0
) -> tuple[list[Any], dict[str, Any]]:
    """The rows and the totals that it says."""
    (root / "new.json").write_text(json.dumps(rules))
    arguments = ["--root", str(root), "--date", "2024-12-31", "--step", "redecide", "--policy", str(root / "new.json")]
    assert job.main([*arguments, *more]) == code
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [(each["week"], each["old"], each["new"]) for each in said if each["event"] == "redecided"]
    return rows, {each["by"]: each for each in said if each["event"] == "total"}


def test_each_week_is_told_side_by_side(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, totals = redecided(root, capsys)
    assert rows == [
        ("2024-01-13", "no_action", "no_action"),
        ("2024-01-20", "no_action", "alert"),
        ("2024-01-27", "alert", "retrain MEDIUM"),
        ("2024-02-03", "retrain MEDIUM", "retrain HIGH"),
    ]
    names = ("retrainings", "alerts", "days_to_detection")
    assert [totals["stored"][name] for name in names] == [1, 1, 7]
    assert [totals["new policy"][name] for name in names] == [2, 1, 0]


def test_a_policy_that_never_asks_has_detected_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    totals = redecided(root, capsys, LAX)[1]
    assert (totals["new policy"]["days_to_detection"], totals["stored"]["days_to_detection"]) == (None, 0)


def test_the_same_policy_decides_the_same(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert all(old == new for _, old, new in redecided(root, capsys, {})[0])


def test_from_and_to_choose_the_weeks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = redecided(root, capsys, STRICT, "--from", "2024-01-20", "--to", "2024-01-27")[0]
    assert [week for week, _, _ in rows] == ["2024-01-20", "2024-01-27"]


def test_a_week_remembers_what_the_new_policy_made_of_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past: list[Json] = []
    for number in range(2):  # below every bound of the stored policy, so that its verdicts have nothing to remember
        keep(Root(tmp_path), WEEK + timedelta(days=7 * number), feature(0.09), past)
    assert [new for _, _, new in redecided(tmp_path, capsys)[0]] == ["no_action", "no_action"]
    lower = {"drift": {"psi": {"low": 0.02, "medium": 0.04, "high": 0.08, "critical": 0.3}}}
    assert [new for _, _, new in redecided(tmp_path, capsys, lower)[0]] == ["no_action", "retrain MEDIUM"]


def test_the_first_week_remembers_the_stored_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    past: list[Json] = []
    for number in range(2):
        keep(Root(tmp_path), WEEK + timedelta(days=7 * number), feature(0.4), past)
    rows = redecided(tmp_path, capsys, {}, "--from", "2024-01-20")[0]
    assert rows == [("2024-01-20", "retrain MEDIUM", "retrain MEDIUM")]


def test_it_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def there() -> dict[str, bytes]:
        skipped = (".lock", "new.json")
        return {
            str(each): each.read_bytes()
            for each in root.rglob("*")
            if each.is_file() and not each.name.endswith(skipped)
        }

    before = there()
    redecided(root, capsys)
    assert there() == before


@pytest.mark.parametrize(
    ("rules", "more", "code"),
    [
        pytest.param({"drift": {"psi": {"low": "much"}}}, (), 5, id="policy-invalid"),
        pytest.param({}, ("--policy", "/nowhere/policy.json"), 5, id="policy-not-there"),
        pytest.param({}, ("--to", "2020-01-01"), 3, id="no-week"),
    ],
)
def test_what_cannot_be_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], rules: object, more: tuple[str, ...], code: int
) -> None:
    assert redecided(root, capsys, rules, *more, code=code)[0] == []
    assert not (root / "decisions/receipts").exists(), "a policy that was only tried stands against no date"


def test_damaged_evidence_of_a_week_does_not_hide_the_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((root / verdicts.folder(WEEK)).glob("evidence-*")).write_text("{}")
    assert len(redecided(root, capsys, code=6)[0]) == 3
