"""What the steps of one run share, made once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from jobs.protocol import ledger, policy_in_force, status
from jobs.protocol.command import Run
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin
from jobs.protocol.session import Session
from jobs.protocol.store import POLICY, RETRAINING_NOTE, FolderStore
from tests.protocol.build import SUNDAY, desk, machine

if TYPE_CHECKING:
    from pathlib import Path


class Sample(Session):
    JOB = "monitoring"


def run(path: Path, *, dry: bool = False) -> Run:
    return Run(Root(path, durable=False), SUNDAY, SUNDAY, dry, Events(), argparse.Namespace(), 0.0)


def test_all_steps_of_a_run_see_one_session_and_another_run_has_its_own(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert Sample.of(first) is Sample.of(first)
    assert Sample.of(run(tmp_path)) is not Sample.of(first)


def test_a_dry_run_goes_by_the_policy_in_place_though_none_has_recorded_it(tmp_path: Path) -> None:
    policy_in_force.begin(FolderStore(Root(tmp_path)), dry_run=False)
    (tmp_path / POLICY).write_bytes(b'{"mode": "advise"}')
    assert Sample.of(run(tmp_path, dry=True)).policy.mode == "advise"


def test_no_step_begins_on_a_ledger_that_lost_its_newest_entry(tmp_path: Path) -> None:
    store = FolderStore(Root(tmp_path))
    store.put_if_absent(RETRAINING_NOTE, machine())
    begin(desk(store))
    status.refresh(desk(store))
    (tmp_path / ledger.name_of(1)).unlink()
    with pytest.raises(StoreDamaged, match="names an entry 1 that is not in the ledger"):
        Sample.of(run(tmp_path))
