"""A root in which everything is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.protocol import policy
from jobs.protocol.files import Root
from jobs.protocol.store import POLICY, FolderStore
from tests.decisions.wholes import whole

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path, durable=False)
    whole(root)
    return root


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(Root(tmp_path, durable=False))
    store.put_if_absent(POLICY, policy.default_bytes())
    return store
