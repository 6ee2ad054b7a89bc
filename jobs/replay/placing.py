"""The folder of a replay."""

from __future__ import annotations

from pathlib import Path

from jobs.protocol import files
from jobs.protocol.errors import UsageError
from jobs.protocol.files import Root
from jobs.protocol.store import POLICY, FolderStore


def place(original: Root, into: Path) -> Root:
    """Where the replay is to lie: a folder that holds anything is refused, and so is a place in the original."""
    path = into.resolve()
    kept = (original.path / name for name in ("datamart", "decisions", "model_bank"))
    if original.path.is_relative_to(path) or any(path.is_relative_to(folder) for folder in kept):
        raise UsageError("the replay would lie in or over what it replays", where="--into", mend="name another folder")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError("the folder holds something", where=path, mend="give a new folder, or remove it first")
    return Root(path, durable=False)


def prepare(root: Root, policy: bytes | None) -> None:
    """Make the folder, with its policy."""
    files.make_folder(root, root.path)
    if policy is not None:
        FolderStore(root).put_if_absent(POLICY, policy)
