"""What a week is judged by, told by hashes alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from jobs.monitoring import weeks
from jobs.monitoring.session import Session
from jobs.protocol import partitions, strict_json, verdicts
from jobs.protocol.calendar import add_months
from jobs.protocol.claims import claim, complete
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.layers import LABELS, PREDICTIONS
from jobs.protocol.state import Serving
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.monitoring.evidences import MODEL, WEEK
from tests.monitoring.judging import POLICY
from tests.protocol.build import OPEN_RULES, PASSED, READY, SUNDAY, desk, machine

if TYPE_CHECKING:
    from functools import cached_property
    from pathlib import Path

    from jobs.monitoring.session import Sources


def test_a_model_that_no_training_made_is_known_by_its_manifest_or_by_lacking_it(tmp_path: Path) -> None:
    judged = Serving(3, date(2023, 6, 1), MODEL, "pinned", pinned=True)
    session = cast("Session", SimpleNamespace(store=FolderStore(Root(tmp_path)), judged=judged))
    path = tmp_path / "model_bank" / MODEL / "manifest.json"
    path.parent.mkdir(parents=True)
    for manifest in (b"", b"{}", b'{"brought": "by a person"}'):
        if manifest:
            path.write_bytes(manifest)
        assert Session._model_facts(session) == [MODEL, hashlib.sha256(manifest).hexdigest(), "2023-06-01", 3]


def test_a_model_of_the_ledger_is_known_by_it_though_the_bank_has_lost_its_manifest(tmp_path: Path) -> None:
    store = FolderStore(Root(tmp_path))
    store.put_if_absent(RETRAINING_NOTE, machine())
    begin(desk(store))
    claimed = claim(desk(store), OPEN_RULES, READY, "")[1]
    assert claimed
    serving = complete(desk(store), claimed.seq, PASSED).state.serving
    assert serving
    session = cast("Session", SimpleNamespace(store=store, judged=serving))
    assert Session._model_facts(session)[:2] == [PASSED.model_id, PASSED.model_sha256]


@pytest.mark.parametrize(("back", "counts"), [(-1, False), (0, True), (6, True), (34, True), (35, False)], ids=str)
def test_of_what_landed_the_week_and_the_four_weeks_before_it_make_the_evidence(
    tmp_path: Path, back: int, counts: bool
) -> None:
    session = cast("Session", SimpleNamespace(root=Root(tmp_path), week=WEEK))
    before = list(Session._feed(session))
    manifest = tmp_path / partitions.manifest_name("silver/financial", WEEK - timedelta(days=back))
    manifest.parent.mkdir(parents=True)
    for data in (b"{}", b'{"landed": "anew"}'):
        manifest.write_bytes(data)
        now = list(Session._feed(session))
        changed = [each.path for each, was in zip(now, before, strict=True) if each != was]
        assert changed == ["datamart/silver/financial"] * counts
        before = now


def test_a_training_on_the_last_day_of_a_week_is_one_of_that_week(tmp_path: Path) -> None:
    store = FolderStore(Root(tmp_path))
    store.put_if_absent(RETRAINING_NOTE, machine())
    begin(desk(store))
    claimed = claim(desk(store), OPEN_RULES, READY, "")[1]
    assert claimed
    complete(desk(store), claimed.seq, PASSED)
    for days, trainings in ((-1, 0), (0, 1)):
        week = SUNDAY + timedelta(days=days)
        session = cast("Session", SimpleNamespace(store=store, week=week, _reasons=lambda _: []))
        assert len(list(Session._trainings(session))) == trainings


def test_a_training_was_asked_for_by_the_reasons_of_weight_in_the_verdict_that_its_note_cites(tmp_path: Path) -> None:
    severities = ("none", "low", "medium", "high", "critical")
    data = strict_json.pretty({"reasons": [{"rule": f"of {each}", "severity": each} for each in severities]})
    path = tmp_path / verdicts.name_of(WEEK)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    session = cast("Session", SimpleNamespace(root=Root(tmp_path)))
    cited = {"path": verdicts.name_of(WEEK), "sha256": hashlib.sha256(data).hexdigest()}
    assert Session._reasons(session, machine(details=cited)) == ["of medium", "of high", "of critical"]
    assert Session._reasons(session, machine(details=cited | {"sha256": "0" * 64})) == []
    assert Session._reasons(session, machine(details=None)) == []


@pytest.mark.parametrize(("week", "months"), [(date(2017, 4, 29), 38), (date(2016, 5, 28), 12)])
def test_the_days_on_which_loans_applied_that_mature_now_are_read_however_long_their_months(
    tmp_path: Path, week: date, months: int
) -> None:
    """61 days before an April end in a shorter month than 61 days before the April of 38 months ago."""
    label = replace(POLICY.label, window_months=months, lag_days=61)
    applied = add_months(weeks.first_of(week, weeks.OUTCOME_DAYS) - timedelta(days=61), -months)
    built = {applied: SimpleNamespace(content=""), week + timedelta(days=1): SimpleNamespace(content="")}
    session = SimpleNamespace(
        week=week,
        root=Root(tmp_path),
        policy=replace(POLICY, label=label),
        shelf=SimpleNamespace(built=lambda _: built),
        **dict.fromkeys(("_feed", "_trainings", "_model_facts"), tuple),
    )
    found = cast("cached_property[Sources]", vars(Session)["sources"]).func(cast("Session", session))
    assert (found.days[LABELS], found.days[PREDICTIONS]) == ([applied], [applied])
