"""What the tests of scenarios ask of a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.protocol import ledger
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from tests.monitoring.lenders import SHORT, Json, Lender

if TYPE_CHECKING:
    from jobs.protocol.state import State

SUNDAY = SHORT.shifted


def said(verdict: Json) -> tuple[str, str | None, list[str]]:
    assert verdict["unknown"] == []
    return verdict["decision"], verdict["priority"], verdict["blocked_by"]


def rules(verdict: Json, *severities: str) -> set[str]:
    return {reason["rule"] for reason in verdict["reasons"] if reason["severity"] in severities}


def state(lender: Lender) -> State:
    return ledger.read(FolderStore(Root(lender.root))).state
