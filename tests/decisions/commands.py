"""A root with an open decision, and what a command says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.decisions.__main__ import main
from jobs.protocol import clock
from jobs.protocol.ingest import Desk, begin, place
from tests.protocol.build import desk, machine

if TYPE_CHECKING:
    import pytest

    from jobs.protocol.store import FolderStore

TODAY = clock.today()


def opened(store: FolderStore) -> Desk:
    at_desk = desk(store, TODAY)
    place(at_desk, machine(TODAY), begin(at_desk))
    return at_desk


def said(capsys: pytest.CaptureFixture[str], store: FolderStore, *words: str) -> tuple[int, str]:
    code = main([*words, "--root", str(store.root.path)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err
