"""What a week is judged by, told by hashes alone."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from jobs.monitoring.session import Session
from jobs.protocol.claims import claim, complete
from jobs.protocol.facts import Serving
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.monitoring.evidences import MODEL
from tests.protocol.build import OPEN_RULES, PASSED, READY, SUNDAY, desk, machine

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_that_no_training_made_is_known_by_its_manifest_or_by_lacking_it(tmp_path: Path) -> None:
    judged = Serving(3, date(2023, 6, 1), MODEL, "pinned", pinned=True)
    session = cast("Session", SimpleNamespace(store=FolderStore(Root(tmp_path)), judged=judged))
    path = tmp_path / "model_bank" / MODEL / "manifest.json"
    path.parent.mkdir(parents=True)
    for manifest in (b"", b"{}", b'{"brought": "by a person"}'):
        if manifest:
            path.write_bytes(manifest)
        assert Session._model_facts(session) == [MODEL, hashlib.sha256(manifest).hexdigest(), "2023-06-01", 3]


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
